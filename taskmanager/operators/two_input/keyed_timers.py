"""The timers of an operator on two inputs: fires those that are due, in either domain; in a batch job, key by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, Watermark
from millstream.datastream.time_domain import TimeDomain
from millstream.taskmanager.operators.internal_timer_service import InternalTimerService
from millstream.taskmanager.operators.operator import Output
from millstream.taskmanager.operators.process_loop import ProcessLoop

__all__ = ["KeyedTimers"]


class _TimerContext(Protocol):
    domain: TimeDomain | None


class KeyedTimers:
    """Calls ``on_timer`` for what is due.

    :ivar service: the timers.
    """

    def __init__(
        self,
        service: InternalTimerService,
        loop: ProcessLoop,
        context: _TimerContext,
        on_timer: Callable[..., Any] | None,
    ) -> None:
        """:param on_timer: ``None``: the function has none, and the timers just go."""
        self.service = service
        self._loop = loop
        self._context = context
        self._on_timer = loop.bind(_nothing if on_timer is None else on_timer)

    def fire(self, domain: TimeDomain, now_ms: int) -> Iterator[Output]:
        """Fire the timers of one domain that are due."""
        queue = self.service.event if domain is TimeDomain.EVENT_TIME else self.service.processing
        self._context.domain = domain
        return self._loop.fire(self._on_timer, queue.pop_due_keys(now_ms))

    def advance(self, watermark: Watermark) -> Iterable[Output]:
        """Event time has advanced."""
        self.service.watermark = watermark.timestamp
        first = self.service.event.first()
        if first is None or first > watermark.timestamp:
            return (watermark,)
        return self._advance(watermark)

    def _advance(self, watermark: Watermark) -> Iterator[Output]:
        yield from self.fire(TimeDomain.EVENT_TIME, watermark.timestamp)
        yield watermark

    def wake(self, now_ms: int) -> Iterable[Output]:
        """The alarm went off."""
        first = self.service.processing.first()
        if first is None:
            return ()
        if first > now_ms:
            self.service.set_alarm()
            return ()
        return self._wake(now_ms)

    def _wake(self, now_ms: int) -> Iterator[Output]:
        yield from self.fire(TimeDomain.PROCESSING_TIME, now_ms)
        self.service.set_alarm()

    def turn(self, records: Iterable[Output]) -> Iterator[Output]:
        """Batch mode: what one key causes, its records first and then all its timers.

        :param records: calls the function for the key's records while it is iterated.
        """
        self.service.watermark = MIN_TIMESTAMP
        self._context.domain = None
        yield from records
        self.service.watermark = MAX_TIMESTAMP
        yield from self.fire(TimeDomain.EVENT_TIME, MAX_TIMESTAMP)
        yield from self.fire(TimeDomain.PROCESSING_TIME, MAX_TIMESTAMP)


def _nothing(timestamp: int, context: Any) -> None:
    """Stands for the ``on_timer`` of a function that has none."""
