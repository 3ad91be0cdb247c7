"""Which subtask begins with which state, at the same parallelism and at others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import ChannelStateHandle, CheckpointMetadata, TaskRestore
from millstream.jobmanager.checkpoint.snapshot_matching import (
    SnapshotOrigin,
    StateRecoveryError,
    pin_max_parallelism,
)
from millstream.jobmanager.checkpoint.state_assignment import assign_state
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID
from tests.unit.jobmanager.checkpoint.snapshots import (
    graph_of,
    items_of,
    keyed,
    list_state,
    metadata_of,
    operator,
    subtask,
    vertex_id,
)

ORIGIN = SnapshotOrigin("SAVEPOINT", 7, "file:///savepoints/s")
MAP = "map".ljust(32, "0")
RESCALINGS = [(1, 2), (2, 3), (3, 7), (4, 8), (20, 21), (21, 20)]
RESCALINGS += [(new, old) for old, new in RESCALINGS] + [(1, 1), (5, 5)]


def assign(
    metadata: CheckpointMetadata, graph: ExecutionGraph, allow_unclaimed: bool = False
) -> dict[ExecutionVertexID, TaskRestore]:
    return assign_state(metadata, graph, ORIGIN, allow_unclaimed)


def rescaled(metadata: CheckpointMetadata, parallelism: int) -> list[TaskRestore]:
    """Return what the subtasks of ``map`` begin with."""
    graph = graph_of({"map": parallelism})
    restores = assign(metadata, graph)
    return [restores[vertex_id(graph, "map", index)] for index in range(parallelism)]


# ------------------------------------------------------------------ keyed state


def keyed_metadata(parallelism: int, max_parallelism: int = 128) -> CheckpointMetadata:
    subtasks = {index: subtask([keyed(max_parallelism, parallelism, index)]) for index in range(parallelism)}
    return metadata_of(operator("map", parallelism, subtasks, max_parallelism=max_parallelism))


def check_key_groups(old: int, new: int, max_parallelism: int = 128) -> None:
    graph = graph_of({"map": new})
    graph.job_vertices[vertex_id(graph, "map", 0).vertex_id].job_vertex.max_parallelism = max_parallelism
    restores = assign(keyed_metadata(old, max_parallelism), graph)
    for index in range(new):
        own = KeyGroupRange.of_subtask(max_parallelism, new, index)
        handles = restores[vertex_id(graph, "map", index)].operators[MAP].keyed
        read = Counter(
            group
            for one in handles
            for group in own.intersection(KeyGroupRange(one.first_key_group, one.last_key_group))
        )
        assert read == Counter(own), "each key group of its own, once"
        assert all(len(own.intersection(KeyGroupRange(one.first_key_group, one.last_key_group))) for one in handles), (
            "no handle for nothing"
        )


@pytest.mark.parametrize(("old", "new"), RESCALINGS)
def test_each_key_group_goes_to_its_one_owner(old: int, new: int) -> None:
    check_key_groups(old, new)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 200))
def test_each_key_group_goes_to_its_one_owner_at_any_parallelism(old: int, new: int, more: int) -> None:
    check_key_groups(old, new, max(old, new) + more)


def test_at_the_same_parallelism_each_subtask_gets_its_own_file() -> None:
    restores = rescaled(keyed_metadata(5), 5)
    paths = [[one.file.path for one in restore.operators[MAP].keyed] for restore in restores]
    assert paths == [[f"/chk/keyed-{index}"] for index in range(5)]


# ------------------------------------------------------------------ lists


def list_metadata(sizes: list[int], mode: str = "SPLIT") -> CheckpointMetadata:
    subtasks = {index: subtask([], [list_state(f"/{index}", size, mode)]) for index, size in enumerate(sizes)}
    return metadata_of(operator("map", len(sizes), subtasks))


def all_items(sizes: list[int]) -> list[tuple[str, int]]:
    return [(f"/{index}", offset) for index, size in enumerate(sizes) for offset in range(size)]


@given(st.lists(st.integers(0, 7), min_size=1, max_size=22), st.integers(1, 22))
def test_split_lists_are_divided_evenly_in_order(sizes: list[int], parallelism: int) -> None:
    shares = [items_of(restore, MAP) for restore in rescaled(list_metadata(sizes), parallelism)]
    assert [item for share in shares for item in share] == all_items(sizes)
    if parallelism == len(sizes):
        assert [len(share) for share in shares] == sizes, "everyone keeps their own"
    else:
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("old", "new"), RESCALINGS)
def test_split_lists_there_and_back(old: int, new: int) -> None:
    sizes = [index % 4 for index in range(old)]
    there = [items_of(restore, MAP) for restore in rescaled(list_metadata(sizes), new)]
    assert Counter(item for share in there for item in share) == Counter(all_items(sizes))
    back = rescaled(list_metadata([len(share) for share in there]), old)
    assert sum(len(items_of(restore, MAP)) for restore in back) == sum(sizes)


def test_the_surplus_items_of_several_lists_go_to_different_subtasks() -> None:
    lists = [list_state("/a", 1, name="a"), list_state("/b", 1, name="b"), list_state("/c", 1, name="c")]
    restores = rescaled(metadata_of(operator("map", 1, {0: subtask([], lists)})), 3)
    assert [sum(len(one.offsets) for one in restore.operators[MAP].operator) for restore in restores] == [1, 1, 1]


@given(st.lists(st.integers(0, 7), min_size=1, max_size=22), st.integers(1, 22))
def test_union_lists_go_to_all(sizes: list[int], parallelism: int) -> None:
    for restore in rescaled(list_metadata(sizes, "UNION"), parallelism):
        assert items_of(restore, MAP) == all_items(sizes)


@given(st.integers(1, 22), st.integers(1, 22), st.integers(0, 5))
def test_broadcast_lists_go_to_each_once(old: int, new: int, items: int) -> None:
    for index, restore in enumerate(rescaled(list_metadata([items] * old, "BROADCAST"), new)):
        assert items_of(restore, MAP) == [(f"/{index % old}", offset) for offset in range(items)]


def test_broadcast_of_an_operator_that_has_partly_finished() -> None:
    subtasks = {1: subtask([], [list_state("/1", 2, "BROADCAST")])}
    for restore in rescaled(metadata_of(operator("map", 2, subtasks, finished_subtasks=[0])), 2):
        assert items_of(restore, MAP) == [("/1", 0), ("/1", 1)]


@pytest.mark.parametrize("parallelism", [2, 3])
def test_a_list_without_items_is_known_to_be_empty(parallelism: int) -> None:
    subtasks = {0: subtask([], [list_state("/0", 1)])}
    for restore in rescaled(metadata_of(operator("map", 2, subtasks)), parallelism):
        assert [one.name for one in restore.operators[MAP].operator] == ["list"]


# ------------------------------------------------------------------ which state belongs to whom


def test_all_tasks_know_what_they_begin_from() -> None:
    graph = graph_of({"new": 1, "map": 1})
    restores = assign(metadata_of(operator("map", 1, {}), job_id="b" * 32), graph)
    assert {(one.checkpoint_id, one.lineage_id, one.finished) for one in restores.values()} == {(7, "b" * 32, False)}
    restores = assign(metadata_of(lineage_id="c" * 32), graph)
    assert {one.lineage_id for one in restores.values()} == {"c" * 32}


def test_state_follows_its_operator_into_another_chain() -> None:
    graph = graph_of({"source": 2, "map": 2})
    source = graph.job_vertices[vertex_id(graph, "source", 0).vertex_id].job_vertex
    source.operators.add(operator_id="inner".ljust(32, "0"), name="inner")
    restores = assign(metadata_of(operator("inner", 2, {1: subtask([], [list_state("/1", 3)])})), graph)
    assert len(items_of(restores[vertex_id(graph, "source", 1)], "inner".ljust(32, "0"))) == 3


def test_state_that_nobody_takes_is_refused_unless_that_is_allowed() -> None:
    state = {0: subtask([], [list_state("/0", 1)])}
    metadata = metadata_of(
        operator("gone", 1, state, uid="my-uid"), operator("other", 1, state), operator("empty", 1, {})
    )
    with pytest.raises(StateRecoveryError) as caught:
        assign(metadata, graph_of({"map": 1}))
    text = str(caught.value)
    for part in (
        "savepoint 7 in file:///savepoints/s",
        "'gone' (uid 'my-uid'",
        "'other' (no uid",
        "--allowNonRestoredState",
    ):
        assert part in text
    assert "execution.state-recovery.ignore-unclaimed-state" in text
    assert "'empty'" not in text
    restores = assign(metadata, graph_of({"map": 1}), allow_unclaimed=True)
    assert all(not one.operators for one in restores.values())


# ------------------------------------------------------------------ max parallelism


def test_a_derived_max_parallelism_is_taken_from_the_snapshot() -> None:
    graph = graph_of({"map": 3, "other": 2})
    metadata = keyed_metadata(2, 64)
    pin_max_parallelism(metadata, graph, ORIGIN)
    assert [one.max_parallelism for one in graph.job_vertices.values()] == [64, 128]
    assign(metadata, graph)


def test_one_that_the_program_has_set_must_be_that_of_the_snapshot() -> None:
    graph = graph_of({"map": 3})
    graph.job_vertices[vertex_id(graph, "map", 0).vertex_id].job_vertex.max_parallelism_set = True
    metadata = keyed_metadata(2, 64)
    pin_max_parallelism(metadata, graph, ORIGIN)
    with pytest.raises(StateRecoveryError, match=r"max parallelism 128, but .* with 64") as caught:
        assign(metadata, graph)
    assert "set_max_parallelism" in str(caught.value)


def test_no_more_subtasks_than_key_groups() -> None:
    graph = graph_of({"map": 5})
    metadata = keyed_metadata(2, 4)
    pin_max_parallelism(metadata, graph, ORIGIN)
    with pytest.raises(StateRecoveryError, match=r"parallelism 5, .* max parallelism 4"):
        assign(metadata, graph)


def test_without_keyed_state_the_max_parallelism_is_free() -> None:
    graph = graph_of({"map": 5})
    subtasks = {0: subtask([], [list_state("/0", 10)])}
    metadata = metadata_of(operator("map", 1, subtasks, max_parallelism=4))
    pin_max_parallelism(metadata, graph, ORIGIN)
    assert sum(len(items_of(one, MAP)) for one in assign(metadata, graph).values()) == 10


def test_chained_operators_with_different_key_groups_are_refused() -> None:
    graph = graph_of({"map": 1})
    chain = graph.job_vertices[vertex_id(graph, "map", 0).vertex_id].job_vertex
    chain.operators.add(operator_id="inner".ljust(32, "0"), name="inner")
    metadata = metadata_of(
        operator("map", 1, {0: subtask([keyed(64, 1, 0)])}, max_parallelism=64),
        operator("inner", 1, {0: subtask([keyed(32, 1, 0)])}, max_parallelism=32),
    )
    with pytest.raises(StateRecoveryError, match=r"'map' and 'inner' .* 64 and 32"):
        pin_max_parallelism(metadata, graph, ORIGIN)


# ------------------------------------------------------------------ what had finished


EDGE = [("source", "map", "HASH")]


def test_a_finished_operator_has_nothing_to_do_but_keeps_its_state() -> None:
    graph = graph_of({"source": 2, "map": 2}, EDGE)
    state = {0: subtask([], [list_state("/0", 2)])}
    metadata = metadata_of(operator("source", 2, state, finished=True), operator("map", 2, {}))
    restores = assign(metadata, graph)
    assert [one.finished for one in restores.values()] == [True, True, False, False]
    assert len(items_of(restores[vertex_id(graph, "source", 0)], "source".ljust(32, "0"))) == 2


def partly_finished(job_id: str = "a" * 32) -> CheckpointMetadata:
    return metadata_of(operator("source", 2, {}, finished_subtasks=[1]), operator("map", 2, {}), job_id=job_id)


def test_a_finished_subtask_has_nothing_to_do_in_the_same_job() -> None:
    restores = assign(partly_finished(), graph_of({"source": 2, "map": 2}, EDGE))
    assert [one.finished for one in restores.values()] == [False, True, False, False]


@pytest.mark.parametrize("parallelism", [{"source": 2, "map": 3}, {"source": 3, "map": 2}])
def test_a_finished_subtask_begins_again_where_parallelisms_change(parallelism: dict[str, int]) -> None:
    restores = assign(partly_finished(), graph_of(parallelism, EDGE))
    assert not any(one.finished for one in restores.values())


def test_a_finished_subtask_begins_again_in_another_job() -> None:
    restores = assign(partly_finished("b" * 32), graph_of({"source": 2, "map": 2}, EDGE))
    assert not any(one.finished for one in restores.values())


def test_a_finished_operator_may_not_get_new_producers() -> None:
    metadata = metadata_of(operator("map", 1, {}, finished=True))
    with pytest.raises(StateRecoveryError, match=r"'map' had finished .* reads from 'source'"):
        assign(metadata, graph_of({"source": 1, "map": 1}, EDGE))


def test_a_finished_operator_may_not_be_chained_with_one_that_has_not() -> None:
    graph = graph_of({"map": 1})
    chain = graph.job_vertices[vertex_id(graph, "map", 0).vertex_id].job_vertex
    chain.operators.add(operator_id="inner".ljust(32, "0"), name="inner")
    with pytest.raises(StateRecoveryError, match=r"'map' had finished .* chained with 'inner'"):
        assign(metadata_of(operator("map", 1, {}, finished=True), operator("inner", 1, {})), graph)


# ------------------------------------------------------------------ records under way


def channels(old_producers: int, old_consumers: int) -> list[ChannelStateHandle]:
    return [
        ChannelStateHandle(edge_id=f"{0:032x}", producer_subtask=producer, consumer_subtask=consumer)
        for producer in range(old_producers)
        for consumer in range(old_consumers)
    ]


def consumers_of(kind: str, old: int, new: int) -> list[set[int]]:
    """Return for each new subtask the old ones whose records it gets."""
    graph = graph_of({"source": 2, "map": new}, [("source", "map", kind)])
    metadata = metadata_of(operator("source", 2, {}), operator("map", old, {}), channels=channels(2, old))
    restores = assign(metadata, graph)
    shares = [restores[vertex_id(graph, "map", index)].channels for index in range(new)]
    for share in shares:
        assert len({(one.producer_subtask, one.consumer_subtask) for one in share}) == len(share)
    return [{one.consumer_subtask for one in share} for share in shares]


@pytest.mark.parametrize("kind", ["HASH", "REBALANCE", "BROADCAST"])
def test_records_under_way_go_to_the_same_subtask(kind: str) -> None:
    assert consumers_of(kind, 3, 3) == [{0}, {1}, {2}]


@pytest.mark.parametrize(("old", "new"), [(3, 2), (2, 3), (4, 8), (21, 20)])
def test_records_under_way_are_given_away_once(old: int, new: int) -> None:
    given_away = Counter(consumer for share in consumers_of("REBALANCE", old, new) for consumer in share)
    assert given_away == Counter(range(old))


@pytest.mark.parametrize(("old", "new"), [(3, 2), (2, 3), (4, 8), (21, 20)])
def test_keyed_records_under_way_go_to_all_who_may_own_them(old: int, new: int) -> None:
    for index, share in enumerate(consumers_of("HASH", old, new)):
        own = KeyGroupRange.of_subtask(128, new, index)
        assert share == {one for one in range(old) if len(own.intersection(KeyGroupRange.of_subtask(128, old, one)))}


@pytest.mark.parametrize(("old", "new"), [(3, 2), (2, 3)])
def test_broadcast_records_under_way_go_to_each_once(old: int, new: int) -> None:
    assert consumers_of("BROADCAST", old, new) == [{index % old} for index in range(new)]


def test_records_on_an_edge_that_is_gone_are_refused() -> None:
    with pytest.raises(StateRecoveryError, match="take a savepoint"):
        assign(metadata_of(channels=channels(1, 1)), graph_of({"source": 1, "map": 1}))
