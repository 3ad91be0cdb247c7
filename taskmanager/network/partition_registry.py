"""Brings together who produces a partition and who wants to read it, in whatever order they come.

A request for a partition that is not here yet waits, as long as Flink's repeated requests would take in all, and then
fails: its producer never started in this worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

__all__ = ["PartitionKey", "PartitionRegistry", "Request", "total_backoff"]

T = TypeVar("T")

_MOST_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """Names one output edge of one attempt of a task."""

    attempt_id: str
    edge_id: str


def total_backoff(initial_s: float, maximum_s: float) -> float:
    """Return how long pauses that double from ``initial_s`` to ``maximum_s`` take in all, in seconds."""
    total, pause = 0.0, initial_s
    while pause < maximum_s:
        total += pause
        pause *= 2
    return total + maximum_s


class Request(Generic[T]):
    """A request that waits."""

    __slots__ = ("_on_found", "_on_missing", "_registry", "_timer", "key")

    def __init__(
        self,
        registry: PartitionRegistry[T],
        key: PartitionKey,
        on_found: Callable[[T], None],
        on_missing: Callable[[str], None],
    ) -> None:
        self.key = key
        self._registry = registry
        self._on_found = on_found
        self._on_missing = on_missing
        self._timer = asyncio.get_running_loop().call_later(registry.timeout_s, self._expire)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._timer.cancel()
        self._registry.forget(self)

    def found(self, partition: T) -> None:
        """The partition is here."""
        self._timer.cancel()
        self._on_found(partition)

    def _expire(self) -> None:
        self._registry.forget(self)
        self._on_missing(
            f"partition of edge {self.key.edge_id} by attempt {self.key.attempt_id} did not appear within "
            f"{self._registry.timeout_s:.1f} s; its task did not start in this worker, or has failed"
        )


class PartitionRegistry(Generic[T]):
    """The partitions that this worker's tasks produce."""

    __slots__ = ("_gone", "_partitions", "_requests", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        """:param timeout_s: how long requests wait."""
        self.timeout_s = timeout_s
        self._partitions: dict[PartitionKey, T] = {}
        self._requests: dict[PartitionKey, list[Request[T]]] = {}
        self._gone: dict[PartitionKey, str] = {}  # why the last ones are gone: who asks need not wait

    def register(self, key: PartitionKey, partition: T) -> None:
        """The partition can be read from now on.

        :raises ValueError: it is there already.
        """
        if key in self._partitions:
            raise ValueError(f"partition of edge {key.edge_id} by attempt {key.attempt_id} exists already")
        self._partitions[key] = partition
        for request in self._requests.pop(key, []):
            request.found(partition)

    def unregister(self, key: PartitionKey, reason: str) -> None:
        """The partition is gone, for ``reason``."""
        if self._partitions.pop(key, None) is not None:
            self._gone[key] = reason
            if len(self._gone) > _MOST_REMEMBERED:
                del self._gone[next(iter(self._gone))]

    def request(
        self, key: PartitionKey, on_found: Callable[[T], None], on_missing: Callable[[str], None]
    ) -> Request[T] | None:
        """Call ``on_found`` now or when the partition comes, or else ``on_missing`` with the reason.

        :return: the request if it has to wait.
        """
        partition = self._partitions.get(key)
        if partition is not None:
            on_found(partition)
            return None
        gone = self._gone.get(key)
        if gone is not None:
            on_missing(gone)
            return None
        request = Request(self, key, on_found, on_missing)
        self._requests.setdefault(key, []).append(request)
        return request

    def forget(self, request: Request[T]) -> None:
        """Drop a request that waits."""
        waiting = self._requests.get(request.key, [])
        if request in waiting:
            waiting.remove(request)
        if not waiting:
            self._requests.pop(request.key, None)

    def close(self) -> None:
        """Drop all requests."""
        for requests in list(self._requests.values()):
            for request in list(requests):
                request.cancel()
