"""A user's function of two inputs as an operator holds it: one object, a key selector per input, keyed state."""

from __future__ import annotations

from typing import Any

from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.operator import OperatorContext
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import NO_KEY

__all__ = ["TwoInputFunction"]


class TwoInputFunction:
    """The function, with what gives the keys of its inputs' records.

    :ivar target: what the user gave.
    :ivar backend: ``None``: no input is keyed.
    """

    def __init__(self, target: Any, method: str, key_selectors: tuple[Any, Any], context: OperatorContext) -> None:
        """:param method: one of the function's methods; any does to find out that it is a function."""
        self.target = target
        self._function = UserFunction(target, method, context)
        self._keys = [
            None if selector is None else UserFunction(selector, "get_key", context, "key_by")
            for selector in key_selectors
        ]
        self.backend: HeapKeyedStateBackend | None = None
        if any(self._keys):
            self.backend = HeapKeyedStateBackend(context.processing_time.now_ms)
            self._function.runtime_context.use_backend(self.backend)

    def keys(self, batch: RecordBatch, index: int) -> Any:
        """The keys of a batch of an input, 0 or 1, or what gives them; ``None``: it is not keyed."""
        key = self._keys[index]
        if key is None:
            return None
        return key.call if batch.keys is None else batch.keys

    def open(self) -> None:
        for key in self._keys:
            if key is not None:
                key.open()
        self._function.open()

    def close(self) -> None:
        if self.backend is not None:
            self.backend.key = NO_KEY
        try:
            self._function.close()
        finally:
            for key in self._keys:
                if key is not None:
                    key.close()
