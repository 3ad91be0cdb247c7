"""Operations under way, by their keys, and for a while after their ends, so that somebody can still ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from millstream.common.clock import Clock

__all__ = ["KeptOperations"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(slots=True)
class _Operation(Generic[T]):
    task: asyncio.Task[T]
    ended_ms: int | None = None


class KeptOperations(Generic[K, T]):
    """A task for each key. All methods belong to one event loop.

    :param store_duration: how long a task is kept after its end.
    """

    def __init__(self, clock: Clock, store_duration: timedelta) -> None:
        self._clock = clock
        self._store_duration_ms = int(store_duration.total_seconds() * 1000)
        self._operations: dict[K, _Operation[T]] = {}

    def begin(self, key: K, work: Callable[[], Coroutine[Any, Any, T]], name: str) -> None:
        """Begin an operation, unless it was begun before.

        :param name: of its task.
        """
        if self.find(key) is None:
            operation = _Operation(asyncio.get_running_loop().create_task(work(), name=name))
            self._operations[key] = operation
            operation.task.add_done_callback(lambda _: self._ended(operation))

    def find(self, key: K) -> asyncio.Task[T] | None:
        """Return the task of an operation; ``None``: there is none such (any more)."""
        oldest_kept = self._clock.now_ms() - self._store_duration_ms
        for each, operation in list(self._operations.items()):
            if operation.ended_ms is not None and operation.ended_ms < oldest_kept:
                del self._operations[each]
        found = self._operations.get(key)
        return found.task if found is not None else None

    def cancel(self) -> Iterable[asyncio.Task[T]]:
        """Break all off, and return their tasks. They are kept."""
        tasks = [operation.task for operation in self._operations.values()]
        for task in tasks:
            task.cancel()
        return tasks

    async def close(self) -> None:
        """Break all off, and forget them. May be called twice."""
        await asyncio.gather(*self.cancel(), return_exceptions=True)
        self._operations.clear()

    def _ended(self, operation: _Operation[T]) -> None:
        operation.ended_ms = self._clock.now_ms()
