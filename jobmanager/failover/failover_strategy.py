"""Which subtasks start anew when some have failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from millstream.common.errors import ConfigurationError
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID
from millstream.jobmanager.execution_graph.pipelined_region import PipelinedRegion, pipelined_regions

__all__ = [
    "FailoverStrategy",
    "RestartAllFailoverStrategy",
    "RestartPipelinedRegionFailoverStrategy",
    "failover_strategy",
]


class FailoverStrategy(Protocol):
    """Maps failed subtasks to those that have to start anew."""

    def tasks_to_restart(self, failed: Iterable[ExecutionVertexID]) -> frozenset[ExecutionVertexID]:
        """Return the failed ones and all that have to go with them. Nothing given: the whole job failed."""
        ...

    def graph_changed(self) -> None:
        """The graph has other subtasks now."""
        ...


class RestartAllFailoverStrategy:
    """``full``: everything, also what has finished."""

    __slots__ = ("_graph",)

    def __init__(self, graph: ExecutionGraph) -> None:
        self._graph = graph

    def tasks_to_restart(self, failed: Iterable[ExecutionVertexID]) -> frozenset[ExecutionVertexID]:
        return frozenset(vertex.id for vertex in self._graph.vertices())

    def graph_changed(self) -> None:
        pass


class RestartPipelinedRegionFailoverStrategy:
    """``region``: the regions of the failed subtasks, and those that read from them in turn."""

    __slots__ = ("_graph", "_regions")

    def __init__(self, graph: ExecutionGraph, regions: dict[ExecutionVertexID, PipelinedRegion] | None = None) -> None:
        self._graph = graph
        self._regions = pipelined_regions(graph) if regions is None else regions

    def tasks_to_restart(self, failed: Iterable[ExecutionVertexID]) -> frozenset[ExecutionVertexID]:
        todo = [self._regions[vertex] for vertex in failed]
        if not todo:
            return frozenset(self._regions)
        seen: list[PipelinedRegion] = []
        while todo:
            region = todo.pop()
            if not any(region is known for known in seen):
                seen.append(region)
                todo.extend(region.consumers)
        return frozenset().union(*(region.vertices for region in seen))

    def graph_changed(self) -> None:
        self._regions = pipelined_regions(self._graph)


def failover_strategy(name: str, graph: ExecutionGraph) -> FailoverStrategy:
    """Return the strategy that ``jobmanager.execution.failover-strategy`` names.

    :raises ConfigurationError: there is none such.
    """
    if name == "region":
        return RestartPipelinedRegionFailoverStrategy(graph)
    if name == "full":
        return RestartAllFailoverStrategy(graph)
    raise ConfigurationError(f"jobmanager.execution.failover-strategy is {name!r}; it must be 'region' or 'full'")
