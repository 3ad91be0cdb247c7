"""Keeps a TaskManager registered at the ResourceManager.

One task does it all: find the leader, register, watch, and begin anew when the leader is lost or another one leads. The
jobs go on while there is no ResourceManager; each registration reports the slots as they are then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from millstream.common.config import (
    ClusterOptions,
    Configuration,
    HeartbeatOptions,
    HighAvailabilityOptions,
    JobManagerOptions,
    TaskManagerOptions,
)
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import ResourceManagerGateway
from millstream.common.rpc.service import FencingError, RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.taskmanager.task_executor.backoff import Backoff
from millstream.taskmanager.task_executor.heartbeat_monitor import HeartbeatMonitor

__all__ = ["RESOURCE_MANAGER", "ResourceManagerConnection"]

_log = logging.getLogger(__name__)

RESOURCE_MANAGER = "resourcemanager"
"""The endpoint."""

_GOODBYE_TIMEOUT_S = 1.0


class ResourceManagerConnection:
    """The way to the ResourceManager.

    :param leaders: tells where it is, and is watched: a leader that was deposed is left at once, though it may answer.
    :param make_registration: returns what to register, with the slots as they are now.
    :param on_fatal: called when the TaskManager could not register in time, with the message to die with.
    """

    def __init__(
        self,
        rpc: RpcService,
        leaders: LeaderDirectory,
        configuration: Configuration,
        make_registration: Callable[[], pb.RegisterTaskExecutorRequest],
        on_fatal: Callable[[str], None],
    ) -> None:
        self._rpc = rpc
        self._leaders = leaders
        self._make_registration = make_registration
        self._on_fatal = on_fatal
        self._timeout_s = configuration.get(TaskManagerOptions.REGISTRATION_TIMEOUT).total_seconds()
        self._initial_pause_s = configuration.get(ClusterOptions.REGISTRATION_INITIAL_TIMEOUT).total_seconds()
        self._longest_pause_s = configuration.get(ClusterOptions.REGISTRATION_ERROR_DELAY).total_seconds()
        self._heartbeat_timeout_s = configuration.get(HeartbeatOptions.TIMEOUT).total_seconds()
        self._leader: LeaderInformation | None = None
        self._another_leads = asyncio.Event()
        self._end_leader_watch: Callable[[], None] | None = None
        self._gateway: ResourceManagerGateway | None = None
        self._monitor: HeartbeatMonitor | None = None
        self._registered = asyncio.Event()
        self._lost: asyncio.Future[str] | None = None
        self._notices: deque[pb.NotifySlotAvailableRequest] = deque()
        self._notice_arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def leader(self) -> LeaderSessionId | None:
        """The leader that we are, or are about to be, registered at. Requests of others are stale."""
        return None if self._leader is None else self._leader.session_id

    @property
    def is_registered(self) -> bool:
        return self._registered.is_set()

    def start(self) -> None:
        """Begin to register."""
        self._end_leader_watch = self._leaders.watch(RESOURCE_MANAGER, self._on_leader)
        self._task = asyncio.ensure_future(self._run())

    async def wait_registered(self) -> None:
        """Return when the ResourceManager knows this TaskManager."""
        await self._registered.wait()

    def check_leader(self, claimed: str) -> None:
        """Make sure that a request comes from the leader.

        :raises FencingError: it comes from another.
        """
        if claimed != self.leader:
            raise FencingError(
                f"the request comes from ResourceManager {claimed or '(none)'}, but this TaskManager follows "
                f"{self.leader or 'none at present'}"
            )

    def heartbeat(self, claimed: str) -> None:
        """Note the leader's heartbeat.

        :raises FencingError: it comes from another.
        """
        self.check_leader(claimed)
        if self._monitor is not None:
            self._monitor.beat()

    def notify_slot_available(self, notice: pb.NotifySlotAvailableRequest) -> None:
        """Tell that a slot is free again, in order, until it has arrived or a new registration says it."""
        if self.leader is not None:
            self._notices.append(notice)
            self._notice_arrived.set()

    async def close(self, goodbye: pb.DisconnectRequest | None) -> None:
        """End the connection.

        :param goodbye: sent to the ResourceManager, if it is there.
        """
        if self._end_leader_watch is not None:
            self._end_leader_watch()
            self._end_leader_watch = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        gateway, self._gateway = self._gateway, None
        if gateway is not None and goodbye is not None and self._registered.is_set():
            try:
                await asyncio.wait_for(gateway.disconnect_task_executor(goodbye), _GOODBYE_TIMEOUT_S)
            except (MillstreamError, asyncio.TimeoutError) as error:
                _log.debug("could not say goodbye to the ResourceManager: %s", error)
        self._registered.clear()

    async def _run(self) -> None:
        while True:
            registered = await self._register()
            if registered is None:
                return
            leader, response = registered
            lost = self._lost = asyncio.get_running_loop().create_future()
            timeout_s = response.heartbeat_timeout_ms / 1000 or self._heartbeat_timeout_s
            monitor = HeartbeatMonitor(
                timeout_s,
                lambda seconds=timeout_s: self._lose(f"no heartbeat for {seconds:g} s"),  # type: ignore[misc]  # mypy cannot infer a lambda's default
            )
            self._monitor = monitor
            end_watch = self._rpc.watch_connection(leader.address, self._lose)
            notifying = asyncio.ensure_future(self._send_notices())
            self._registered.set()
            try:
                reason = await lost
                self._registered.clear()
                _log.info("Lost the ResourceManager at %s (%s); registering again", leader.address, reason)
            finally:
                end_watch()
                monitor.stop()
                self._monitor = None
                notifying.cancel()
                await asyncio.gather(notifying, return_exceptions=True)

    def _on_leader(self, leader: LeaderInformation | None) -> None:
        """The directory tells who leads now."""
        if leader is None or leader == self._leader:
            return
        # From now on the one before is refused, whatever it believes itself.
        self._leader = None
        self._another_leads.set()
        self._lose(f"another one leads, at {leader.address}")

    def _lose(self, reason: str) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    async def _register(self) -> tuple[LeaderInformation, pb.RegisterTaskExecutorResponse] | None:
        """Register, however often it takes; ``None``: it took too long and the TaskManager is to die."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        backoff = Backoff(self._initial_pause_s, self._longest_pause_s)
        reason = "no answer"
        while True:
            self._another_leads.clear()
            trying = loop.create_task(self._try_to_register())
            try:
                await self._unless_another_leads(trying, max(deadline - loop.time(), 0.001))
                # Done, or there was no time for it: then what went wrong before says more.
                if trying.done() and not self._another_leads.is_set():
                    leader, response = trying.result()
                    _log.info(
                        "TaskManager %s is registered at the ResourceManager at %s",
                        self._make_registration().resource_id,
                        leader.address,
                    )
                    return leader, response
            except MillstreamError as error:
                reason = str(error)
            finally:
                trying.cancel()
                await asyncio.gather(trying, return_exceptions=True)
            left = deadline - loop.time()
            if left <= 0:
                self._on_fatal(self._could_not_register(reason))
                return None
            if self._another_leads.is_set():
                backoff.reset()
                continue
            pause = min(backoff.next_pause(), left)
            _log.info(
                "Cannot register at the ResourceManager yet, looked for at %s (%s); next try in %.1f s",
                self._leaders.description,
                reason,
                pause,
            )
            await self._unless_another_leads(None, pause)

    async def _unless_another_leads(self, work: asyncio.Future[Any] | None, seconds: float) -> None:
        """Wait for the work or the time; not when the directory names another leader."""
        changed = asyncio.ensure_future(self._another_leads.wait())
        ends: set[asyncio.Future[Any]] = {changed} if work is None else {changed, work}
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    def _could_not_register(self, reason: str) -> str:
        return (
            f"Could not register at the ResourceManager within {self._timeout_s:g} s "
            f"({TaskManagerOptions.REGISTRATION_TIMEOUT.key}): {reason}. It was looked for at "
            f"{self._leaders.description}: is a master running, and does the configuration name it "
            f"({JobManagerOptions.ADDRESS.key} and {JobManagerOptions.PORT.key}; with "
            f"{HighAvailabilityOptions.TYPE.key} {HighAvailabilityOptions.ZOOKEEPER_QUORUM.key} and "
            f"{HighAvailabilityOptions.CLUSTER_ID.key})?"
        )

    async def _try_to_register(self) -> tuple[LeaderInformation, pb.RegisterTaskExecutorResponse]:
        leader = self._leader = await self._leaders.current(RESOURCE_MANAGER)
        gateway: ResourceManagerGateway = self._rpc.connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # names the service, is not instantiated
            leader.address,
            RESOURCE_MANAGER,
            leader.session_id,
        )
        self._notices.clear()  # the registration says it all
        response = await gateway.register_task_executor(self._make_registration())
        self._gateway = gateway
        return leader, response

    async def _send_notices(self) -> None:
        backoff = Backoff(self._initial_pause_s, self._longest_pause_s)
        while True:
            self._notice_arrived.clear()
            while self._notices and self._gateway is not None:
                try:
                    await self._gateway.notify_slot_available(self._notices[0])
                except FencingError as error:
                    self._lose(str(error))
                    return
                except MillstreamError as error:
                    pause = backoff.next_pause()
                    _log.info("Cannot tell the ResourceManager of a free slot (%s); again in %.1f s", error, pause)
                    await asyncio.sleep(pause)
                else:
                    backoff.reset()
                    with contextlib.suppress(IndexError):  # cleared by a registration meanwhile
                        self._notices.popleft()
            await self._notice_arrived.wait()
