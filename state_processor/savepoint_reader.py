"""What is in a savepoint, or in a checkpoint that was retained."""

from __future__ import annotations

from functools import cached_property

from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.metadata_file import StoredMetadata, read_metadata
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.config import Configuration
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import OperatorState
from millstream.state_processor.keyed_states import KeyedStates
from millstream.state_processor.operator_identifier import OperatorIdentifier
from millstream.state_processor.operator_lists import OperatorLists
from millstream.state_processor.state_info import StateInfo
from millstream.state_processor.state_table import StateTable

__all__ = ["SavepointOperator", "SavepointReader"]


class SavepointOperator:
    """One operator.

    :ivar identifier: its uid, if the program gave it one, and its id.
    :ivar name: as the job had it.
    :ivar finished: all of its subtasks had come to the end of their input.
    """

    def __init__(self, state: OperatorState, reader: SnapshotReader) -> None:
        self.identifier = OperatorIdentifier(state.operator_id, state.uid or None)
        self.name = state.name
        self.parallelism = state.parallelism
        self.max_parallelism = state.max_parallelism
        self.finished = state.finished
        self._keyed = KeyedStates(state, reader)
        self._lists = OperatorLists(state, reader)

    @property
    def uid(self) -> str | None:
        return self.identifier.uid

    @cached_property
    def states(self) -> list[StateInfo]:
        """What states it has. All files are read and checked for that."""
        return [*self._keyed.infos(), *self._lists.infos()]

    @cached_property
    def outline(self) -> list[StateInfo]:
        """The same without unpickling anything, for which the entries in a backend's own files are not counted."""
        return [*self._keyed.infos(counted=False), *self._lists.infos()]

    def table(self, name: str, type_info: TypeInformation | None = None, *, keyed: bool | None = None) -> StateTable:
        """The entries of a state.

        :param name: the blank with which names of an operator's own states begin may be left out.
        :param type_info: what its descriptor's type would be now (of a list state ``Types.LIST(...)``, of a map state
            ``Types.MAP(...)``), if the classes have changed since; ``None``: as it was stored.
        :param keyed: whether a state that belongs to keys is meant, where there is another one with this name.
        :raises SnapshotError: there is no such state.
        """
        asked = [info for info in self.states if keyed in (None, info.keyed)]
        found = [info for info in asked if info.name == name] or [info for info in asked if info.name.strip() == name]
        if not found:
            there = ", ".join(repr(info.name) for info in self.states) or "none"
            raise SnapshotError(f"{self.identifier} has no state {name!r}; its states: {there}")
        if len(found) > 1:
            raise SnapshotError(f"{self.identifier} has two states {name!r}; say which: keyed=True or keyed=False")
        [info] = found
        source: KeyedStates | OperatorLists = self._keyed if info.keyed else self._lists
        return StateTable(info, lambda: source.rows(info.name, type_info), f"state {name!r} of {self.identifier}")

    def __repr__(self) -> str:
        return f"SavepointOperator({self.identifier}, {self.name!r}, parallelism {self.parallelism})"


class SavepointReader:
    """A snapshot.

    :ivar directory: where it is.
    :ivar kind: ``CHECKPOINT``, ``SAVEPOINT``, ``STOP`` or ``DRAIN`` (savepoints with which a job was stopped).
    :ivar format: ``CANONICAL`` or ``NATIVE``.
    :ivar timestamp_ms: when it was begun.
    :ivar state_size: of all of its files, in bytes.
    """

    def __init__(self, stored: StoredMetadata, configuration: Configuration | None = None) -> None:
        metadata = stored.metadata
        self.directory = stored.directory
        self.checkpoint_id = metadata.checkpoint_id
        self.kind = metadata.kind
        self.format = metadata.format
        self.job_id = metadata.job_id
        self.job_name = metadata.job_name
        self.timestamp_ms = metadata.timestamp_ms
        self.software_version = metadata.software_version
        self.state_size = metadata.state_size
        reader = SnapshotReader(configuration, stored.directory)
        self.operators = [SavepointOperator(state, reader) for state in metadata.operators]

    @staticmethod
    def read(path: str, configuration: Configuration | None = None) -> SavepointReader:
        """Read what is in a snapshot.

        :param path: its directory or its ``_metadata``, or the directory of a job's checkpoints, which means the latest
            one; a local path or a URI.
        :param configuration: of the file system, if it needs one.
        :raises SnapshotError: there is none, or it is broken.
        """
        return SavepointReader(read_metadata(path, configuration), configuration)

    def operator(self, operator: OperatorIdentifier | str) -> SavepointOperator:
        """An operator, by its uid or identifier.

        :raises SnapshotError: it has no state in this snapshot.
        """
        wanted = OperatorIdentifier.of(operator)
        for each in self.operators:
            if each.identifier.operator_id == wanted.operator_id:
                return each
        there = ", ".join(f"{each.identifier} ({each.name})" for each in self.operators) or "none"
        raise SnapshotError(f"{self.directory} has no {wanted}; its operators: {there}")

    def table(
        self, operator: OperatorIdentifier | str, state: str, type_info: TypeInformation | None = None
    ) -> StateTable:
        """The entries of a state of an operator; see :meth:`SavepointOperator.table`."""
        return self.operator(operator).table(state, type_info)

    def __repr__(self) -> str:
        return f"SavepointReader({self.directory!r}, {self.kind} {self.checkpoint_id}, {len(self.operators)} operators)"
