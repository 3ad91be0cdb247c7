"""A piece of a program, taken out of it to run by itself: what an operator harness is given.

The piece is a function from one or two streams to a stream, written with the DataStream API. It is called with streams
of an environment of its own, which is connected with no cluster, and what it defines becomes a stream graph in the
same way as that of a whole program: output types, runtime mode and all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.config import Configuration
from millstream.datastream import RuntimeExecutionMode, StreamExecutionEnvironment
from millstream.datastream.data_stream import DataStream
from millstream.datastream.data_stream_sink import DataStreamSink
from millstream.datastream.graph.stream_graph import StreamGraph
from millstream.taskmanager.operators.user_function import positional_capacity

__all__ = ["HarnessFragment", "build_fragment"]

_JOB_NAME = "harness"


@dataclass(frozen=True, slots=True)
class HarnessFragment:
    """A fragment as a stream graph.

    :ivar inputs: ids of the nodes that stand for the inputs.
    :ivar output: id of the node that stands for whoever reads the output; ``None``: the fragment ends in a sink.
    :ivar auto_watermark_interval_ms: how often periodic watermarks are made.
    """

    graph: StreamGraph
    inputs: tuple[int, ...]
    output: int | None
    auto_watermark_interval_ms: int


def build_fragment(
    define: Callable[..., Any], runtime_mode: RuntimeExecutionMode, input_types: Sequence[Any] = ()
) -> HarnessFragment:
    """Call ``define`` with as many streams as it has parameters.

    :raises TypeError: it does not take one or two streams, or does not return one.
    :raises InvalidProgramError: a program with this piece could not run.
    """
    count = positional_capacity(define, 1)
    if count not in (1, 2):
        raise TypeError(f"a fragment takes one stream or two, but {define!r} has {count} parameters")
    environment = StreamExecutionEnvironment(Configuration()).set_parallelism(1).set_runtime_mode(runtime_mode)
    types = [*input_types, *[None] * count]
    inputs = [environment.from_collection([], types[index]).name(f"input {index + 1}") for index in range(count)]
    defined = define(*inputs)
    output: int | None = None
    if isinstance(defined, DataStream):
        output = defined.add_sink(_nobody).name("output")._transformation.id
    elif not isinstance(defined, DataStreamSink):
        raise TypeError(f"a fragment returns the stream (or sink) that it ends with, not {defined!r}")
    return HarnessFragment(
        environment._stream_graph(_JOB_NAME),
        tuple(each._transformation.id for each in inputs),
        output,
        environment.get_config().get_auto_watermark_interval(),
    )


def _nobody(value: Any) -> None:
    """Stands for what comes after the fragment; it is never called."""
