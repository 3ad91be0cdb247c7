"""A state as a table: as Python's objects, or as Arrow's batches, which pandas, DuckDB and Parquet files take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from millstream.common.errors import MillstreamError
from millstream.state_processor.arrow_values import UnlikeValuesError, arrow_array, infer_type, unified
from millstream.state_processor.state_info import StateInfo
from millstream.state_processor.state_row import StateRow
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode

__all__ = ["StateTable"]

_BATCH = 16_384


class StateTable:
    """The entries of one state, in no particular order. Each look at them reads the snapshot anew.

    The columns are ``key`` (not of lists without keys), ``namespace`` (only where it belongs to windows), ``value``,
    and ``written_ms`` (only with a time to live). Dataclasses, named tuples, tuples and rows are structs, dicts are
    maps.

    :ivar info: what is known of the state.
    """

    def __init__(self, info: StateInfo, read: Callable[[], Iterator[StateRow]], where: str) -> None:
        """:param read: begins to read the entries.

        :param where: what it is, for errors.
        """
        self.info = info
        self._read = read
        self._where = where
        self._schema: pa.Schema | None = None

    def rows(self) -> Iterator[StateRow]:
        """The entries with the objects that the program put there.

        :raises MillstreamError: the snapshot is broken, or classes cannot be found.
        """
        return self._read()

    @property
    def schema(self) -> pa.Schema:
        """The columns. To know them all entries are read once.

        :raises UnlikeValuesError: values are of several types; :meth:`rows` gives them all the same.
        """
        if self._schema is None:
            types: dict[str, pa.DataType] = dict.fromkeys(self._names(), pa.null())
            for chunk in self._chunks(_BATCH):
                for name, values in self._columns(chunk).items():
                    with self._naming(name):
                        types[name] = unified(types[name], infer_type(values))
            self._schema = pa.schema(list(types.items()))
        return self._schema

    def batches(self, batch_size: int = _BATCH) -> Iterator[pa.RecordBatch]:
        """The entries, so many at a time.

        :raises UnlikeValuesError: as for :attr:`schema`.
        """
        schema = self.schema
        for chunk in self._chunks(batch_size):
            columns = self._columns(chunk)
            arrays = []
            for field in schema:
                with self._naming(field.name):
                    arrays.append(arrow_array(columns[field.name], field.type))
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def reader(self, batch_size: int = _BATCH) -> pa.RecordBatchReader:
        """The batches as one object, such as DuckDB takes."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches(batch_size))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Let other libraries read the batches."""
        return self.reader().__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pa.Table:
        """All in memory."""
        return self.reader().read_all()

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file; only a batch at a time is in memory."""
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, self.schema) as writer:
            for batch in self.batches():
                writer.write_batch(batch)

    def to_pandas(self) -> Any:
        """A pandas ``DataFrame``.

        :raises MillstreamError: pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ImportError as error:
            raise MillstreamError("pandas is not installed: pip install pandas") from error

    def __repr__(self) -> str:
        return f"StateTable({self._where}, {self.info.kind}, {self.info.entries} entries)"

    def _names(self) -> list[str]:
        info = self.info
        has_keys = info.keyed or info.kind == OperatorStateMode.BROADCAST.value
        there = {"key": has_keys, "namespace": info.namespaced, "value": True, "written_ms": info.expires}
        return [name for name, is_there in there.items() if is_there]

    def _columns(self, rows: list[StateRow]) -> dict[str, list[Any]]:
        return {name: [getattr(row, name) for row in rows] for name in self._names()}

    def _chunks(self, size: int) -> Iterator[list[StateRow]]:
        rows = self._read()
        while chunk := list(islice(rows, size)):
            yield chunk

    @contextmanager
    def _naming(self, column: str) -> Iterator[None]:
        try:
            yield
        except UnlikeValuesError as error:
            raise UnlikeValuesError(
                f"{self._where}, column {column!r}: {error}; rows() gives the values as they are"
            ) from error
