"""A JobMaster that is registered at the ResourceManager, and the watch over its life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.ids import JobID, LeaderSessionId
from millstream.jobmanager.heartbeat.heartbeat_monitor import HeartbeatMonitor

__all__ = ["JobMasterRegistration"]


class JobMasterRegistration:
    """Notices when the JobMaster's heartbeats stop.

    :param on_lost: called once with the reason.
    :param end_watch: ends the watch on its connection.
    """

    __slots__ = ("_end_watch", "_loop", "_monitor", "_on_lost", "_timer", "job_id", "job_master_id")

    def __init__(
        self,
        job_id: JobID,
        job_master_id: LeaderSessionId,
        timeout_s: float,
        on_lost: Callable[[str], None],
        end_watch: Callable[[], None],
    ) -> None:
        self.job_id = job_id
        self.job_master_id = job_master_id
        self._on_lost = on_lost
        self._end_watch = end_watch
        self._loop = asyncio.get_running_loop()
        self._monitor = HeartbeatMonitor(timeout_s, -1, self._loop.time())
        self._timer: asyncio.TimerHandle | None = self._loop.call_at(self._monitor.deadline, self._check)

    def heartbeat(self) -> None:
        """It has called."""
        self._monitor.alive(self._loop.time())

    def _check(self) -> None:
        reason = self._monitor.lost(self._loop.time())
        if reason is None:
            self._timer = self._loop.call_at(self._monitor.deadline, self._check)
        else:
            self._timer = None
            self._on_lost(reason)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end_watch()
