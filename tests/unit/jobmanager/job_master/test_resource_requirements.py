"""Which parallelism vertices get within their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.wire.cluster_pb2 import VertexParallelism
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.job_master.rescaling import RescalingError, rescaled, slots_needed
from millstream.jobmanager.job_master.resource_requirements import check_requirements, fitted
from tests.unit.jobmanager.job_graphs import job_graph, vertex

Bounds = dict[str, tuple[int, int]]

CHAIN = job_graph(
    [vertex("source", 2), vertex("map", 2), vertex("sink", 2)], [("source", "map", "HASH"), ("map", "sink", "FORWARD")]
)
GROUPS = job_graph([vertex("source", 1), vertex("map", 1, "heavy")], [("source", "map", "HASH")])


def _asked(bounds: Bounds) -> dict[str, VertexParallelism]:
    return {
        name.ljust(32, "0"): VertexParallelism(lower_bound=lower, upper_bound=upper)
        for name, (lower, upper) in bounds.items()
    }


def _given(graph: JobGraph, bounds: Bounds, slots: int) -> dict[str, int]:
    check_requirements(graph, _asked(bounds))
    return {vertex.name: vertex.parallelism for vertex in fitted(graph, _asked(bounds), slots).vertices}


@pytest.mark.parametrize(
    ("graph", "bounds", "slots", "given"),
    [
        (CHAIN, {"source": (1, 3), "map": (1, 4), "sink": (1, 4)}, 9, {"source": 3, "map": 4, "sink": 4}),
        (CHAIN, {"source": (1, 3), "map": (1, 4), "sink": (1, 4)}, 2, {"source": 2, "map": 2, "sink": 2}),
        (CHAIN, {"source": (1, 1), "map": (2, 4), "sink": (1, 3)}, 9, {"source": 1, "map": 3, "sink": 3}),
        (GROUPS, {"source": (1, 4), "map": (1, 2)}, 6, {"source": 4, "map": 2}),
        (GROUPS, {"source": (1, 4), "map": (1, 2)}, 4, {"source": 2, "map": 2}),
        (GROUPS, {"source": (3, 4), "map": (1, 2)}, 4, {"source": 3, "map": 1}),
    ],
)
def test_as_much_as_the_slots_allow(graph: JobGraph, bounds: Bounds, slots: int, given: dict[str, int]) -> None:
    assert _given(graph, bounds, slots) == given


def test_what_cannot_but_run_alone_does_so_whatever_its_upper_bound() -> None:
    alone = vertex("source")
    alone.non_parallel = True
    graph = job_graph([alone, vertex("map", 2)], [("source", "map", "REBALANCE")])
    assert _given(graph, {"source": (1, 8), "map": (1, 8)}, 4) == {"source": 1, "map": 4}


def test_the_bounds_are_in_the_graph_until_another_parallelism_is_asked_for() -> None:
    graph = fitted(CHAIN, _asked({"source": (1, 3), "map": (2, 4), "sink": (1, 4)}), 9)
    assert [(each.lower_bound, each.upper_bound) for each in graph.vertices] == [(1, 3), (2, 4), (1, 4)]
    assert {(each.lower_bound, each.upper_bound) for each in rescaled(graph, 5).vertices} == {(0, 0)}
    assert CHAIN.vertices[0].upper_bound == 0


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"source": (1, 2), "map": (1, 2)}, r"no bounds for vertex sink0+ \('sink'\)"),
        ({"source": (1, 2), "map": (1, 2), "sink": (1, 2), "other": (1, 2)}, "has no vertex other0+; it has map0+, "),
        ({"source": (0, 2), "map": (1, 2), "sink": (1, 2)}, r"\('source'\), 0 to 2, must be at least 1"),
        ({"source": (3, 2), "map": (1, 2), "sink": (1, 2)}, "3 to 2, are the wrong way round"),
        ({"source": (1, 129), "map": (1, 2), "sink": (1, 2)}, "exceed its max parallelism, 128"),
        (
            {"source": (1, 2), "map": (1, 2), "sink": (3, 4)},
            "'map', 'sink' are joined .* at least 3, another at most 2",
        ),
    ],
)
def test_what_cannot_be_is_refused(bounds: Bounds, message: str) -> None:
    with pytest.raises(RescalingError, match=message):
        check_requirements(CHAIN, _asked(bounds))


def test_too_few_slots_for_the_lower_bounds() -> None:
    with pytest.raises(RescalingError, match="needs at least 5 slots for that, but there are 4"):
        _given(GROUPS, {"source": (3, 4), "map": (2, 2)}, 4)


def test_at_least_two_of_what_runs_alone_is_refused() -> None:
    alone = vertex("source")
    alone.max_parallelism = 1
    with pytest.raises(RescalingError, match="cannot run but at parallelism 1"):
        check_requirements(job_graph([alone]), _asked({"source": (2, 2)}))


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6), st.sampled_from("ab")), min_size=1, max_size=5),
    st.integers(1, 30),
)
def test_bounds_and_slots_are_kept_to(vertices: list[tuple[int, int, str]], slots: int) -> None:
    graph = job_graph([vertex(f"v{index}", 1, group) for index, (_, _, group) in enumerate(vertices)])
    asked: Bounds = {f"v{index}": (lower, lower + more) for index, (lower, more, _) in enumerate(vertices)}
    least = slots_needed(
        job_graph([vertex(str(index), lower, group) for index, (lower, _, group) in enumerate(vertices)])
    )
    if least > slots:
        with pytest.raises(RescalingError):
            fitted(graph, _asked(asked), slots)
        return
    result = fitted(graph, _asked(asked), slots)
    assert slots_needed(result) <= slots
    assert all(each.lower_bound <= each.parallelism <= each.upper_bound for each in result.vertices)
    if slots >= sum(lower + more for lower, more, _ in vertices):
        assert all(each.parallelism == each.upper_bound for each in result.vertices)
