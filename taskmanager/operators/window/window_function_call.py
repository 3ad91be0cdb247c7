"""Calls what evaluates a window, whichever of its forms the program has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from millstream.common.graph.operator_spec import WindowSpec
from millstream.datastream.functions import (
    ProcessAllWindowFunction,
    ProcessWindowFunction,
)
from millstream.taskmanager.operators.operator import OperatorContext
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.runtime_context import OperatorRuntimeContext
from millstream.taskmanager.operators.user_function import UserFunction, positional_capacity
from millstream.taskmanager.operators.window.window_contexts import OperatorWindowContext, WindowStateStore, WindowTimes
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["WindowFunctionCall"]

Evaluate = Callable[[Any, Any, Iterable[Any]], Any]


class WindowFunctionCall:
    """A window function, with key and window or with the window only, that yields or has a collector.

    :ivar function: the user's function, to be opened and closed.
    :ivar phase: the name of its method.
    :ivar evaluate: ``(key, window, inputs) -> results``: what the function returned.
    :ivar clear: ``(window) -> None``: the window has come to its end; ``None``: the function need not be told.
    """

    __slots__ = ("clear", "evaluate", "function", "phase")

    @classmethod
    def of(
        cls,
        spec: WindowSpec,
        context: OperatorContext,
        backend: KeyedStateBackend,
        state: WindowStateStore,
        times: WindowTimes,
        collector: ResultCollector,
    ) -> WindowFunctionCall:
        """The window function of a spec, with all that it may ask for.

        :param backend: where the state of the key is.
        :param state: that of the window.
        """
        runtime_context = OperatorRuntimeContext(context)
        runtime_context.use_backend(backend)
        window_context = OperatorWindowContext(times, state, runtime_context, collector)
        call = cls(spec.window_function, spec.key_selector is not None, context, window_context, collector)
        call.function.runtime_context.use_backend(backend)
        return call

    def __init__(
        self,
        target: Any,
        keyed: bool,
        context: OperatorContext,
        window_context: OperatorWindowContext,
        collector: ResultCollector,
    ) -> None:
        """:param keyed: the function is given the key."""
        with_context = isinstance(target, (ProcessWindowFunction, ProcessAllWindowFunction))
        self.phase = "process" if with_context else "apply"
        self.function = UserFunction(target, self.phase, context)
        self.clear: Callable[[Any], None] | None = None
        call = self.function.call
        out = (collector,) if positional_capacity(call, 0) > 2 + keyed else ()
        if with_context:
            self.evaluate = _with_context(call, keyed, window_context, out)
            if getattr(type(target), "clear", None) not in _CLEARS_NOTHING:
                self.clear = _clear(target.clear, window_context)
        else:
            self.evaluate = _with_window(call, keyed, out)


_CLEARS_NOTHING = (ProcessWindowFunction.clear, ProcessAllWindowFunction.clear)


def _with_context(
    call: Callable[..., Any], keyed: bool, context: OperatorWindowContext, out: tuple[Any, ...]
) -> Evaluate:
    if keyed:

        def evaluate(key: Any, window: Any, inputs: Iterable[Any]) -> Any:
            context.current_window = window
            return call(key, context, inputs, *out)

    else:

        def evaluate(key: Any, window: Any, inputs: Iterable[Any]) -> Any:  # noqa: ARG001  # is the same for all
            context.current_window = window
            return call(context, inputs, *out)

    return evaluate


def _with_window(call: Callable[..., Any], keyed: bool, out: tuple[Any, ...]) -> Evaluate:
    if keyed:
        return call if not out else lambda key, window, inputs: call(key, window, inputs, *out)
    return lambda key, window, inputs: call(window, inputs, *out)  # noqa: ARG005  # is the same for all


def _clear(clear: Callable[[Any], Any], context: OperatorWindowContext) -> Callable[[Any], None]:
    def clear_window(window: Any) -> None:
        context.current_window = window
        clear(context)

    return clear_window
