"""Metadata of completed checkpoints as tests need them: state that can be told apart item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import (
    ChannelStateHandle,
    CheckpointMetadata,
    KeyedStateHandle,
    OperatorState,
    OperatorStateHandle,
    OperatorSubtaskState,
    StateBytes,
    TaskRestore,
)
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex

__all__ = [
    "graph_of",
    "items_of",
    "keyed",
    "list_state",
    "metadata_of",
    "operator",
    "subtask",
    "vertex_id",
]


def keyed(max_parallelism: int, parallelism: int, index: int, path: str = "") -> KeyedStateHandle:
    """Return the keyed state of one subtask."""
    own = KeyGroupRange.of_subtask(max_parallelism, parallelism, index)
    return KeyedStateHandle(
        first_key_group=own.start,
        last_key_group=own.end,
        format="canonical",
        file=StateBytes(path=path or f"/chk/keyed-{index}", size=10),
    )


def list_state(path: str, items: int, mode: str = "SPLIT", name: str = "list") -> OperatorStateHandle:
    """Return a list with so many items of one byte each, in the file ``path``."""
    return OperatorStateHandle(
        name=name, mode=mode, bytes=StateBytes(path=path, size=items), offsets=range(items), lengths=[1] * items
    )


def items_of(restore: TaskRestore, operator_id: str, name: str = "list") -> list[tuple[str, int]]:
    """Return the items of a list that a subtask begins with, as (path, offset)."""
    handles = restore.operators[operator_id].operator if operator_id in restore.operators else ()
    return [(one.bytes.path, offset) for one in handles if one.name == name for offset in one.offsets]


def subtask(
    keyed_handles: Sequence[KeyedStateHandle] = (), operator_handles: Sequence[OperatorStateHandle] = ()
) -> OperatorSubtaskState:
    return OperatorSubtaskState(keyed=keyed_handles, operator=operator_handles)


def operator(
    name: str,
    parallelism: int,
    subtasks: Mapping[int, OperatorSubtaskState],
    *,
    uid: str = "",
    max_parallelism: int = 128,
    finished: bool = False,
    finished_subtasks: Sequence[int] = (),
) -> OperatorState:
    """Return the state of an operator whose id is its name filled up to 32 characters."""
    return OperatorState(
        operator_id=name.ljust(32, "0"),
        uid=uid,
        name=name,
        parallelism=parallelism,
        max_parallelism=max_parallelism,
        subtasks=subtasks,
        finished=finished,
        finished_subtasks=finished_subtasks,
    )


def metadata_of(
    *operators: OperatorState,
    channels: Sequence[ChannelStateHandle] = (),
    job_id: str = "a" * 32,
    lineage_id: str = "",
    checkpoint_id: int = 7,
) -> CheckpointMetadata:
    return CheckpointMetadata(
        version=1,
        checkpoint_id=checkpoint_id,
        kind="CHECKPOINT",
        job_id=job_id,
        lineage_id=lineage_id,
        operators=operators,
        channels=channels,
    )


def graph_of(parallelism: Mapping[str, int], edges: Sequence[tuple[str, str, str]] = ()) -> ExecutionGraph:
    """Return a graph of vertices with one operator each."""
    return execution_graph(job_graph([vertex(name, number) for name, number in parallelism.items()], edges))


def vertex_id(graph: ExecutionGraph, name: str, index: int) -> ExecutionVertexID:
    """Return a subtask's id."""
    return next(one for one in graph.job_vertices.values() if one.name == name).subtasks[index].id
