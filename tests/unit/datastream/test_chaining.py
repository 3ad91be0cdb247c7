"""Which operators share a task, rule by rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from millstream.datastream import DataStream, StreamExecutionEnvironment

Build = Callable[[StreamExecutionEnvironment], object]


def _source(env: StreamExecutionEnvironment) -> DataStream:
    return env.from_sequence(1, 10).name("s")


def _plus(stream: DataStream, name: str) -> DataStream:
    return stream.map(lambda value: value + 1).name(name)


def _tree(env: StreamExecutionEnvironment) -> None:
    first = _plus(_source(env), "a")
    _plus(first, "b")
    _plus(_plus(first, "c"), "d")


def _broken_branch(env: StreamExecutionEnvironment) -> None:
    first = _plus(_source(env), "a")
    _plus(first, "b")
    _plus(first.rebalance(), "c")


def _self_union(env: StreamExecutionEnvironment) -> None:
    stream = _source(env)
    _plus(stream.union(stream), "a")


def _max_parallelism(env: StreamExecutionEnvironment) -> None:
    _plus(_source(env), "a").set_max_parallelism(256)


def _groups(env: StreamExecutionEnvironment) -> None:
    first = _plus(_source(env), "a").slot_sharing_group("other")
    _plus(first, "b")


def _sink(env: StreamExecutionEnvironment) -> None:
    _plus(_source(env), "a").print().name("p")


def _legacy_source(env: StreamExecutionEnvironment) -> None:
    _plus(env.socket_text_stream("localhost", 4711).name("socket"), "a").set_parallelism(1)


CASES: list[tuple[str, Build, list[str]]] = [
    ("forward", lambda env: _plus(_plus(_source(env), "a"), "b"), ["Source: s -> a -> b"]),
    ("sink", _sink, ["Source: s -> a -> Sink: p"]),
    ("explicit forward", lambda env: _plus(_source(env).forward(), "a"), ["Source: s -> a"]),
    ("tree", _tree, ["Source: s -> a -> (b, c -> d)"]),
    ("branch that breaks", _broken_branch, ["Source: s -> a -> b", "c"]),
    ("parallelism", lambda env: _plus(_source(env), "a").set_parallelism(2), ["Source: s", "a"]),
    ("max parallelism", _max_parallelism, ["Source: s", "a"]),
    ("slot sharing group, inherited", _groups, ["Source: s", "a -> b"]),
    ("start_new_chain", lambda env: _plus(_plus(_source(env), "a").start_new_chain(), "b"), ["Source: s", "a -> b"]),
    ("disable_chaining", lambda env: _plus(_plus(_source(env), "a").disable_chaining(), "b"), ["Source: s", "a", "b"]),
    ("key_by", lambda env: _plus(_source(env).key_by(lambda v: v), "a"), ["Source: s", "a"]),
    ("rebalance", lambda env: _plus(_source(env).rebalance(), "a"), ["Source: s", "a"]),
    ("union", lambda env: _plus(_source(env).union(_source(env)), "a"), ["Source: s", "Source: s", "a"]),
    ("union with itself", _self_union, ["Source: s", "a"]),
    ("job without chaining", lambda env: _plus(_source(env.disable_operator_chaining()), "a"), ["Source: s", "a"]),
    ("legacy source is a head", _legacy_source, ["Source: socket -> a"]),
]


@pytest.mark.parametrize(("build", "names"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_chains(env: StreamExecutionEnvironment, build: Build, names: list[str]) -> None:
    build(env)
    assert [vertex.name for vertex in env.get_job_graph().vertices] == names


def test_a_tree_names_each_parent_before_its_children(env: StreamExecutionEnvironment) -> None:
    _tree(env)
    (vertex,) = env.get_job_graph().vertices
    parents = {operator.name: [each.parent for each in operator.inputs] for operator in vertex.operators}
    assert parents == {"s": [], "a": [0], "b": [1], "c": [1], "d": [3]}


def test_a_chain_of_thousands_of_operators(env: StreamExecutionEnvironment) -> None:
    stream = _source(env)
    for _ in range(2000):
        stream = stream.filter(bool)
    (vertex,) = env.get_job_graph().vertices
    assert len(vertex.operators) == 2001
    assert len(vertex.name) <= 1000
