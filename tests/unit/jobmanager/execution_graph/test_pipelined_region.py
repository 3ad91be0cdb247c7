"""Regions: what data exchange joins together, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.jobmanager.execution_graph.pipelined_region import pipelined_regions
from millstream.jobmanager.failover.failover_strategy import (
    RestartAllFailoverStrategy,
    RestartPipelinedRegionFailoverStrategy,
)
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex


def test_a_shuffle_joins_all_subtasks() -> None:
    graph = execution_graph(job_graph([vertex("a", 2), vertex("b", 3)], [("a", "b", "HASH")]))
    regions = pipelined_regions(graph)
    assert len({id(region) for region in regions.values()}) == 1


def test_forward_pipelines_are_regions_of_their_own() -> None:
    graph = execution_graph(job_graph([vertex("a", 3), vertex("b", 3)], [("a", "b", "FORWARD")]))
    regions = pipelined_regions(graph)
    assert len({id(region) for region in regions.values()}) == 3
    for one, region in regions.items():
        assert {member.subtask_index for member in region.vertices} == {one.subtask_index}


def test_a_region_restarts_with_those_that_read_its_results() -> None:
    graph = execution_graph(
        job_graph([vertex("a"), vertex("b"), vertex("c")], [("a", "b", "HASH"), ("b", "c", "HASH")])
    )
    a, b, c = (one.id for one in graph.vertices())
    regions = pipelined_regions(graph, lambda edge: False)
    strategy = RestartPipelinedRegionFailoverStrategy(graph, regions)
    assert strategy.tasks_to_restart([b]) == {b, c}
    assert strategy.tasks_to_restart([a]) == {a, b, c}
    assert strategy.tasks_to_restart([c]) == {c}
    assert strategy.tasks_to_restart([]) == {a, b, c}


def test_full_restarts_everything() -> None:
    graph = execution_graph(job_graph([vertex("a", 2), vertex("b", 2)]))
    everything = {one.id for one in graph.vertices()}
    assert RestartAllFailoverStrategy(graph).tasks_to_restart([next(graph.vertices()).id]) == everything


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["RESCALE", "HASH"]))
def test_regions_partition_the_job(producers: int, consumers: int, kind: str) -> None:
    graph = execution_graph(job_graph([vertex("a", producers), vertex("b", consumers)], [("a", "b", kind)]))
    regions = pipelined_regions(graph)
    distinct = {id(region): region for region in regions.values()}
    members = [member for region in distinct.values() for member in region.vertices]
    assert sorted(members) == sorted(one.id for one in graph.vertices())
    assert len(distinct) == (min(producers, consumers) if kind == "RESCALE" else 1)
