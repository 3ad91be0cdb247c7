"""The state of one operator that is not keyed, over all of its subtasks."""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import OperatorState, OperatorStateHandle
from millstream.state_processor.state_info import StateInfo
from millstream.state_processor.state_row import StateRow
from millstream.taskmanager.state.canonical_format import OPERATOR
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.operator_state_format import BROADCAST, items_of_handle

__all__ = ["OperatorLists"]


class OperatorLists:
    """Reads lists, and broadcast state."""

    def __init__(self, operator: OperatorState, reader: SnapshotReader) -> None:
        """:param operator: with absolute paths."""
        self._reader = reader
        self._handles: dict[str, list[OperatorStateHandle]] = {}
        for _, state in sorted(operator.subtasks.items()):
            for handle in state.operator:
                known = self._handles.setdefault(handle.name, [])
                # Of broadcast state each subtask has all, and one is enough.
                if handle.mode != OperatorStateMode.BROADCAST.value or not known:
                    known.append(handle)

    def infos(self) -> list[StateInfo]:
        """All states; names of those that the operator has for itself begin with a blank. Nothing is unpickled."""
        return [self._info(name, handles) for name, handles in sorted(self._handles.items())]

    def rows(self, name: str, type_info: TypeInformation | None) -> Iterator[StateRow]:
        """The items of a list, or the entries of broadcast state by their keys.

        :param type_info: as a state's descriptor has it: what the state is declared as now.
        """
        for handle in self._handles[name]:
            stored = items_of_handle(handle, self._reader.read(handle.bytes))
            if stored.meta.kind == OPERATOR:
                for item in stored.unpickled():
                    yield StateRow(None, item)
                continue
            for value in stored.values(type_info):
                if stored.meta.kind == BROADCAST:
                    for key, item in value.items():
                        yield StateRow(key, item)
                else:
                    for item in value:
                        yield StateRow(None, item)

    def _info(self, name: str, handles: list[OperatorStateHandle]) -> StateInfo:
        first = items_of_handle(handles[0], self._reader.read(handles[0].bytes))
        return StateInfo(
            name=name,
            kind=handles[0].mode,
            keyed=False,
            namespaced=False,
            expires=False,
            key_type="",
            value_type=str(first.meta.value_type),
            entries=sum(len(handle.offsets) for handle in handles),
            size=sum(handle.bytes.size for handle in handles),
        )
