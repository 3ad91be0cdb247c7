"""The plan says how records are sent, and what it costs that a type is not declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common import Types
from millstream.common.typeinfo import TypeInformation
from millstream.common.typeinfo.wire_form import packed_in_columns
from millstream.datastream import OutputTag, ProcessFunction, StreamExecutionEnvironment

WORD = Types.TUPLE([Types.STRING(), Types.INT()])


def words(line: str) -> Iterator[tuple[str, int]]:
    yield line, 1


def counts(line: str) -> dict[str, int]:
    return {line: 1}


class Splitting(ProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Any:
        yield value


def _edges(env: StreamExecutionEnvironment) -> dict[str, dict[str, Any]]:
    """The last predecessor of each node, by the node's name."""
    nodes = json.loads(env.get_execution_plan())["nodes"]
    return {node["type"]: node["predecessors"][-1] for node in nodes if "predecessors" in node}


def test_each_edge_has_its_serializer(env: StreamExecutionEnvironment) -> None:
    pairs = env.from_collection(["a"], Types.STRING()).map(lambda v: (v, 1), WORD).name("pair")
    sums = pairs.key_by(0).sum(1).name("sum")
    sums.filter(lambda v: True).name("filter").shuffle().map(lambda v: v).name("untyped").shuffle().print().name("out")
    sums.map(lambda v: {"a": 1}, Types.MAP(Types.STRING(), Types.INT())).name("map").rebalance().print().name("maps")
    edges = _edges(env)
    expected = {
        "pair": ("columns", "String"),
        "sum": ("columns", str(WORD)),
        "filter": ("none (chained)", str(WORD)),
        "untyped": ("columns", str(WORD)),
        "Sink: out": ("pickle", None),
        "map": ("none (chained)", str(WORD)),
        "Map": ("pickle", "MapTypeInfo<String, Integer>"),  # print() makes the text of typed records
        "Sink: maps": ("none (chained)", None),
    }
    assert {name: (edge["serializer"], edge.get("record_type")) for name, edge in edges.items()} == expected
    assert [name for name, edge in edges.items() if "warning" in edge] == ["Sink: out"]


def test_a_shuffle_of_any_objects_is_warned_of_with_what_annotations_say(env: StreamExecutionEnvironment) -> None:
    lines = env.from_collection(["a"], Types.STRING())
    lines.flat_map(words).key_by(lambda v: v[0]).map(lambda v: v).name("annotated").print()
    lines.map(lambda v: v).shuffle().map(lambda v: v).name("silent").print()
    lines.map(counts).shuffle().map(lambda v: v).name("no better").print()
    side = OutputTag("late")
    lines.process(Splitting()).get_side_output(side).shuffle().map(lambda v: v).name("side").print()
    edges = _edges(env)
    assert "TupleTypeInfo(String, Long)" in edges["annotated"]["warning"]
    assert "output_type" in edges["silent"]["warning"]
    assert "warning" not in edges["no better"]
    assert "OutputTag 'late'" in edges["side"]["warning"]


def test_records_that_stay_in_their_slot_are_no_warning(env: StreamExecutionEnvironment) -> None:
    env.set_parallelism(1)
    env.from_collection(["a"]).key_by(lambda v: v).map(lambda v: v).disable_chaining().print()
    assert all("warning" not in edge for edge in _edges(env).values())


def test_explain(env: StreamExecutionEnvironment) -> None:
    lines = env.from_collection(["a"], Types.STRING()).name("lines")
    lines.flat_map(words).name("words").key_by(lambda v: v[0]).sum(1).name("count").print().name("out")
    assert env.explain() == (
        "Job 'Flink Streaming Job'\n"
        "\n"
        "1: Source: lines (parallelism 1)\n"
        "2: words (parallelism 4)\n"
        "    <- 1: Source: lines, REBALANCE: String, packed by columns\n"
        "4: count (parallelism 4)\n"
        "    <- 2: words, HASH: any objects, pickled\n"
        "5: Sink: out (parallelism 4)\n"
        "    <- 4: count, FORWARD: any objects, handed over in the same task\n"
        "\n"
        "Warnings\n"
        "  words -> count: records of any type are pickled to be sent (HASH); by its annotations the function gives "
        "TupleTypeInfo(String, Long): declare it (output_type=...) to send less\n"
    )


@pytest.mark.parametrize(
    ("type_info", "packed"),
    [
        (Types.BOOLEAN(), False),
        (Types.TUPLE([]), False),
        (Types.TUPLE([Types.BOOLEAN(), Types.INT()]), True),
        (Types.TUPLE([Types.BOOLEAN(), Types.PICKLED_BYTE_ARRAY(), Types.INT()]), False),
        (Types.ROW([Types.PICKLED_BYTE_ARRAY()]), True),
        (Types.LIST(Types.INT()), False),
        (Types.PICKLED_BYTE_ARRAY(), False),
    ],
)
def test_which_types_are_worth_columns(type_info: TypeInformation, packed: bool) -> None:
    assert packed_in_columns(type_info) is packed
