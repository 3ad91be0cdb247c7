"""Watches the clients of jobs that are to end with them (``run -sae``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.ids import JobID
from millstream.dispatcher.client_heartbeats import ClientHeartbeats

__all__ = ["ClientWatch"]


class ClientWatch:
    """Keeps the one timer that :class:`ClientHeartbeats` needs. Its methods belong to one event loop.

    :param on_silent: is told of each job whose client is gone.
    """

    def __init__(self, clock: Clock, on_silent: Callable[[JobID], None]) -> None:
        self._clock = clock
        self._on_silent = on_silent
        self._heartbeats = ClientHeartbeats()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, job_id: JobID, timeout_ms: int) -> None:
        """Watch the client of this job.

        :param timeout_ms: how long it may be silent; 0: the job outlives its client.
        """
        if timeout_ms > 0:
            self._heartbeats.watch(job_id, timeout_ms, self._clock.now_ms())
            self._set_timer()

    def reported(self, job_id: JobID, expires_at_ms: int) -> None:
        """The client of this job lives."""
        self._heartbeats.reported(job_id, expires_at_ms)

    def forget(self, job_id: JobID) -> None:
        """The job has ended."""
        self._heartbeats.forget(job_id)

    def close(self) -> None:
        """Watch nobody any more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        """A timer that fires too early, because a client has been heard of, is set again then."""
        self.close()
        expiry_ms = self._heartbeats.next_expiry_ms
        if expiry_ms is not None:
            seconds = max(0, expiry_ms - self._clock.now_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _check(self) -> None:
        for job_id in self._heartbeats.take_silent(self._clock.now_ms()):
            self._on_silent(job_id)
        self._set_timer()
