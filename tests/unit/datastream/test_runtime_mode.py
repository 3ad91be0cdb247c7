"""Which mode a job runs in, and what follows for its operators."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from millstream.common.errors import InvalidProgramError
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.datastream import RuntimeExecutionMode, SourceFunction, StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext


class Numbers(SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect(1)

    def cancel(self) -> None:
        pass


def final_only(graph: JobGraph) -> list[bool]:
    specs: list[Any] = [pickle.loads(node.spec) for vertex in graph.vertices for node in vertex.operators]
    return [spec.emit_final_only for spec in specs if hasattr(spec, "emit_final_only")]


def program(env: StreamExecutionEnvironment, *, bounded: bool = True) -> None:
    stream = env.from_collection([1]) if bounded else env.from_collection([1]).union(env.add_source(Numbers(), "ticks"))
    stream.key_by(lambda v: 0).reduce(max).key_by(lambda v: 0).sum().print()


@pytest.mark.parametrize(
    ("mode", "bounded", "batch"),
    [
        (RuntimeExecutionMode.STREAMING, True, False),
        (RuntimeExecutionMode.STREAMING, False, False),
        (RuntimeExecutionMode.BATCH, True, True),
        (RuntimeExecutionMode.AUTOMATIC, True, True),
        (RuntimeExecutionMode.AUTOMATIC, False, False),
    ],
)
def test_batch_aggregations_give_final_results(
    env: StreamExecutionEnvironment, mode: RuntimeExecutionMode, bounded: bool, batch: bool
) -> None:
    program(env, bounded=bounded)
    assert final_only(env.get_job_graph()) == [False, False]
    env.set_runtime_mode(mode)
    assert final_only(env.get_job_graph()) == [batch, batch]


def test_batch_refuses_an_unbounded_source(env: StreamExecutionEnvironment) -> None:
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    program(env, bounded=False)
    with pytest.raises(InvalidProgramError, match="source 'ticks' is unbounded") as caught:
        env.execute()
    assert str(caught.value).startswith(f"{__file__}:")
    assert "execution.runtime-mode" in str(caught.value)


def test_only_sources_of_this_job_count(env: StreamExecutionEnvironment) -> None:
    env.add_source(Numbers(), "unused")
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    program(env)
    assert final_only(env.get_job_graph()) == [True, True]
