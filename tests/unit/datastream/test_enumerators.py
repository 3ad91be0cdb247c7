"""The enumerator of a source in the job graph: a vertex before the readers, which changes nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from millstream.common.errors import InvalidProgramError
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.graph.operator_ids import operator_id_of_uid
from tests.unit.taskmanager.task.enumerated import RangeSource


def _graph(source: Any, uid: str = "", other_uid: str = "", group: str = "") -> Any:
    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(3)
    stream = env.from_source(source, None, "ranges")
    if uid:
        stream.uid(uid)
    if group:
        stream.slot_sharing_group(group)
    mapped = stream.map(str).map(str)
    if other_uid:
        mapped.uid(other_uid)
    mapped.key_by(len).map(str).print()
    return env


def _job_graph(*args: Any, **more: Any) -> Any:
    return _graph(*args, **more).get_job_graph("ranges")


def test_the_enumerator_is_a_vertex_before_the_readers() -> None:
    graph = _job_graph(RangeSource([]), group="mine")
    enumerator, readers = graph.vertices[0], graph.vertices[1]
    assert enumerator.name == "Source: ranges (enumerator)"
    assert (enumerator.parallelism, enumerator.non_parallel, enumerator.slot_sharing_group) == (1, True, "mine")
    assert readers.name.startswith("Source: ranges -> Map")
    assert (readers.parallelism, readers.slot_sharing_group) == (3, "mine")
    (edge,) = [each for each in graph.edges if each.target_vertex == readers.id]
    assert (edge.source_vertex, edge.partitioner.kind, edge.buffer_timeout_ms) == (enumerator.id, "SPLITS", 0)


@pytest.mark.parametrize("uid", ["", "mine"])
def test_no_other_operator_changes_its_id(uid: str) -> None:
    plain = _job_graph(NumberSequenceSource(1, 2), uid)
    enumerated = _job_graph(RangeSource([]), uid)
    ids = [
        [operator.operator_id for vertex in each.vertices for operator in vertex.operators]
        for each in (plain, enumerated)
    ]
    assert ids[1][1:] == ids[0]
    assert len(set(ids[1])) == len(ids[1])
    enumerator = enumerated.vertices[0].operators[0]
    if uid:
        assert enumerator.uid == "mine-enumerator"
        assert enumerator.operator_id == operator_id_of_uid("mine-enumerator")
    else:
        assert enumerator.uid == ""
        assert enumerator.operator_id == _job_graph(RangeSource([(1, 2)])).vertices[0].operators[0].operator_id


def test_nobody_else_may_have_the_uid_of_the_enumerator() -> None:
    with pytest.raises(InvalidProgramError, match="'mine-enumerator'"):
        _job_graph(RangeSource([]), "mine", "mine-enumerator")


def test_the_plan_shows_the_enumerator_without_warning() -> None:
    nodes = json.loads(_graph(RangeSource([])).get_execution_plan())["nodes"]
    assert [node["type"] for node in nodes[:2]] == ["Source: ranges (enumerator)", "Source: ranges"]
    assert nodes[1]["predecessors"][0]["ship_strategy"] == "SPLITS"
    assert "warning" not in nodes[1]["predecessors"][0]
