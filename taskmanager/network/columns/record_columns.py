"""Records with fields: a column for each field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from millstream.common.types import Row, RowKind
from millstream.common.types.row import new_rows
from millstream.taskmanager.network.columns.column import NULLS, ChunkReader, ChunkWriter, Column, MisfitError

__all__ = ["DataclassColumn", "NamedTupleColumn", "RowColumn", "TupleColumn"]


class _RecordColumn(Column):
    __slots__ = ("_fields",)

    def __init__(self, checked: bool, fields: Sequence[Column]) -> None:
        super().__init__(checked)
        self._fields = tuple(fields)

    def _pack_fields(self, records: Iterable[Sequence[Any]], out: ChunkWriter) -> None:
        fields = list(zip(*records, strict=True))
        if len(fields) != len(self._fields):
            if fields or any(True for _ in records):
                raise MisfitError
            fields = [()] * len(self._fields)
        for column, values in zip(self._fields, fields, strict=True):
            column.pack(values, out)

    def _unpack_fields(self, chunks: ChunkReader, count: int) -> Iterable[tuple[Any, ...]]:
        if not self._fields:
            return [()] * count
        return zip(*[column.unpack(chunks, count) for column in self._fields], strict=True)


class TupleColumn(_RecordColumn):
    """Tuples of one size."""

    __slots__ = ()

    kinds = frozenset({tuple})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        out.add(flag, b"")
        self._pack_fields(values, out)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        chunks.take()
        return list(self._unpack_fields(chunks, count))


class NamedTupleColumn(_RecordColumn):
    """Instances of a named tuple."""

    __slots__ = ("_class",)

    def __init__(self, checked: bool, cls: type, fields: Sequence[Column]) -> None:
        super().__init__(checked, fields)
        self._class: Any = cls

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]  # that of this column, not of its class
        return frozenset({self._class})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        out.add(flag, b"")
        self._pack_fields(values, out)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        chunks.take()
        return list(map(self._class._make, self._unpack_fields(chunks, count)))


class RowColumn(_RecordColumn):
    """Rows with these names; their kinds where they are not all ``INSERT``."""

    __slots__ = ("_names",)

    kinds = frozenset({Row})

    def __init__(self, checked: bool, names: Sequence[str], fields: Sequence[Column]) -> None:
        super().__init__(checked, fields)
        self._names = tuple(names)

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        if [row._names for row in values].count(self._names) != len(values):
            raise MisfitError
        kinds = [row._row_kind for row in values]
        if kinds.count(RowKind.INSERT) == len(kinds):
            out.add(flag, b"")
        else:
            out.add(flag | 1, bytes([kind.value for kind in kinds]))
        self._pack_fields([row._values for row in values], out)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        flag, chunk = chunks.take()
        kinds = [RowKind(kind) for kind in chunk] if flag & ~NULLS else None
        return new_rows(self._names, map(list, self._unpack_fields(chunks, count)), kinds)


class DataclassColumn(_RecordColumn):
    """Instances of a dataclass that have nothing but its fields."""

    __slots__ = ("_class", "_names")

    def __init__(self, checked: bool, cls: type, names: Sequence[str], fields: Sequence[Column]) -> None:
        super().__init__(checked, fields)
        self._class: Any = cls
        self._names = tuple(names)

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]  # that of this column, not of its class
        return frozenset({self._class})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        attributes = [value.__dict__ for value in values]
        names = self._names
        if list(map(len, attributes)).count(len(names)) != len(attributes):
            raise MisfitError
        out.add(flag, b"")
        if len(names) == 1:
            self._pack_fields([(each[names[0]],) for each in attributes], out)
        else:
            self._pack_fields(map(itemgetter(*names), attributes), out)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        chunks.take()
        cls, names = self._class, self._names
        make = cls.__new__
        objects = []
        for fields in self._unpack_fields(chunks, count):
            made = make(cls)
            made.__dict__.update(zip(names, fields, strict=True))
            objects.append(made)
        return objects
