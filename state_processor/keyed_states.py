"""The keyed state of one operator in a snapshot, over all of its subtasks.

Files in the canonical format are read as they are. Files in a backend's own format are restored into that backend, in a
directory that lives as long as this does, and written out again in the canonical one.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import weakref
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.config import Configuration, StateOptions
from millstream.common.errors import ConfigurationError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle, OperatorState
from millstream.state_processor.state_info import StateInfo
from millstream.state_processor.state_row import StateRow
from millstream.taskmanager.network.columns.column import ChunkReader
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, StateMeta, queue_name
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.create import create_keyed_backend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.rocksdb.native_snapshot import FORMAT, NativeMeta
from millstream.taskmanager.state.snapshot import CANONICAL, SnapshotOptions
from millstream.taskmanager.state.stored_segment import StoredSegment, decode_segments

__all__ = ["KeyedStates"]

_CANONICAL = "canonical"


class KeyedStates:
    """Reads; nothing is kept of it in memory but one key group at a time."""

    def __init__(self, operator: OperatorState, reader: SnapshotReader) -> None:
        """:param operator: with absolute paths."""
        self._operator = operator
        self._reader = reader
        self._handles = sorted(
            (handle for state in operator.subtasks.values() for handle in state.keyed),
            key=lambda handle: handle.first_key_group,
        )
        self._converted: dict[int, KeyedStateHandle] = {}
        self._directory: str | None = None

    @property
    def formats(self) -> set[str]:
        """In which its files are."""
        return {handle.format for handle in self._handles}

    def metas(self) -> dict[str, StateMeta]:
        """What the files say of their states, by name. Nothing is unpickled, also of a backend's own files."""
        found: dict[str, StateMeta] = {}
        for number, handle in enumerate(self._handles):
            if handle.format == FORMAT:
                states: Iterable[StateMeta] = NativeMeta.decode(handle.meta).states
            else:
                with self._opened(number, handle) as file:
                    states = list(file.states.values())
            for meta in states:
                known = found.get(meta.name)
                # A subtask that never used a state may know less of it.
                if known is None or known.value_type.kind == "ANY" or (meta.namespaced and not known.namespaced):
                    found[meta.name] = meta
        return found

    def infos(self, *, counted: bool = True) -> list[StateInfo]:
        """All states with the number of their entries. Every byte is read, and checked.

        :param counted: also in a backend's own files, for which they are opened in that backend. Else nothing is
            unpickled.
        """
        metas = self.metas()
        entries: dict[str, int | None] = dict.fromkeys(metas)
        sizes: dict[str, int | None] = dict.fromkeys(metas)
        if counted or self.formats <= {_CANONICAL}:
            for _, segment in self.segments():
                name = segment.meta.name
                entries[name] = (entries[name] or 0) + _count(segment)
                sizes[name] = (sizes[name] or 0) + len(segment.data)
            entries = {name: count or 0 for name, count in entries.items()}
            sizes = {name: size or 0 for name, size in sizes.items()}
        return [
            StateInfo(
                name=_shown_name(meta),
                kind=meta.kind,
                keyed=True,
                namespaced=meta.namespaced,
                expires=meta.expires,
                key_type=str(meta.key_type),
                value_type="LONG" if meta.kind == TIMERS else str(meta.value_type),
                entries=entries[name],
                size=sizes[name],
            )
            for name, meta in sorted(metas.items())
        ]

    def segments(self, states: Container[str] | None = None) -> Iterator[tuple[int, StoredSegment]]:
        """The entries of some states undecoded, or of all, with their key groups, which ascend."""
        for file in self._files():
            yield from file.segments(file.key_groups, states)

    def rows(self, name: str, type_info: TypeInformation | None) -> Iterator[StateRow]:
        """The entries of a state, by the name that :meth:`infos` gives it.

        :param type_info: as a state's descriptor has it: what the state is declared as now.
        """
        waiting: list[StoredSegment] = []
        before = -1
        stored = {meta.name for meta in self.metas().values() if _shown_name(meta) == name}
        for group, segment in self.segments(stored):
            if group != before and waiting:
                yield from _rows_of_group(waiting, type_info)
                waiting = []
            before = group
            waiting.append(segment)
        if waiting:
            yield from _rows_of_group(waiting, type_info)

    def _files(self) -> Iterator[CanonicalReader]:
        for number, handle in enumerate(self._handles):
            with self._opened(number, handle) as file:
                yield file

    @contextmanager
    def _opened(self, number: int, handle: KeyedStateHandle) -> Iterator[CanonicalReader]:
        if handle.format != _CANONICAL:
            if number not in self._converted:
                self._converted[number] = self._convert(number, handle)
            handle = self._converted[number]
        with self._reader.open(handle.file) as stream:
            yield CanonicalReader(stream, handle.file.path or f"the metadata of {self._operator.name!r}")

    def _convert(self, number: int, handle: KeyedStateHandle) -> KeyedStateHandle:
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="millstream-state-")
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        directory = Path(self._directory, str(number))
        directory.mkdir()
        configuration = Configuration().set(StateOptions.BACKEND, handle.format)
        settings = KeyedBackendSettings(
            key_groups=KeyGroupRange(handle.first_key_group, handle.last_key_group),
            max_parallelism=self._operator.max_parallelism,
            operator_id=self._operator.operator_id,
            operator_name=self._operator.name,
            configuration=configuration,
            directory=directory,
        )
        try:
            backend = create_keyed_backend(settings)
        except ConfigurationError as error:
            raise SnapshotError(
                f"the keyed state of {self._operator.name!r} is in the format {handle.format!r}, which cannot be read "
                "here; take a savepoint in the canonical format (millstream savepoint --type canonical)"
            ) from error
        try:
            backend.restore([handle], self._reader)
            running = backend.start_snapshot(SnapshotOptions(format=CANONICAL, full=True, savepoint=True))
            try:
                converted = running.write(FileSnapshotStreams(str(directory / "canonical"), "", configuration))
            finally:
                running.discard()
        finally:
            backend.close()
        if converted is None:
            raise SnapshotError(f"the keyed state of {self._operator.name!r} is empty after it was restored")
        return converted


def _rows_of_group(segments: list[StoredSegment], type_info: TypeInformation | None) -> Iterator[StateRow]:
    meta = segments[0].meta
    blocks = decode_segments(segments, type_info)
    if meta.kind in ("list", "map") and len(segments) > 1:
        blocks = _joined(meta, blocks)
    for block in blocks:
        for key, value in zip(block.keys, block.values, strict=True):
            yield _row(meta, block.namespace, key, value)


def _joined(meta: StateMeta, blocks: Iterator[EntryBlock]) -> Iterator[EntryBlock]:
    """Lists and dicts that came in parts, whole."""
    namespaces: dict[Any, dict[Any, Any]] = {}
    for block in blocks:
        values = namespaces.setdefault(block.namespace, {})
        for key, value in zip(block.keys, block.values, strict=True):
            known = values.get(key)
            if known is None:
                values[key] = value
            elif meta.kind == "list":
                known.extend(value)
            else:
                known.update(value)
    for namespace, values in namespaces.items():
        yield EntryBlock(meta.name, namespace, list(values), list(values.values()))


def _row(meta: StateMeta, namespace: Any, key: Any, value: Any) -> StateRow:
    if meta.kind == TIMERS and meta.namespaced:
        key, namespace = key
    if not meta.expires:
        return StateRow(key, value, namespace)
    if meta.kind == "list":
        return StateRow(key, [each for each, _ in value], namespace, [stamp for _, stamp in value])
    if meta.kind == "map":
        values = {each: pair[0] for each, pair in value.items()}
        return StateRow(key, values, namespace, {each: pair[1] for each, pair in value.items()})
    return StateRow(key, value[0], namespace, value[1])


def _shown_name(meta: StateMeta) -> str:
    return f"{queue_name(meta)} timers" if meta.kind == TIMERS else meta.name


def _count(segment: StoredSegment) -> int:
    """The number of entries, which stands before the columns."""
    (size,) = struct.unpack_from("<Q", segment.data)
    count: int = ChunkReader(memoryview(segment.data)[8 + size :]).count
    return count
