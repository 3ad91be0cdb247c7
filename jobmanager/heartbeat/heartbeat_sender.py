"""Sends heartbeats to one other component and notices when it is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from millstream.common.config import Configuration, HeartbeatOptions
from millstream.common.errors import MillstreamError
from millstream.common.rpc.service import EndpointNotFoundError, FencingError, RpcUnavailableError
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.heartbeat.heartbeat_monitor import HeartbeatMonitor

__all__ = ["HeartbeatSender", "HeartbeatSettings"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """Seconds, and failed calls."""

    interval_s: float
    timeout_s: float
    failure_threshold: int

    @property
    def call_timeout(self) -> timedelta:
        """Deadline of one heartbeat call: some of them fit into the timeout."""
        return timedelta(seconds=max(self.interval_s, self.timeout_s / 5))

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> HeartbeatSettings:
        """Read ``heartbeat.interval``, ``heartbeat.timeout`` and ``heartbeat.rpc-failure-threshold``."""
        return cls(
            configuration.get(HeartbeatOptions.INTERVAL).total_seconds(),
            configuration.get(HeartbeatOptions.TIMEOUT).total_seconds(),
            configuration.get(HeartbeatOptions.RPC_FAILURE_THRESHOLD),
        )


class HeartbeatSender:
    """Calls the other side each interval until it is lost or :meth:`stop` is called.

    :param name: of the other side, for messages.
    :param call: makes one heartbeat call, with the settings' deadline, and deals with the answer.
    :param on_lost: called once, with the reason.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[], Awaitable[None]],
        on_lost: Callable[[str], None],
        settings: HeartbeatSettings,
    ) -> None:
        self._name = name
        self._call = call
        self._on_lost = on_lost
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    def start(self, tasks: BackgroundTasks) -> None:
        """Begin; the first heartbeat goes out after one interval.

        :param tasks: owns the task that sends.
        """
        self._task = tasks.spawn(self._run(), f"heartbeats to {self._name}")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        monitor = HeartbeatMonitor(self._settings.timeout_s, self._settings.failure_threshold, loop.time())
        while True:
            await asyncio.sleep(min(self._settings.interval_s, max(0.0, monitor.deadline - loop.time())))
            reason = await self._beat(monitor, loop)
            if reason is not None:
                self._task = None
                self._on_lost(reason)
                return

    async def _beat(self, monitor: HeartbeatMonitor, loop: asyncio.AbstractEventLoop) -> str | None:
        """Make one call; return why the other side is lost, if it is."""
        try:
            await self._call()
        except (FencingError, EndpointNotFoundError) as error:
            # Somebody answers, but it is not the one we knew.
            return f"it was restarted or has shut down ({error})"
        except RpcUnavailableError as error:
            monitor.unreachable(str(error))
        except MillstreamError as error:
            logger.warning("Heartbeat to %s failed: %s", self._name, error)
        else:
            monitor.alive(loop.time())
        return monitor.lost(loop.time())

    def stop(self) -> None:
        """Send no more. May be called twice, also from ``on_lost``."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
