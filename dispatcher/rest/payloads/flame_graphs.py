"""Flame graphs as answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import SubtaskDetails
from millstream.common.wire.inspection_pb2 import StackSample
from millstream.dispatcher.rest.flame_graphs.flame_graph import FlameGraphNode, merge_stacks
from millstream.dispatcher.rest.flame_graphs.stack_sampler import SampledStacks
from millstream.dispatcher.rest.messages.flame_graphs import FlameGraphFrame, VertexFlameGraph

__all__ = ["FlameGraphType", "flame_graph", "have_ended", "running_attempts"]

FlameGraphType = Literal["full", "on_cpu", "off_cpu"]

_IS_OF_TYPE: Final[Mapping[FlameGraphType, Callable[[StackSample], bool]]] = {
    "full": lambda sample: True,  # noqa: ARG005  # one of three of a kind
    "on_cpu": lambda sample: sample.on_cpu,
    "off_cpu": lambda sample: not sample.on_cpu,
}
_RUNNING: Final = (ExecutionState.INITIALIZING.name, ExecutionState.RUNNING.name)


def flame_graph(stacks: SampledStacks, graph_type: FlameGraphType) -> VertexFlameGraph:
    """The graph of all samples, or of those taken while the tasks ran or while they waited."""
    is_of_type = _IS_OF_TYPE[graph_type]
    root = merge_stacks((sample.frames, sample.count) for sample in stacks.samples if is_of_type(sample))
    return VertexFlameGraph(end_timestamp=stacks.end_ms, data=_frame(root))


def have_ended(subtasks: Sequence[SubtaskDetails]) -> bool:
    """Whether none of them runs, or will."""
    return all(ExecutionState[subtask.state].is_terminal() for subtask in subtasks)


def running_attempts(subtasks: Sequence[SubtaskDetails]) -> dict[str, list[str]]:
    """The ids of the attempts that run now, by TaskManager."""
    attempts: dict[str, list[str]] = {}
    for subtask in subtasks:
        if subtask.state in _RUNNING:
            attempts.setdefault(subtask.task_manager_id, []).append(subtask.attempt_id)
    return attempts


def _frame(node: FlameGraphNode) -> FlameGraphFrame:
    return FlameGraphFrame(
        name=node.name, value=node.value, children=[_frame(child) for child in node.children.values()]
    )
