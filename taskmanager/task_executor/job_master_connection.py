"""The way from a TaskManager to the JobMaster of one job that has slots here.

Task states, lost slots and what tasks say of checkpoints go out one after the other in the order they came, each tried
again until it has arrived or the JobMaster is known to be gone: a lost message must not leave a job waiting for ever.
A JobMaster is gone, too, when another one leads the job, though its process may still answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from millstream.common.config import Configuration, HeartbeatOptions
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import AllocationId, JobID, LeaderSessionId
from millstream.common.rpc.gateways import JobMasterGateway
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RpcService,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb
from millstream.taskmanager.task_executor.backoff import Backoff
from millstream.taskmanager.task_executor.heartbeat_monitor import HeartbeatMonitor
from millstream.taskmanager.task_executor.task_table import TaskTable

__all__ = ["JobMasterConnection"]

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_GOODBYE_TIMEOUT_S = 1.0
_STALE_DIRECTORY_S = 3.0
"""A directory may be behind for a moment: so long it may name another JobMaster before it has ever named ours."""

Report: TypeAlias = (
    pb.TaskExecutionState
    | pb.FailSlotRequest
    | pb.CheckpointAcknowledgement
    | pb.CheckpointDecline
    | pb.EndOfDataReport
    | pb.SplitRequest
)


class JobMasterConnection:
    """One job's JobMaster, and the job's tasks here.

    :param leaders: tells whether another one leads the job.
    :param registration: what to register with; names the job.
    :param on_lost: called once, with the connection and the reason, when the JobMaster is gone or has refused us.
    :ivar tasks: the job's attempts.
    """

    def __init__(
        self,
        rpc: RpcService,
        leaders: LeaderDirectory,
        address: str,
        job_master_id: LeaderSessionId,
        configuration: Configuration,
        registration: pb.RegisterTaskManagerRequest,
        on_lost: Callable[[JobMasterConnection, str], None],
    ) -> None:
        self._rpc = rpc
        self._address = address
        self._job_master_id = job_master_id
        self._registration = registration
        self._on_lost = on_lost
        self._default_heartbeat_timeout_s = configuration.get(HeartbeatOptions.TIMEOUT).total_seconds()
        self.job_id = JobID(registration.job_id)
        self.tasks = TaskTable()
        endpoint = f"jobmaster-{registration.job_id}"
        self._gateway: JobMasterGateway = rpc.connect(
            JobMasterGateway,  # type: ignore[type-abstract]  # names the service, is not instantiated
            address,
            endpoint,
            job_master_id,
        )
        self._monitor: HeartbeatMonitor | None = None
        self._end_watch: Callable[[], None] | None = None
        self._over = False
        self._reports: deque[Report] = deque()
        self._report_arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._unknown_to_job_master: set[AllocationId] = set()
        self._named_by_directory = False
        self._doubt: asyncio.TimerHandle | None = None
        self._end_leader_watch: Callable[[], None] | None = leaders.watch(endpoint, self._on_leader)
        loop = asyncio.get_running_loop()
        self._job: asyncio.Future[pb.JobInformation] = loop.create_future()
        self._registering = loop.create_task(self._register())
        self._reporting = loop.create_task(self._send_reports())

    @property
    def job_master_id(self) -> LeaderSessionId:
        return self._job_master_id

    @property
    def address(self) -> str:
        return self._address

    async def job_information(self) -> pb.JobInformation:
        """Return what workers need to know of the job, as soon as the JobMaster has told it."""
        return await asyncio.shield(self._job)

    async def offer(self, offer: pb.SlotOffer) -> bool:
        """Offer a slot until there is an answer; return whether the JobMaster takes it."""
        request = pb.OfferSlotsRequest(
            resource_id=self._registration.resource_id, session_id=self._registration.session_id, offers=[offer]
        )
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                response = await self._gateway.offer_slots(request)
            except (RpcUnavailableError, RpcTimeoutError) as error:
                _log.info("Cannot offer slot %d to the JobMaster (%s); trying again", offer.slot_index, error)
                await asyncio.sleep(backoff.next_pause())
            except MillstreamError as error:
                _log.info("The JobMaster of job %s refuses slot %d: %s", self.job_id, offer.slot_index, error)
                return False
            else:
                return offer.allocation_id in response.accepted

    def report(self, report: Report) -> None:
        """Tell the JobMaster of something, after all that was reported before."""
        if not self._over:
            self._reports.append(report)
            self._drained.clear()
            self._report_arrived.set()

    def heartbeat(self, known: set[AllocationId], active: list[AllocationId]) -> list[AllocationId]:
        """Note the JobMaster's heartbeat.

        :param known: the allocations that the JobMaster believes it has here.
        :param active: those it has taken up, as we see it.
        :return: which of those it did not know twice in a row: it gave them up and we did not hear of it. (Once may
            be a heartbeat that crossed the answer to our offer.)
        """
        if self._monitor is not None:
            self._monitor.beat()
        unknown = {allocation_id for allocation_id in active if allocation_id not in known}
        forgotten = unknown & self._unknown_to_job_master
        self._unknown_to_job_master = unknown
        return [allocation_id for allocation_id in active if allocation_id in forgotten]

    async def close(self, cause: str | None = None) -> None:
        """End the connection.

        :param cause: told to the JobMaster, if given; otherwise what is still to be reported goes out first, as far
            as the JobMaster takes it.
        """
        if cause is None:
            try:
                await asyncio.wait_for(self._drained.wait(), self._default_heartbeat_timeout_s)
            except asyncio.TimeoutError:
                _log.warning("The JobMaster of job %s did not take the last reports", self.job_id)
        self.abandon()
        for task in (self._registering, self._reporting):
            task.cancel()
        await asyncio.gather(self._registering, self._reporting, return_exceptions=True)
        if cause is not None:
            goodbye = pb.DisconnectRequest(
                resource_id=self._registration.resource_id, session_id=self._registration.session_id, cause=cause
            )
            try:
                await asyncio.wait_for(self._gateway.disconnect_task_manager(goodbye), _GOODBYE_TIMEOUT_S)
            except (MillstreamError, asyncio.TimeoutError) as error:
                _log.debug("could not say goodbye to the JobMaster of job %s: %s", self.job_id, error)

    async def _register(self) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        response: pb.RegisterTaskManagerResponse | None = None
        while response is None:
            try:
                response = await self._gateway.register_task_manager(self._registration)
            except (RpcUnavailableError, RpcTimeoutError) as error:
                pause = backoff.next_pause()
                _log.info("Cannot reach the JobMaster of job %s (%s); again in %.2f s", self.job_id, error, pause)
                await asyncio.sleep(pause)
            except MillstreamError as error:
                self._lose(f"it refuses this TaskManager: {error}")
                return
        timeout_s = response.heartbeat_timeout_ms / 1000 or self._default_heartbeat_timeout_s
        self._monitor = HeartbeatMonitor(timeout_s, lambda: self._lose(f"no heartbeat for {timeout_s:g} s"))
        self._end_watch = self._rpc.watch_connection(self._address, self._lose)
        self._job.set_result(response.job)

    async def _send_reports(self) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            self._report_arrived.clear()
            while self._reports:
                report = self._reports[0]
                try:
                    await self._send(report)
                except (RpcUnavailableError, RpcTimeoutError) as error:
                    pause = backoff.next_pause()
                    _log.info(
                        "Cannot report to the JobMaster of job %s (%s); again in %.2f s", self.job_id, error, pause
                    )
                    await asyncio.sleep(pause)
                    continue
                except (EndpointNotFoundError, FencingError) as error:
                    self._lose(str(error))
                    return
                except MillstreamError as error:
                    _log.warning("The JobMaster of job %s refuses a report: %s", self.job_id, error)
                backoff.reset()
                self._reports.popleft()
            self._drained.set()
            await self._report_arrived.wait()

    async def _send(self, report: Report) -> None:
        match report:
            case pb.TaskExecutionState():
                await self._gateway.update_task_execution_state(report)
            case pb.FailSlotRequest():
                await self._gateway.fail_slot(report)
            case pb.CheckpointAcknowledgement():
                await self._gateway.acknowledge_checkpoint(report)
            case pb.CheckpointDecline():
                await self._gateway.decline_checkpoint(report)
            case pb.EndOfDataReport():
                await self._gateway.report_end_of_data(report)
            case pb.SplitRequest():
                await self._gateway.request_split(report)

    def _on_leader(self, leader: LeaderInformation | None) -> None:
        """The directory tells who leads the job now."""
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
        if leader is None or self._over:
            return  # nobody yet: the one that was there may still be the one
        if leader.session_id == self._job_master_id:
            self._named_by_directory = True
            return
        reason = f"another JobMaster leads the job now, at {leader.address}"
        if self._named_by_directory:
            self._lose(reason)
        else:
            self._doubt = asyncio.get_running_loop().call_later(_STALE_DIRECTORY_S, self._lose, reason)

    def _lose(self, reason: str) -> None:
        if not self._over:
            self.abandon()
            self._on_lost(self, reason)

    def abandon(self) -> None:
        """Expect nothing of the JobMaster any more: what is not reported yet never will be."""
        self._over = True
        self._drained.set()
        if self._monitor is not None:
            self._monitor.stop()
        if self._end_watch is not None:
            self._end_watch()
            self._end_watch = None
        if self._end_leader_watch is not None:
            self._end_leader_watch()
            self._end_leader_watch = None
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
        if not self._job.done():
            self._job.cancel()
