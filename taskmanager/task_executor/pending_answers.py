"""Requests to a slot worker that wait for their answers.

Each of them ends: with its answer, after its time, or when the worker ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["PendingAnswers"]

A = TypeVar("A")


class PendingAnswers(Generic[A]):
    """For one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[A]] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, send: Callable[[int], None], timeout_s: float) -> A:
        """Send a request under a fresh id and return its answer. What ``send`` raises goes to the caller.

        :raises asyncio.TimeoutError: there was no answer in time.
        :raises Exception: what :meth:`fail` was given.
        """
        request_id = self._next_id
        self._next_id += 1
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            send(request_id)
            return await asyncio.wait_for(answer, timeout_s)
        finally:
            del self._waiting[request_id]

    def answer(self, request_id: int, answer: A) -> None:
        """An answer has come; one that nobody waits for any more is dropped."""
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def fail(self, error: Exception) -> None:
        """There will be no answers any more."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # who waits may have been cancelled just now
