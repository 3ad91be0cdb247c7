"""One record that is under way in an asynchronous function."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["AsyncCall"]


class AsyncCall:
    """The record, and how far it has come.

    :ivar deadline: in the loop's time; 0: it may take as long as it likes.
    :ivar attempt: the number of the current attempt, from 1. What an earlier one still says does not count.
    :ivar pending: the current attempt has not come to an end: False while the next one is waited for.
    :ivar timed_out: its time is over; there are no more attempts.
    :ivar done: its results have come, or it has failed.
    :ivar results: what goes on downstream.
    :ivar task: the coroutine of the current attempt.
    :ivar retry: starts the next attempt.
    :ivar segment: where it belongs in an unordered queue.
    """

    __slots__ = (
        "attempt",
        "deadline",
        "done",
        "pending",
        "results",
        "retry",
        "segment",
        "task",
        "timed_out",
        "timestamp",
        "value",
    )

    def __init__(self, value: Any, timestamp: int | None, deadline: float) -> None:
        self.value = value
        self.timestamp = timestamp
        self.deadline = deadline
        self.attempt = 1
        self.pending = True
        self.timed_out = False
        self.done = False
        self.results: list[Any] = []
        self.task: asyncio.Task[None] | None = None
        self.retry: asyncio.TimerHandle | None = None
        self.segment: Any = None
