"""The gateways: what each component can be asked, as interfaces.

One class per gRPC service of ``proto/``; a method takes the request message and returns the response message. The
component that serves a gateway implements its methods; callers get an object with the same methods from
:meth:`~millstream.common.rpc.service.RpcService.connect`. A test keeps these classes and the services alike.
"""

from __future__ import annotations

from typing import Protocol

from millstream.common.wire import cluster_pb2 as pb

__all__ = [
    "DispatcherGateway",
    "JobMasterGateway",
    "LeaderGateway",
    "ResourceManagerGateway",
    "TaskExecutorGateway",
]


class LeaderGateway(Protocol):
    """Answered by every RPC service, unfenced: who leads a named endpoint here."""

    async def get_leader(self, request: pb.GetLeaderRequest) -> pb.GetLeaderResponse: ...


class DispatcherGateway(Protocol):
    """Takes jobs, knows all jobs. Endpoint ``dispatcher``."""

    async def submit_job(self, request: pb.SubmitJobRequest) -> pb.SubmitJobResponse: ...

    async def list_jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse: ...

    async def get_job_details(self, request: pb.JobRequest) -> pb.JobDetails: ...

    async def await_job_result(self, request: pb.AwaitJobResultRequest) -> pb.JobDetails: ...

    async def cancel_job(self, request: pb.JobRequest) -> pb.Empty: ...

    async def get_cluster_overview(self, request: pb.Empty) -> pb.ClusterOverview: ...

    async def send_operator_request(self, request: pb.OperatorRequest) -> pb.OperatorResponse: ...

    async def shut_down_cluster(self, request: pb.Empty) -> pb.Empty: ...


class ResourceManagerGateway(Protocol):
    """Knows all slots and gives them to jobs. Endpoint ``resourcemanager``."""

    async def register_task_executor(
        self, request: pb.RegisterTaskExecutorRequest
    ) -> pb.RegisterTaskExecutorResponse: ...

    async def send_slot_report(self, request: pb.SlotReportRequest) -> pb.Empty: ...

    async def notify_slot_available(self, request: pb.NotifySlotAvailableRequest) -> pb.Empty: ...

    async def disconnect_task_executor(self, request: pb.DisconnectRequest) -> pb.Empty: ...

    async def register_job_master(self, request: pb.RegisterJobMasterRequest) -> pb.RegisterJobMasterResponse: ...

    async def declare_required_resources(
        self, request: pb.DeclareRequiredResourcesRequest
    ) -> pb.DeclareRequiredResourcesResponse: ...

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty: ...

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse: ...

    async def get_resource_overview(self, request: pb.Empty) -> pb.ClusterOverview: ...


class JobMasterGateway(Protocol):
    """Runs one job. Endpoint ``jobmaster-<job id>``."""

    async def register_task_manager(self, request: pb.RegisterTaskManagerRequest) -> pb.RegisterTaskManagerResponse: ...

    async def offer_slots(self, request: pb.OfferSlotsRequest) -> pb.OfferSlotsResponse: ...

    async def update_task_execution_state(self, request: pb.TaskExecutionState) -> pb.Empty: ...

    async def fail_slot(self, request: pb.FailSlotRequest) -> pb.Empty: ...

    async def disconnect_task_manager(self, request: pb.DisconnectRequest) -> pb.Empty: ...


class TaskExecutorGateway(Protocol):
    """Offers slots and runs tasks in them. Endpoint ``taskexecutor-<resource id>``."""

    async def request_slot(self, request: pb.RequestSlotRequest) -> pb.Empty: ...

    async def free_slot(self, request: pb.FreeSlotRequest) -> pb.Empty: ...

    async def submit_tasks(self, request: pb.SubmitTasksRequest) -> pb.Empty: ...

    async def cancel_tasks(self, request: pb.CancelTasksRequest) -> pb.Empty: ...

    async def send_operator_request(self, request: pb.TaskOperatorRequest) -> pb.OperatorResponse: ...

    async def request_task_metrics(self, request: pb.RequestTaskMetricsRequest) -> pb.HeartbeatResponse: ...

    async def heartbeat_from_resource_manager(self, request: pb.Heartbeat) -> pb.HeartbeatResponse: ...

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse: ...

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty: ...
