"""A ResourceManager and JobMasters that note what they are told and answer as the tests want."""

from __future__ import annotations

from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import JobMasterGateway, ResourceManagerGateway
from millstream.common.rpc.service import RpcService
from millstream.common.wire import cluster_pb2 as pb


class FakeResourceManager(ResourceManagerGateway):
    def __init__(self, rpc: RpcService, session_id: str) -> None:
        self.session_id = LeaderSessionId(session_id)
        self.registrations: list[pb.RegisterTaskExecutorRequest] = []
        self.available: list[pb.NotifySlotAvailableRequest] = []
        self.goodbyes: list[str] = []
        self.refusals = 0
        self.heartbeat_timeout_ms = 60_000
        rpc.register(ResourceManagerGateway, "resourcemanager", self, self.session_id)  # type: ignore[type-abstract]  # names the service

    async def register_task_executor(self, request: pb.RegisterTaskExecutorRequest) -> pb.RegisterTaskExecutorResponse:
        if self.refusals > 0:
            self.refusals -= 1
            raise MillstreamError("not yet")
        self.registrations.append(request)
        return pb.RegisterTaskExecutorResponse(
            resource_manager_id=self.session_id, heartbeat_timeout_ms=self.heartbeat_timeout_ms
        )

    async def notify_slot_available(self, request: pb.NotifySlotAvailableRequest) -> pb.Empty:
        if self.refusals > 0:
            self.refusals -= 1
            raise MillstreamError("not yet")
        self.available.append(request)
        return pb.Empty()

    async def disconnect_task_executor(self, request: pb.DisconnectRequest) -> pb.Empty:
        self.goodbyes.append(request.cause)
        return pb.Empty()

    async def send_slot_report(self, request: pb.SlotReportRequest) -> pb.Empty:
        return pb.Empty()

    async def register_job_master(self, request: pb.RegisterJobMasterRequest) -> pb.RegisterJobMasterResponse:
        raise NotImplementedError("no JobMaster comes here")

    async def declare_required_resources(
        self, request: pb.DeclareRequiredResourcesRequest
    ) -> pb.DeclareRequiredResourcesResponse:
        raise NotImplementedError("no JobMaster comes here")

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty:
        raise NotImplementedError("no JobMaster comes here")

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        raise NotImplementedError("no JobMaster comes here")

    async def get_resource_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        raise NotImplementedError("no Dispatcher comes here")


class FakeJobMaster:
    def __init__(self, rpc: RpcService, job_id: str, session_id: str) -> None:
        self.job_id = job_id
        self.session_id = LeaderSessionId(session_id)
        self.address = rpc.address
        self.registrations: list[pb.RegisterTaskManagerRequest] = []
        self.offers: list[pb.SlotOffer] = []
        self.states: list[pb.TaskExecutionState] = []
        self.lost_slots: list[pb.FailSlotRequest] = []
        self.heard: list[str] = []  # what tasks said, in the order in which it came
        self.acknowledgements: list[pb.CheckpointAcknowledgement] = []
        self.declines: list[pb.CheckpointDecline] = []
        self.ends_of_data: list[pb.EndOfDataReport] = []
        self.goodbyes: list[str] = []
        self.accepts = True
        self.refuses_registration = False
        self.unregistered_errors = 0
        self.heartbeat_timeout_ms = 60_000
        self._rpc = rpc
        self.enter()

    @property
    def endpoint(self) -> str:
        return f"jobmaster-{self.job_id}"

    def enter(self) -> None:
        self._rpc.register(JobMasterGateway, self.endpoint, self, self.session_id)  # type: ignore[type-abstract]  # names the service

    def leave(self) -> None:
        self._rpc.unregister(self.endpoint)

    async def register_task_manager(self, request: pb.RegisterTaskManagerRequest) -> pb.RegisterTaskManagerResponse:
        self.registrations.append(request)
        if self.refuses_registration:
            raise MillstreamError("the job is FINISHED")
        return pb.RegisterTaskManagerResponse(
            job_master_id=self.session_id,
            job=pb.JobInformation(job_id=self.job_id, name="a job", data_secret=b"s" * 32),
            heartbeat_timeout_ms=self.heartbeat_timeout_ms,
        )

    async def offer_slots(self, request: pb.OfferSlotsRequest) -> pb.OfferSlotsResponse:
        self.offers.extend(request.offers)
        return pb.OfferSlotsResponse(accepted=[offer.allocation_id for offer in request.offers if self.accepts])

    async def update_task_execution_state(self, request: pb.TaskExecutionState) -> pb.Empty:
        if self.unregistered_errors > 0:
            self.unregistered_errors -= 1
            raise MillstreamError("who are you?")
        self.states.append(request)
        self.heard.append("state")
        return pb.Empty()

    async def fail_slot(self, request: pb.FailSlotRequest) -> pb.Empty:
        self.lost_slots.append(request)
        return pb.Empty()

    async def acknowledge_checkpoint(self, request: pb.CheckpointAcknowledgement) -> pb.Empty:
        self.acknowledgements.append(request)
        self.heard.append("acknowledge")
        return pb.Empty()

    async def decline_checkpoint(self, request: pb.CheckpointDecline) -> pb.Empty:
        self.declines.append(request)
        self.heard.append("decline")
        return pb.Empty()

    async def report_end_of_data(self, request: pb.EndOfDataReport) -> pb.Empty:
        self.ends_of_data.append(request)
        self.heard.append("end of data")
        return pb.Empty()

    async def request_split(self, request: pb.SplitRequest) -> pb.Empty:
        self.heard.append("split request")
        return pb.Empty()

    async def disconnect_task_manager(self, request: pb.DisconnectRequest) -> pb.Empty:
        self.goodbyes.append(request.cause)
        return pb.Empty()
