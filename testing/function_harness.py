"""A harness for one function: puts it where its class belongs, on one stream or two, keyed or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from millstream.datastream import DataStream
from millstream.datastream.functions import (
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    ReduceFunction,
    SinkFunction,
)
from millstream.testing.operator_harness import OperatorHarness

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.state import MapStateDescriptor

__all__ = ["harness_for"]

_BROADCAST = (BroadcastProcessFunction, KeyedBroadcastProcessFunction)
_TWO_INPUTS = (CoMapFunction, CoFlatMapFunction, CoProcessFunction, KeyedCoProcessFunction)
_NEED_KEYS = (KeyedProcessFunction, KeyedCoProcessFunction, KeyedBroadcastProcessFunction, ReduceFunction)
_ONE_INPUT: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((ProcessFunction, KeyedProcessFunction), "process"),
    (MapFunction, "map"),
    (FlatMapFunction, "flat_map"),
    (FilterFunction, "filter"),
    (ReduceFunction, "reduce"),
    (SinkFunction, "add_sink"),
)


def harness_for(
    function: Any,
    key_selector: Any = None,
    key_selector2: Any = None,
    *,
    broadcast_state: Sequence[MapStateDescriptor] = (),
    output_type: TypeInformation | None = None,
    **settings: Any,
) -> OperatorHarness:
    """Return a harness that runs one function, in the operator that its class is for::

        with harness_for(CountPerKey(), key_selector=lambda v: v[0]) as harness:
            harness.process_element(("a", 1), timestamp=10)

    For windows, joins, async functions and plain callables give :class:`OperatorHarness` a fragment of the program.

    :param function: a (keyed, co, broadcast) process function, or a map, flat_map, filter, reduce, co-map, co-flat-map
        or sink function.
    :param key_selector: as in ``key_by``; ``None``: the stream is not keyed.
    :param key_selector2: for the second input; ``None``: the same.
    :param broadcast_state: the descriptors of the broadcast state.
    :param settings: further keyword arguments of :class:`OperatorHarness`.
    :raises TypeError: it is no such function, or needs a key selector or broadcast state that is not given.
    """
    name = type(function).__qualname__
    if isinstance(function, _NEED_KEYS) and key_selector is None:
        raise TypeError(f"{name} is for keyed streams: give harness_for a key_selector")
    if isinstance(function, _BROADCAST) and not broadcast_state:
        raise TypeError(f"{name} needs broadcast state: give harness_for the descriptors, broadcast_state=[...]")
    typed: dict[str, Any] = {} if output_type is None else {"output_type": output_type}

    def keyed(stream: DataStream, selector: Any) -> DataStream:
        return stream if selector is None else stream.key_by(selector)

    fragment: Callable[..., Any]
    if isinstance(function, _BROADCAST):

        def fragment(stream: DataStream, rules: DataStream) -> DataStream:
            connected: Any = keyed(stream, key_selector).connect(rules.broadcast(*broadcast_state))
            processed: DataStream = connected.process(function, **typed)
            return processed

    elif isinstance(function, _TWO_INPUTS):
        kind = "process"
        if isinstance(function, (CoMapFunction, CoFlatMapFunction)):
            kind = "map" if isinstance(function, CoMapFunction) else "flat_map"

        def fragment(stream1: DataStream, stream2: DataStream) -> DataStream:
            second = key_selector if key_selector2 is None else key_selector2
            connected = keyed(stream1, key_selector).connect(keyed(stream2, second))
            processed: DataStream = getattr(connected, kind)(function, **typed)
            return processed

    else:
        method = next((method for kinds, method in _ONE_INPUT if isinstance(function, kinds)), None)
        if method is None:
            raise TypeError(
                f"harness_for takes an instance of a function class, not {function!r}; give OperatorHarness a fragment "
                "instead, such as lambda stream: stream.map(...)"
            )

        def fragment(stream: DataStream) -> Any:
            return getattr(keyed(stream, key_selector), method)(function, **typed)

    return OperatorHarness(fragment, **settings)
