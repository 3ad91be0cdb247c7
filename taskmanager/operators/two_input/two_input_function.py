"""A user's function of two inputs as an operator holds it: one object, a method and a key selector per input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, OperatorContext
from millstream.taskmanager.operators.result_collector import ResultCollector
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["InputSide", "TwoInputFunction"]

_KEY = "key_by"


class InputSide:
    """What is done with the records of one input.

    :ivar method: the name of the user's method, for messages.
    :ivar call: takes a record, and gives what the method returned.
    :ivar key: the key selector; ``None``: the input is not keyed.
    """

    __slots__ = ("call", "key", "method")

    def __init__(self, method: str, call: Callable[[Any], Any], key: UserFunction | None) -> None:
        self.method = method
        self.call = call
        self.key = key


class TwoInputFunction:
    """The function with its key selectors and, if it has any, keyed state.

    :ivar target: what the user gave.
    :ivar backend: ``None``: none of the inputs is keyed.
    """

    def __init__(
        self,
        target: Any,
        method: str,
        key_selectors: tuple[Any, Any],
        context: OperatorContext,
        collector: ResultCollector,
    ) -> None:
        """:param method: one of the function's methods; any does to find out that it is a function."""
        self.target = target
        self._context = context
        self._collector = collector
        self._function = UserFunction(target, method, context)
        self._keys = [
            None if selector is None else UserFunction(selector, "get_key", context, _KEY) for selector in key_selectors
        ]
        self.backend: KeyedStateBackend | None = None
        if any(self._keys):
            self.backend = HeapKeyedStateBackend(context.processing_time.now_ms)
            self._function.runtime_context.use_backend(self.backend)

    def side(self, index: int, method: str, call: Callable[[Any], Any]) -> InputSide:
        """Return what is done with the records of an input, 0 or 1."""
        return InputSide(method, call, self._keys[index])

    def open(self) -> None:
        for key in self._keys:
            if key is not None:
                key.open()
        self._function.open()

    def close(self) -> None:
        try:
            self._function.close()
        finally:
            for key in self._keys:
                if key is not None:
                    key.close()

    def calls(self, batch: RecordBatch, side: InputSide) -> Iterator[tuple[int | None, Any]]:
        """Call the method with each record of a batch: gives timestamps and what was returned."""
        collector = self._collector
        backend = self.backend
        call = side.call
        method = side.method
        stamps: Any = repeat(None) if batch.timestamps is None else batch.timestamps
        phase = method
        if side.key is None:
            for value, timestamp in zip(batch.values, stamps):  # noqa: B905  # no timestamps: as many as one likes
                collector.timestamp = timestamp
                yield timestamp, call(value)
            return
        key_of = side.key.call if batch.keys is None else partial(next, iter(batch.keys))
        for value, timestamp in zip(batch.values, stamps):  # noqa: B905  # as above
            phase = _KEY  # read from the frame by locate()
            backend.key = key_of(value)  # type: ignore[union-attr]  # there is one if there is a key selector
            phase = method
            collector.timestamp = timestamp
            yield timestamp, call(value)
        del phase

    def locate(self, error: BaseException, phase: str | None) -> FailureSite | None:
        """Say where ``error`` happened; ``None``: in no call of :meth:`calls`."""
        info = self._context.info
        if phase is not None:
            return FailureSite(info, phase)
        found = ResultCollector.variables_of_call(error) or frame_variables(error, TwoInputFunction.calls.__code__)
        if "side" not in found:
            return None
        return FailureSite(info, found.get("phase", ""), found.get("value", NO_RECORD))
