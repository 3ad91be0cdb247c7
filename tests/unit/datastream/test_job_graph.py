"""What a program is translated to."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Configuration, RestartStrategies, Row, Types
from millstream.common.graph.edge_type import EdgeType
from millstream.common.graph.operator_spec import (
    AggregateSpec,
    FilterSpec,
    FlatMapSpec,
    LegacySourceSpec,
    MapSpec,
    PartitionerSpec,
    PrintSinkSpec,
    ReduceSpec,
    SinkFunctionSpec,
    SourceSpec,
)
from millstream.common.records import RecordBatch
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.datastream import (
    DataStream,
    ParallelSourceFunction,
    SinkFunction,
    SlotSharingGroup,
    SourceContext,
    SourceFunction,
    StreamExecutionEnvironment,
)
from millstream.datastream.graph.stream_graph_generator import default_max_parallelism


class Numbers(SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)

    def cancel(self) -> None:
        pass


class ParallelNumbers(ParallelSourceFunction):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)

    def cancel(self) -> None:
        pass


class Collecting(SinkFunction):
    def invoke(self, value: Any, context: Any) -> None:
        pass


def _specs(graph: JobGraph) -> dict[str, Any]:
    return {each.name: cloudpickle.loads(each.spec) for vertex in graph.vertices for each in vertex.operators}


def _word_count(env: StreamExecutionEnvironment) -> None:
    lines = env.read_text_file("/nowhere").name("lines")
    words = lines.flat_map(lambda line: line.split(), Types.STRING()).name("split")
    counts = words.map(lambda word: (word, 1)).key_by(0).reduce(lambda a, b: (a[0], a[1] + b[1])).name("count")
    counts.add_sink(Collecting()).name("out")


def test_operators_hold_the_users_functions(env: StreamExecutionEnvironment) -> None:
    stream = env.add_source(Numbers(), "numbers")
    stream.map(lambda v: v + 1).name("map")
    stream.filter(lambda v: v > 1).name("filter")
    stream.flat_map(lambda v: [v, v]).name("flat")
    keyed = stream.key_by(lambda v: v % 2)
    keyed.map(lambda v: v).name("keyed map")
    keyed.reduce(lambda a, b: a + b).name("reduce")
    keyed.max_by("f1").name("max")
    stream.add_sink(Collecting()).name("sink")
    stream.print("id").name("print")
    specs = _specs(env.get_job_graph())
    assert isinstance(specs["numbers"], LegacySourceSpec)
    assert isinstance(specs["map"], MapSpec)
    assert specs["map"].function(1) == 2
    assert specs["map"].key_selector is None
    assert isinstance(specs["filter"], FilterSpec)
    assert isinstance(specs["flat"], FlatMapSpec)
    assert specs["keyed map"].key_selector(3) == 1
    assert isinstance(specs["reduce"], ReduceSpec)
    assert specs["reduce"].key_selector(4) == 0
    assert isinstance(specs["max"], AggregateSpec)
    assert (specs["max"].kind, specs["max"].field) == ("max_by", "f1")
    assert isinstance(specs["sink"], SinkFunctionSpec)
    assert specs["print"] == PrintSinkSpec("id")


def test_vertices_and_edges_of_a_word_count(env: StreamExecutionEnvironment) -> None:
    _word_count(env)
    graph = env.get_job_graph("count")
    assert graph.name == "count"
    assert [vertex.name for vertex in graph.vertices] == ["Source: lines -> split -> Map", "count -> Sink: out"]
    assert [(vertex.parallelism, vertex.max_parallelism) for vertex in graph.vertices] == [(4, 128)] * 2
    (edge,) = graph.edges
    assert (edge.source_vertex, edge.source_operator, edge.target_vertex) == (
        graph.vertices[0].id,
        2,
        graph.vertices[1].id,
    )
    assert edge.partitioner.kind == "HASH"
    spec = cloudpickle.loads(edge.partitioner.spec)
    assert isinstance(spec, PartitionerSpec)
    assert spec.key_selector(("a", 1)) == "a"
    assert edge.buffer_timeout_ms == 100


@pytest.mark.parametrize(
    ("partition", "kind"),
    [
        (lambda s: s.shuffle(), "SHUFFLE"),
        (lambda s: s.rebalance(), "REBALANCE"),
        (lambda s: s.rescale(), "RESCALE"),
        (lambda s: s.broadcast(), "BROADCAST"),
        (lambda s: s.global_(), "GLOBAL"),
        (methodcaller("global"), "GLOBAL"),
        (lambda s: s.partition_custom(lambda key, n: key % n, lambda v: v), "CUSTOM"),
        (lambda s: s.shuffle().rescale(), "RESCALE"),
        (lambda s: s.key_by(lambda v: v), "HASH"),
    ],
)
def test_partitioners(
    env: StreamExecutionEnvironment, partition: Callable[[DataStream], DataStream], kind: str
) -> None:
    partition(env.from_sequence(1, 10)).print().set_parallelism(3)
    (edge,) = env.get_job_graph().edges
    assert edge.partitioner.kind == kind


def test_unspecified_partitioning_is_rebalance_between_different_parallelisms(env: StreamExecutionEnvironment) -> None:
    env.from_collection([1]).map(lambda v: v)
    graph = env.get_job_graph()
    assert [vertex.parallelism for vertex in graph.vertices] == [1, 4]
    assert [edge.partitioner.kind for edge in graph.edges] == ["REBALANCE"]


def test_a_stream_joined_with_itself_has_two_edges(env: StreamExecutionEnvironment) -> None:
    stream = env.from_sequence(1, 10)
    stream.union(stream).print()
    edges = env.get_job_graph().edges
    assert len(edges) == 2
    assert edges[0].edge_id != edges[1].edge_id
    assert edges[0].source_vertex == edges[1].source_vertex


def test_a_partitioning_after_a_union_is_for_all_its_inputs_one_before_for_its_own(
    env: StreamExecutionEnvironment,
) -> None:
    first, second = env.from_sequence(1, 10), env.from_sequence(1, 10)
    first.shuffle().union(second.rescale()).print().name("own")
    first.shuffle().union(second).broadcast().print().name("all")
    graph = env.get_job_graph()
    names = {vertex.id: vertex.name for vertex in graph.vertices}
    kinds: dict[str, list[str]] = {}
    for edge in graph.edges:
        kinds.setdefault(names[edge.target_vertex], []).append(edge.partitioner.kind)
    assert kinds == {"Sink: own": ["SHUFFLE", "RESCALE"], "Sink: all": ["BROADCAST", "BROADCAST"]}


@pytest.mark.parametrize(
    ("parallelism", "expected"),
    [(1, 128), (85, 128), (86, 256), (87, 256), (170, 256), (171, 256), (172, 512), (20_000, 32768), (32768, 32768)],
)
def test_default_max_parallelism(parallelism: int, expected: int) -> None:
    # Flink's rule: the next power of two of p + p // 2, within bounds.
    power = 1
    while power < parallelism + parallelism // 2:
        power *= 2
    assert default_max_parallelism(parallelism) == min(max(power, 128), 32768) == expected


@given(st.integers(1, 1 << 15))
def test_default_max_parallelism_is_a_power_of_two_that_suffices(parallelism: int) -> None:
    result = default_max_parallelism(parallelism)
    assert result & (result - 1) == 0
    assert max(128, parallelism) <= result <= 1 << 15


def test_sources_that_are_not_parallel_run_at_1(env: StreamExecutionEnvironment) -> None:
    env.add_source(Numbers()).print()
    env.add_source(ParallelNumbers()).print()
    graph = env.get_job_graph()
    assert [vertex.parallelism for vertex in graph.vertices] == [1, 4, 4]


def test_parallelism_set_on_the_environment_is_for_what_comes_after(env: StreamExecutionEnvironment) -> None:
    stream = env.set_parallelism(2).from_sequence(1, 10)
    env.set_parallelism(3)
    stream.print()
    assert [vertex.parallelism for vertex in env.get_job_graph().vertices] == [2, 3]


def test_max_parallelism_of_environment_and_operator(env: StreamExecutionEnvironment) -> None:
    env.set_max_parallelism(64)
    env.from_sequence(1, 10).rebalance().map(lambda v: v).set_max_parallelism(32)
    vertices = env.get_job_graph().vertices
    assert [(vertex.max_parallelism, vertex.max_parallelism_set) for vertex in vertices] == [(64, True), (32, True)]


def test_a_derived_max_parallelism_is_known_as_such(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 10).rebalance().map(lambda v: v).set_max_parallelism(128)
    vertices = env.get_job_graph().vertices
    assert [(vertex.max_parallelism, vertex.max_parallelism_set) for vertex in vertices] == [(128, False), (128, True)]


def test_slot_sharing_groups_are_inherited_unless_inputs_differ(env: StreamExecutionEnvironment) -> None:
    first = env.from_sequence(1, 10).slot_sharing_group("a").rebalance()
    second = env.from_sequence(1, 10).slot_sharing_group(SlotSharingGroup.builder("b").build()).rebalance()
    first.map(lambda v: v).name("one")
    first.union(second).map(lambda v: v).name("both")
    groups = {vertex.name: vertex.slot_sharing_group for vertex in env.get_job_graph().vertices}
    assert groups == {"Source: Sequence Source": "b", "one": "a", "both": "default"}


def test_buffer_timeout_of_the_producer(env: StreamExecutionEnvironment) -> None:
    env.set_buffer_timeout(-1)
    assert env.get_buffer_timeout() == -1
    env.from_sequence(1, 10).rebalance().map(lambda v: v).set_buffer_timeout(0).rebalance().print()
    assert [edge.buffer_timeout_ms for edge in env.get_job_graph().edges] == [-1, 0]


def test_types_of_edges(env: StreamExecutionEnvironment) -> None:
    env.from_collection(["a"], Types.STRING()).rebalance().map(lambda v: v).rebalance().print()
    typed, untyped = env.get_job_graph().edges
    assert cloudpickle.loads(typed.type_info) == EdgeType(Types.STRING(), "Source: Collection Source", True)
    assert untyped.type_info == b""


def test_only_the_jobs_own_settings_travel(env: StreamExecutionEnvironment) -> None:
    env.configure(Configuration().set_string("jobmanager.rpc.port", "7000").set_string("pipeline.max-parallelism", "9"))
    env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 500))
    env.get_config().set_global_job_parameters({"who": "me"})
    env.from_sequence(1, 2).print()
    settings = Configuration.from_map(dict(env.get_job_graph().configuration))
    assert settings.key_set() == {
        "pipeline.max-parallelism",
        "pipeline.global-job-parameters",
        "restart-strategy.type",
        "restart-strategy.fixed-delay.attempts",
        "restart-strategy.fixed-delay.delay",
    }
    assert settings.get_string("restart-strategy.fixed-delay.delay", "") == "500 ms"


def _ids(build: Callable[[StreamExecutionEnvironment], object]) -> dict[str, str]:
    env = StreamExecutionEnvironment.get_execution_environment()
    build(env)
    return {each.name: each.operator_id for vertex in env.get_job_graph().vertices for each in vertex.operators}


@pytest.mark.usefixtures("executor")
def test_operator_ids_are_the_same_each_time() -> None:
    ids = _ids(_word_count)
    assert ids == _ids(_word_count)
    assert len(set(ids.values())) == len(ids)
    assert all(len(each) == 32 for each in ids.values())


@pytest.mark.usefixtures("executor")
def test_a_uid_fixes_the_id_whatever_comes_before() -> None:
    short = _ids(lambda env: env.from_sequence(1, 2).map(lambda v: v).name("m").uid("mine"))
    long = _ids(lambda env: env.from_sequence(1, 2).filter(bool).map(lambda v: v).name("m").uid("mine"))
    assert short["m"] == long["m"]
    without = _ids(lambda env: env.from_sequence(1, 2).filter(bool).map(lambda v: v).name("m"))
    assert without["m"] != long["m"]


def test_a_vertex_has_the_id_of_its_head_and_a_uid_hash_is_taken_as_it_is(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 2).set_uid_hash("0123456789abcdef" * 2).print()
    (vertex,) = env.get_job_graph().vertices
    assert vertex.id == vertex.operators[0].operator_id == "0123456789abcdef" * 2


def test_typed_streams_print_javas_text(env: StreamExecutionEnvironment) -> None:
    env.from_collection([("To", 1)], Types.TUPLE([Types.STRING(), Types.INT()])).print()
    env.from_collection([("To", 1)]).print()
    graph = env.get_job_graph()
    formats = [each for each in _specs(graph).values() if isinstance(each, MapSpec)]
    assert [each.function(("To", 1)) for each in formats] == ["(To,1)"]
    assert graph.vertices[0].name == "Source: Collection Source -> Map"


def test_typed_collections_hold_rows(env: StreamExecutionEnvironment) -> None:
    env.from_collection([(1, "a")], Types.ROW_NAMED(["id", "name"], [Types.INT(), Types.STRING()])).map(lambda v: v)
    source = _specs(env.get_job_graph())["Collection Source"].source
    assert source.elements == [Row(id=1, name="a")]


def test_elements_are_a_collection_too(env: StreamExecutionEnvironment) -> None:
    env.from_elements(1, "a").map(lambda v: v)
    assert _specs(env.get_job_graph())["Collection Source"].source.elements == [1, "a"]


def test_projection(env: StreamExecutionEnvironment) -> None:
    typed = env.from_collection([], Types.TUPLE([Types.STRING(), Types.INT(), Types.LONG()]))
    assert typed.project(2, 0).get_type() == Types.TUPLE([Types.LONG(), Types.STRING()])
    specs = _specs(env.get_job_graph())
    assert specs["Projection"].function(("a", 1, 2)) == (2, "a")


def test_from_collection_reads_in_batches() -> None:
    from millstream.datastream.collection_source import CollectionSource
    from millstream.datastream.source import InputStatus, SourceReaderContext

    source = CollectionSource(list(range(5)))
    reader = source.create_reader(SourceReaderContext(0, 1, 128, 2, {}))
    first = reader.poll()
    state = reader.snapshot_state()
    taken_over = source.create_reader(SourceReaderContext(0, 1, 128, 10, {}))
    taken_over.restore_state(state)
    assert (first, taken_over.poll()) == (RecordBatch([0, 1]), RecordBatch([2, 3, 4]))
    assert taken_over.poll() is InputStatus.END_OF_INPUT
    assert isinstance(SourceSpec(source).source, CollectionSource)
