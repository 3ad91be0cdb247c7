"""Which vertices change with the job's parallelism, and what a job is told that cannot."""

from __future__ import annotations

import pytest

from millstream.common.wire.graph_pb2 import JobGraph, JobVertex
from millstream.jobmanager.job_master.rescaling import RescalingError, rescaled, slots_needed
from tests.unit.jobmanager.job_graphs import job_graph, vertex


def _alone(name: str) -> JobVertex:
    one = vertex(name)
    one.non_parallel = True
    return one


def _parallelisms(graph: JobGraph) -> dict[str, int]:
    return {vertex.name: vertex.parallelism for vertex in graph.vertices}


def test_every_vertex_that_can_takes_the_new_parallelism() -> None:
    graph = job_graph(
        [_alone("source"), vertex("map", 2), vertex("sink", 3)],
        [("source", "map", "REBALANCE"), ("map", "sink", "HASH")],
    )
    assert _parallelisms(rescaled(graph, 4)) == {"source": 1, "map": 4, "sink": 4}
    assert _parallelisms(graph) == {"source": 1, "map": 2, "sink": 3}


def test_what_has_max_parallelism_1_stays_and_so_does_what_is_tied_to_it() -> None:
    all_windows = vertex("all")
    all_windows.max_parallelism = 1
    graph = job_graph(
        [vertex("source", 2), all_windows, vertex("map"), vertex("sink")],
        [("source", "all", "GLOBAL"), ("all", "map", "FORWARD"), ("map", "sink", "FORWARD")],
    )
    assert _parallelisms(rescaled(graph, 3)) == {"source": 3, "all": 1, "map": 1, "sink": 1}


@pytest.mark.parametrize(
    ("graph", "parallelism", "message"),
    [
        (job_graph([vertex("map", 2)]), 0, "at least 1, not 0"),
        (job_graph([vertex("map", 2)]), 129, "the max parallelism of 'map' is 128"),
        (job_graph([vertex("map", 2)]), 2, "runs at parallelism 2 already"),
        (job_graph([_alone("source")]), 2, "none of its operators can run but at parallelism 1"),
    ],
)
def test_what_cannot_be_is_refused(graph: JobGraph, parallelism: int, message: str) -> None:
    with pytest.raises(RescalingError, match=message):
        rescaled(graph, parallelism)


def test_each_sharing_group_needs_slots_of_its_own() -> None:
    assert slots_needed(job_graph([vertex("a", 2), vertex("b", 3), vertex("c", 2, "other")])) == 5
