"""A user's function of two inputs as an operator holds it: one object, a key selector per input, keyed state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.key_selection import keys_of
from millstream.taskmanager.operators.operator import OperatorContext, SideOutput
from millstream.taskmanager.operators.prefetching import with_state_of
from millstream.taskmanager.operators.process_loop import ProcessLoop
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.state.keyed_state_backend import NO_KEY, KeyedStateBackend

__all__ = ["TwoInputFunction"]


class TwoInputFunction:
    """The function, with what gives the keys of its inputs' records.

    :ivar target: what the user gave.
    :ivar function: the same as an operator holds it.
    :ivar backend: ``None``: no input is keyed.
    """

    def __init__(self, target: Any, method: str, key_selectors: tuple[Any, Any], context: OperatorContext) -> None:
        """:param method: one of the function's methods; any does to find out that it is a function."""
        self.target = target
        self.function = UserFunction(target, method, context)
        self._keys = [
            None if selector is None else UserFunction(selector, "get_key", context, "key_by")
            for selector in key_selectors
        ]
        self.backend: KeyedStateBackend | None = None
        if any(self._keys):
            self.backend = context.state.keyed()
            self.function.runtime_context.use_backend(self.backend)

    def keys(self, batch: RecordBatch, index: int) -> Any:
        """The keys of a batch of an input, 0 or 1, or what gives them; ``None``: it is not keyed."""
        key = self._keys[index]
        if key is None:
            return None
        return key.call if batch.keys is None else batch.keys

    def run(
        self, loop: ProcessLoop, call: Callable[[Any, Any], Any], batch: RecordBatch, index: int
    ) -> Iterator[RecordBatch | SideOutput]:
        """Call one of the function's methods for each record of an input, 0 or 1."""
        keys = self.keys(batch, index)
        backend = self.backend
        if backend is None or keys is None:
            return loop.run(call, batch.values, batch.timestamps, keys)
        backend.clean_up_for_records(len(batch))
        if backend.in_memory:
            return loop.run(call, batch.values, batch.timestamps, keys)
        if not isinstance(keys, list):
            keys = keys_of(keys, batch.values)
        return with_state_of(backend, keys, loop.run(call, batch.values, batch.timestamps, keys))

    def open(self) -> None:
        for key in self._keys:
            if key is not None:
                key.open()
        self.function.open()

    def close(self) -> None:
        if self.backend is not None:
            self.backend.key = NO_KEY
        try:
            self.function.close()
        finally:
            for key in self._keys:
                if key is not None:
                    key.close()
