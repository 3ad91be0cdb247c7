"""A user's function as an operator holds it.

The user gives a callable or an instance of a function class. Either way the operator wants a plain callable, bound
once, and the life cycle (``open`` with a RuntimeContext, ``close``) where there is one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.datastream.functions import CheckpointedFunction, Function, RichFunction
from millstream.taskmanager.operators.function_state import FunctionState, takes_part_in_checkpoints
from millstream.taskmanager.operators.operator import CheckpointInfo, OperatorContext
from millstream.taskmanager.operators.runtime_context import OperatorRuntimeContext

__all__ = ["UserFunction", "close_all", "gets_runtime_context", "is_generator_callable", "positional_capacity"]


class UserFunction:
    """One user function.

    :ivar target: what the user gave.
    :ivar call: what to call per record.
    :ivar phase: the method's name, for messages.
    """

    __slots__ = ("_has_life_cycle", "_state", "call", "phase", "runtime_context", "target")

    def __init__(
        self, target: Any, method: str, context: OperatorContext, phase: str | None = None, *, state_name: str = ""
    ) -> None:
        """:param state_name: tells its state from that of another function of the same operator."""
        self.target = target
        self.phase = phase or method
        self.runtime_context = OperatorRuntimeContext(context)
        bound = getattr(target, method, None) if not inspect.isfunction(target) else None
        self._has_life_cycle = callable(bound)
        if callable(bound):
            self.call: Callable[..., Any] = bound
        elif callable(target):
            self.call = target
        else:
            raise MillstreamError(
                f"operator {context.info.name!r} needs a callable or an object with a method {method}(), "
                f"but was given a {type(target).__qualname__}"
            )
        self._state: FunctionState | None = None
        if takes_part_in_checkpoints(target):
            self._state = FunctionState(target, context.state, self.runtime_context, state_name)

    def initialize_state(self) -> None:
        """Give the function its state, if it takes part in checkpoints. Before :meth:`open`."""
        if self._state is not None:
            self._set_runtime_context()
            self._state.initialize()

    def snapshot_state(self, checkpoint: CheckpointInfo) -> None:
        """Let the function put what it remembers into its state."""
        if self._state is not None:
            self._state.snapshot(checkpoint)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """Tell the function, if it listens."""
        if self._state is not None:
            self._state.notify_complete(checkpoint_id)

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        """Tell the function, if it listens."""
        if self._state is not None:
            self._state.notify_aborted(checkpoint_id)

    def _set_runtime_context(self) -> None:
        set_context = getattr(self.target, "set_runtime_context", None)
        if callable(set_context):
            set_context(self.runtime_context)

    def open(self) -> None:
        """Call the function's ``open``, if it has one."""
        if self._has_life_cycle:
            self._set_runtime_context()
            opener = getattr(self.target, "open", None)
            if callable(opener):
                opener(self.runtime_context)

    def close(self) -> None:
        """Call the function's ``close``, if it has one."""
        if self._has_life_cycle:
            closer = getattr(self.target, "close", None)
            if callable(closer):
                closer()


def close_all(functions: Iterable[UserFunction]) -> None:
    """Close functions, last one first, all of them whatever one raises."""
    with ExitStack() as stack:
        for function in functions:
            stack.callback(function.close)


def gets_runtime_context(target: Any, method: str) -> bool:
    """Whether a function can have state: it is opened with a RuntimeContext, and does not ignore that."""
    if inspect.isfunction(target) or not callable(getattr(target, method, None)):
        return False  # a plain callable
    opener = getattr(target, "open", None)
    if isinstance(target, CheckpointedFunction):
        return True
    if isinstance(target, RichFunction) or callable(getattr(target, "set_runtime_context", None)):
        return True
    return callable(opener) and getattr(opener, "__func__", None) is not Function.open


def is_generator_callable(call: Any) -> bool:
    """Whether calling ``call`` gives a generator (so that nothing runs before it is iterated)."""
    while isinstance(call, functools.partial):
        call = call.func
    if inspect.isgeneratorfunction(call):
        return True
    if inspect.isfunction(call) or inspect.ismethod(call) or inspect.isbuiltin(call) or inspect.isclass(call):
        return False
    return inspect.isgeneratorfunction(getattr(type(call), "__call__", None))  # noqa: B004  # looks at how it is defined


def positional_capacity(call: Callable[..., Any], default: int) -> int:
    """How many positional arguments ``call`` takes (many: 255); ``default`` if it cannot be found out."""
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        return default  # a builtin without a signature
    count = 0
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return 255
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            count += 1
    return count
