"""Writes savepoints that a job restores: new ones, or copies of others with changes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from millstream.common.checkpoint.errors import BrokenSnapshotError, SnapshotError
from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.metadata_file import read_metadata, write_metadata
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.checkpoint.state_paths import stored_bytes
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.file_system import file_system_of, qualified
from millstream.common.ids import IdFactory
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import TypeInformation
from millstream.common.version import VERSION
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, KeyedStateHandle, OperatorState, StateBytes
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, StateDescriptor
from millstream.datastream.time_domain import TimeDomain
from millstream.state_processor.keyed_states import KeyedStates
from millstream.state_processor.new_keyed_state import NewKeyedState
from millstream.state_processor.operator_identifier import OperatorIdentifier
from millstream.taskmanager.state.canonical_format import EntryBlock
from millstream.taskmanager.state.canonical_writer import write_canonical
from millstream.taskmanager.state.heap_operator_state_backend import HeapOperatorStateBackend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.snapshot import CANONICAL, SnapshotOptions
from millstream.taskmanager.state.stored_segment import StoredSegment

__all__ = ["SavepointWriter"]

_TIMERS = {TimeDomain.EVENT_TIME: "event-time", TimeDomain.PROCESSING_TIME: "processing-time"}
"""The queues in which process functions have their timers."""

_COPY = 1 << 20


@dataclass(slots=True)
class _Operator:
    """What becomes of an operator.

    :ivar state: what it has in the existing savepoint; of a new one nothing.
    :ivar keyed: its new keyed states, by name, in place of older ones.
    :ivar lists: its other new states.
    """

    state: OperatorState
    keyed: dict[str, NewKeyedState] = field(default_factory=dict)
    lists: HeapOperatorStateBackend = field(default_factory=lambda: HeapOperatorStateBackend(KeyedBackendSettings()))
    list_names: set[str] = field(default_factory=set)


class SavepointWriter:
    """Collects changes; :meth:`write` makes a savepoint of them, which needs no other directory to be restored.

    What is given to the methods is read at once and kept in memory until then; state that stays as it is, is copied.
    """

    def __init__(self, metadata: CheckpointMetadata, max_parallelism: int, configuration: Configuration | None) -> None:
        self._metadata = metadata
        self._max_parallelism = max_parallelism
        self._configuration = configuration if configuration is not None else Configuration()
        self._operators = {state.operator_id: _Operator(state) for state in metadata.operators}

    @staticmethod
    def new_savepoint(max_parallelism: int = 128) -> SavepointWriter:
        """Begin an empty one.

        :param max_parallelism: of all operators with keyed state; the job must have the same.
        """
        if not 1 <= max_parallelism <= 32768:
            raise ValueError(f"the max parallelism is from 1 to 32768, not {max_parallelism}")
        job_id = IdFactory().job_id()
        metadata = CheckpointMetadata(checkpoint_id=1, job_id=job_id, lineage_id=job_id)
        return SavepointWriter(metadata, max_parallelism, None)

    @staticmethod
    def from_existing(
        path: str, configuration: Configuration | None = None, *, max_parallelism: int = 128
    ) -> SavepointWriter:
        """Begin with all that is in a savepoint, or in a retained checkpoint. It is left as it is.

        :param configuration: of the file systems, if they need one.
        :param max_parallelism: of operators that it does not have; the others keep theirs.
        :raises SnapshotError: there is none, or it is broken.
        """
        return SavepointWriter(read_metadata(path, configuration).metadata, max_parallelism, configuration)

    def with_keyed_state(
        self,
        operator: OperatorIdentifier | str,
        descriptor: StateDescriptor,
        entries: Iterable[Any],
        *,
        key_type: TypeInformation | None = None,
    ) -> SavepointWriter:
        """Put a keyed state into an operator, in place of one with its name; other states stay.

        :param entries: pairs of key and value, :class:`~millstream.state_processor.StateRow` objects, or a table of
            Arrow's with the columns ``key`` and ``value``. The value is a list for list state, a dict for map state,
            the accumulator for aggregating state. With a time to live it counts as written now, if the entry does not
            say when it was.
        :param key_type: makes the keys of a table's structs.
        :raises MillstreamError: an entry does not fit the state, a key comes twice or has no stable hash.
        """
        target = self._operator(operator)
        new = NewKeyedState.of_descriptor(descriptor, entries, self._max_parallelism_of(target), key_type)
        target.keyed[new.meta.name] = new
        return self

    def with_timers(
        self,
        operator: OperatorIdentifier | str,
        timers: Iterable[tuple[Any, int]],
        domain: TimeDomain = TimeDomain.EVENT_TIME,
    ) -> SavepointWriter:
        """Set the timers of a keyed process function, in place of those it has in this domain.

        :param timers: keys and times, ms.
        """
        target = self._operator(operator)
        new = NewKeyedState.of_timers(_TIMERS[domain], timers, self._max_parallelism_of(target))
        target.keyed[new.meta.name] = new
        return self

    def with_operator_state(
        self,
        operator: OperatorIdentifier | str,
        descriptor: ListStateDescriptor,
        items: Iterable[Any],
        *,
        union: bool = False,
    ) -> SavepointWriter:
        """Put a list that belongs to no keys into an operator, in place of one with its name.

        :param union: each subtask gets all items; else they are divided.
        """
        target = self._new_list(operator, descriptor)
        mode = OperatorStateMode.UNION if union else OperatorStateMode.SPLIT
        target.lists.get_list_state(descriptor, mode).update(list(items))
        return self

    def with_broadcast_state(
        self, operator: OperatorIdentifier | str, descriptor: MapStateDescriptor, entries: Mapping[Any, Any]
    ) -> SavepointWriter:
        """Put broadcast state into an operator, in place of one with its name."""
        self._new_list(operator, descriptor).lists.get_broadcast_state(descriptor).put_all(dict(entries))
        return self

    def remove_operator(self, operator: OperatorIdentifier | str) -> SavepointWriter:
        """Leave out an operator with all of its state.

        :raises SnapshotError: there is none.
        """
        del self._operators[self._known(operator)]
        return self

    def change_operator_identifier(
        self, old: OperatorIdentifier | str, new: OperatorIdentifier | str
    ) -> SavepointWriter:
        """Give an operator's state to another one.

        :raises SnapshotError: there is no such operator, or the new one has state already.
        """
        known, identifier = self._known(old), OperatorIdentifier.of(new)
        if identifier.operator_id in self._operators:
            raise SnapshotError(f"{identifier} has state already; remove it first")
        moved = self._operators.pop(known)
        moved.state.operator_id = identifier.operator_id
        moved.state.uid = identifier.uid or ""
        self._operators[identifier.operator_id] = moved
        return self

    def write(self, directory: str) -> str:
        """Write the savepoint; returns its path. If that fails nothing of it is left.

        :param directory: of this savepoint alone: a local path or a URI; it must not exist, or be empty.
        :raises SnapshotError: there is something in the directory, or the existing savepoint is broken.
        :raises FileSystemError: it cannot be written.
        """
        path = qualified(directory, self._configuration)
        files = file_system_of(path, self._configuration)
        if files.list(path):
            raise SnapshotError(f"{path} is not empty; name a directory for this savepoint alone")
        streams = FileSnapshotStreams(path, "", self._configuration)
        copies = FileSnapshotStreams(
            path, "", self._configuration.copy().set(CheckpointingOptions.DATA_INLINE_THRESHOLD, 0)
        )
        try:
            write_metadata(self._written(streams, copies), path, self._configuration)
        except BaseException:
            streams.abort()
            copies.abort()
            raise
        return path

    def _written(self, streams: FileSnapshotStreams, copies: FileSnapshotStreams) -> CheckpointMetadata:
        metadata = CheckpointMetadata()
        metadata.CopyFrom(self._metadata)
        metadata.kind = "SAVEPOINT"
        metadata.timestamp_ms = time.time_ns() // 1_000_000
        metadata.software_version = VERSION
        metadata.format = metadata.format or CANONICAL
        reader = SnapshotReader(self._configuration, "the existing savepoint")
        del metadata.operators[:]
        metadata.operators.extend(
            self._written_operator(operator, reader, streams) for operator in self._operators.values()
        )
        for stored in stored_bytes(metadata):
            if stored.path and not stored.path.startswith(streams.directory + "/"):
                stored.CopyFrom(_copied(stored, reader, copies))
        metadata.state_size = sum(stored.size for stored in stored_bytes(metadata))
        return metadata

    def _written_operator(
        self, operator: _Operator, reader: SnapshotReader, streams: FileSnapshotStreams
    ) -> OperatorState:
        state = OperatorState()
        state.CopyFrom(operator.state)
        state.parallelism = max(1, state.parallelism)
        state.max_parallelism = self._max_parallelism_of(operator)
        for subtask in state.subtasks.values():
            kept = [handle for handle in subtask.operator if handle.name not in operator.list_names]
            del subtask.operator[:]
            subtask.operator.extend(kept)
            for keyed in subtask.keyed:
                for file in keyed.files:
                    file.shared = False
        if operator.list_names:
            running = operator.lists.start_snapshot(SnapshotOptions(savepoint=True))
            state.subtasks[0].operator.extend(running.write(streams))
        if operator.keyed:
            handle = self._written_keyed(operator, reader, streams)
            for subtask in state.subtasks.values():
                del subtask.keyed[:]
            state.subtasks[0].keyed.append(handle)
        return state

    def _written_keyed(
        self, operator: _Operator, reader: SnapshotReader, streams: FileSnapshotStreams
    ) -> KeyedStateHandle:
        """All keyed state of an operator in one file, of which each subtask will read its key groups."""
        old = KeyedStates(operator.state, reader)
        metas = {name: meta for name, meta in old.metas().items() if name not in operator.keyed}
        kept = old.segments(frozenset(metas))
        metas.update({name: new.meta for name, new in operator.keyed.items()})
        key_groups = KeyGroupRange(0, self._max_parallelism_of(operator) - 1)
        groups = _groups(kept, list(operator.keyed.values()), key_groups)
        stored = streams.write("keyed", write_canonical(metas.values(), key_groups, len(key_groups), groups))
        return KeyedStateHandle(
            first_key_group=key_groups.start,
            last_key_group=key_groups.end,
            format="canonical",
            file=stored,
            full_size=stored.size,
            new_size=stored.size,
        )

    def _operator(self, operator: OperatorIdentifier | str) -> _Operator:
        identifier = OperatorIdentifier.of(operator)
        found = self._operators.get(identifier.operator_id)
        if found is None:
            state = OperatorState(
                operator_id=identifier.operator_id,
                uid=identifier.uid or "",
                name=identifier.uid or identifier.operator_id,
                parallelism=1,
                max_parallelism=self._max_parallelism,
            )
            found = self._operators[identifier.operator_id] = _Operator(state)
        return found

    def _new_list(self, operator: OperatorIdentifier | str, descriptor: StateDescriptor) -> _Operator:
        target = self._operator(operator)
        name = descriptor.get_name()
        if name in target.list_names:
            raise SnapshotError(f"state {name!r} of {OperatorIdentifier.of(operator)} was given before")
        target.list_names.add(name)
        return target

    def _max_parallelism_of(self, operator: _Operator) -> int:
        return operator.state.max_parallelism or self._max_parallelism

    def _known(self, operator: OperatorIdentifier | str) -> str:
        identifier = OperatorIdentifier.of(operator)
        if identifier.operator_id not in self._operators:
            raise SnapshotError(f"there is no {identifier} in the savepoint")
        return identifier.operator_id


def _groups(
    kept: Iterator[tuple[int, StoredSegment]], new: list[NewKeyedState], key_groups: KeyGroupRange
) -> Iterator[tuple[int, Iterator[EntryBlock | StoredSegment]]]:
    """What each key group is to hold."""
    grouped = groupby(kept, key=lambda found: found[0])
    following = next(grouped, None)
    for group in key_groups:

        def entries(
            of: int = group, old: tuple[int, Iterator[tuple[int, StoredSegment]]] | None = following
        ) -> Iterator[EntryBlock | StoredSegment]:
            if old is not None and old[0] == of:
                yield from (segment for _, segment in old[1])
            for state in new:
                yield from state.blocks(of)

        yield group, entries()
        if following is not None and following[0] == group:
            following = next(grouped, None)


def _copied(stored: StateBytes, reader: SnapshotReader, copies: FileSnapshotStreams) -> StateBytes:
    with reader.open(stored) as file:
        copy = copies.write("copy", iter(lambda: file.read(_COPY), b""))
    if copy.crc32 != stored.crc32:
        raise BrokenSnapshotError(
            f"{stored.path} is broken: its checksum does not match; take another savepoint to begin with"
        )
    return copy
