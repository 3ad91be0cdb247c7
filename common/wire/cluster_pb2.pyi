from millstream.common.wire import checkpoint_pb2 as _checkpoint_pb2
from millstream.common.wire import failure_pb2 as _failure_pb2
from millstream.common.wire import graph_pb2 as _graph_pb2
from millstream.common.wire import inspection_pb2 as _inspection_pb2
from millstream.common.wire import metrics_pb2 as _metrics_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Empty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLeaderRequest(_message.Message):
    __slots__ = ("endpoint",)
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    def __init__(self, endpoint: _Optional[str] = ...) -> None: ...

class GetLeaderResponse(_message.Message):
    __slots__ = ("known", "leader_session_id", "version", "reason")
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    LEADER_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    known: bool
    leader_session_id: str
    version: str
    reason: str
    def __init__(self, known: bool = ..., leader_session_id: _Optional[str] = ..., version: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateResourceRequirementsRequest(_message.Message):
    __slots__ = ("job_id", "vertices")
    class VerticesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: VertexParallelism
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[VertexParallelism, _Mapping]] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    vertices: _containers.MessageMap[str, VertexParallelism]
    def __init__(self, job_id: _Optional[str] = ..., vertices: _Optional[_Mapping[str, VertexParallelism]] = ...) -> None: ...

class VertexParallelism(_message.Message):
    __slots__ = ("lower_bound", "upper_bound")
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    UPPER_BOUND_FIELD_NUMBER: _ClassVar[int]
    lower_bound: int
    upper_bound: int
    def __init__(self, lower_bound: _Optional[int] = ..., upper_bound: _Optional[int] = ...) -> None: ...

class ClientHeartbeatRequest(_message.Message):
    __slots__ = ("job_id", "expires_at_ms")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    expires_at_ms: int
    def __init__(self, job_id: _Optional[str] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class TriggerSavepointRequest(_message.Message):
    __slots__ = ("job_id", "target_directory", "mode", "format", "request_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    target_directory: str
    mode: str
    format: str
    request_id: str
    def __init__(self, job_id: _Optional[str] = ..., target_directory: _Optional[str] = ..., mode: _Optional[str] = ..., format: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class TriggerCheckpointRequest(_message.Message):
    __slots__ = ("job_id", "full", "request_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    full: bool
    request_id: str
    def __init__(self, job_id: _Optional[str] = ..., full: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class RescaleJobRequest(_message.Message):
    __slots__ = ("job_id", "parallelism", "request_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    parallelism: int
    request_id: str
    def __init__(self, job_id: _Optional[str] = ..., parallelism: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class OperationStarted(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class AwaitOperationRequest(_message.Message):
    __slots__ = ("job_id", "request_id", "max_wait_ms")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    request_id: str
    max_wait_ms: int
    def __init__(self, job_id: _Optional[str] = ..., request_id: _Optional[str] = ..., max_wait_ms: _Optional[int] = ...) -> None: ...

class OperationStatus(_message.Message):
    __slots__ = ("completed", "location", "checkpoint_id", "failure")
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    completed: bool
    location: str
    checkpoint_id: int
    failure: _failure_pb2.FailureInfo
    def __init__(self, completed: bool = ..., location: _Optional[str] = ..., checkpoint_id: _Optional[int] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ...) -> None: ...

class DisposeSavepointRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class SubmitJobRequest(_message.Message):
    __slots__ = ("job_graph",)
    JOB_GRAPH_FIELD_NUMBER: _ClassVar[int]
    job_graph: _graph_pb2.JobGraph
    def __init__(self, job_graph: _Optional[_Union[_graph_pb2.JobGraph, _Mapping]] = ...) -> None: ...

class SubmitJobResponse(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class JobRequest(_message.Message):
    __slots__ = ("job_id", "fresh_metrics")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FRESH_METRICS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    fresh_metrics: bool
    def __init__(self, job_id: _Optional[str] = ..., fresh_metrics: bool = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobSummary]
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobSummary, _Mapping]]] = ...) -> None: ...

class JobSummary(_message.Message):
    __slots__ = ("job_id", "name", "state", "start_time_ms", "end_time_ms", "tasks_total", "task_counts", "last_modification_ms")
    class TaskCountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    END_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    TASKS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNTS_FIELD_NUMBER: _ClassVar[int]
    LAST_MODIFICATION_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    name: str
    state: str
    start_time_ms: int
    end_time_ms: int
    tasks_total: int
    task_counts: _containers.ScalarMap[str, int]
    last_modification_ms: int
    def __init__(self, job_id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[str] = ..., start_time_ms: _Optional[int] = ..., end_time_ms: _Optional[int] = ..., tasks_total: _Optional[int] = ..., task_counts: _Optional[_Mapping[str, int]] = ..., last_modification_ms: _Optional[int] = ...) -> None: ...

class AwaitJobResultRequest(_message.Message):
    __slots__ = ("job_id", "max_wait_ms")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    max_wait_ms: int
    def __init__(self, job_id: _Optional[str] = ..., max_wait_ms: _Optional[int] = ...) -> None: ...

class JobDetails(_message.Message):
    __slots__ = ("summary", "vertices", "failure", "failure_history", "state_timestamps", "task_counts", "restarts", "plan_json", "configuration", "max_parallelism", "job_type", "stoppable", "accumulators", "restart_strategy", "plan", "exception_history", "exception_history_truncated", "checkpoints")
    class StateTimestampsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TaskCountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_HISTORY_FIELD_NUMBER: _ClassVar[int]
    STATE_TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNTS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    PLAN_JSON_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    JOB_TYPE_FIELD_NUMBER: _ClassVar[int]
    STOPPABLE_FIELD_NUMBER: _ClassVar[int]
    ACCUMULATORS_FIELD_NUMBER: _ClassVar[int]
    RESTART_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_HISTORY_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_HISTORY_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    summary: JobSummary
    vertices: _containers.RepeatedCompositeFieldContainer[VertexDetails]
    failure: _failure_pb2.FailureInfo
    failure_history: _containers.RepeatedCompositeFieldContainer[_failure_pb2.FailureInfo]
    state_timestamps: _containers.ScalarMap[str, int]
    task_counts: _containers.ScalarMap[str, int]
    restarts: int
    plan_json: str
    configuration: _containers.ScalarMap[str, str]
    max_parallelism: int
    job_type: str
    stoppable: bool
    accumulators: _containers.RepeatedCompositeFieldContainer[AccumulatorValue]
    restart_strategy: str
    plan: _containers.RepeatedCompositeFieldContainer[PlanNode]
    exception_history: _containers.RepeatedCompositeFieldContainer[ExceptionHistoryEntry]
    exception_history_truncated: bool
    checkpoints: _checkpoint_pb2.JobCheckpoints
    def __init__(self, summary: _Optional[_Union[JobSummary, _Mapping]] = ..., vertices: _Optional[_Iterable[_Union[VertexDetails, _Mapping]]] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., failure_history: _Optional[_Iterable[_Union[_failure_pb2.FailureInfo, _Mapping]]] = ..., state_timestamps: _Optional[_Mapping[str, int]] = ..., task_counts: _Optional[_Mapping[str, int]] = ..., restarts: _Optional[int] = ..., plan_json: _Optional[str] = ..., configuration: _Optional[_Mapping[str, str]] = ..., max_parallelism: _Optional[int] = ..., job_type: _Optional[str] = ..., stoppable: bool = ..., accumulators: _Optional[_Iterable[_Union[AccumulatorValue, _Mapping]]] = ..., restart_strategy: _Optional[str] = ..., plan: _Optional[_Iterable[_Union[PlanNode, _Mapping]]] = ..., exception_history: _Optional[_Iterable[_Union[ExceptionHistoryEntry, _Mapping]]] = ..., exception_history_truncated: bool = ..., checkpoints: _Optional[_Union[_checkpoint_pb2.JobCheckpoints, _Mapping]] = ...) -> None: ...

class ExceptionHistoryEntry(_message.Message):
    __slots__ = ("root_cause", "concurrent")
    ROOT_CAUSE_FIELD_NUMBER: _ClassVar[int]
    CONCURRENT_FIELD_NUMBER: _ClassVar[int]
    root_cause: _failure_pb2.FailureInfo
    concurrent: _containers.RepeatedCompositeFieldContainer[_failure_pb2.FailureInfo]
    def __init__(self, root_cause: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., concurrent: _Optional[_Iterable[_Union[_failure_pb2.FailureInfo, _Mapping]]] = ...) -> None: ...

class PlanNode(_message.Message):
    __slots__ = ("vertex_id", "parallelism", "description", "inputs")
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    vertex_id: str
    parallelism: int
    description: str
    inputs: _containers.RepeatedCompositeFieldContainer[PlanInput]
    def __init__(self, vertex_id: _Optional[str] = ..., parallelism: _Optional[int] = ..., description: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[PlanInput, _Mapping]]] = ...) -> None: ...

class PlanInput(_message.Message):
    __slots__ = ("vertex_id", "ship_strategy", "exchange")
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    SHIP_STRATEGY_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    vertex_id: str
    ship_strategy: str
    exchange: str
    def __init__(self, vertex_id: _Optional[str] = ..., ship_strategy: _Optional[str] = ..., exchange: _Optional[str] = ...) -> None: ...

class AccumulatorValue(_message.Message):
    __slots__ = ("name", "type", "text", "pickled", "failure", "whole", "real", "average", "histogram")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PICKLED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    text: str
    pickled: bytes
    failure: _failure_pb2.FailureInfo
    whole: str
    real: float
    average: AverageParts
    histogram: HistogramCounts
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., text: _Optional[str] = ..., pickled: _Optional[bytes] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., whole: _Optional[str] = ..., real: _Optional[float] = ..., average: _Optional[_Union[AverageParts, _Mapping]] = ..., histogram: _Optional[_Union[HistogramCounts, _Mapping]] = ...) -> None: ...

class AverageParts(_message.Message):
    __slots__ = ("count", "sum")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    count: int
    sum: float
    def __init__(self, count: _Optional[int] = ..., sum: _Optional[float] = ...) -> None: ...

class HistogramCounts(_message.Message):
    __slots__ = ("counts",)
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.ScalarMap[int, int]
    def __init__(self, counts: _Optional[_Mapping[int, int]] = ...) -> None: ...

class VertexDetails(_message.Message):
    __slots__ = ("vertex_id", "name", "parallelism", "max_parallelism", "slot_sharing_group", "subtasks", "slot_sharing_group_id", "bounds")
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    SLOT_SHARING_GROUP_FIELD_NUMBER: _ClassVar[int]
    SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    SLOT_SHARING_GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    vertex_id: str
    name: str
    parallelism: int
    max_parallelism: int
    slot_sharing_group: str
    subtasks: _containers.RepeatedCompositeFieldContainer[SubtaskDetails]
    slot_sharing_group_id: str
    bounds: VertexParallelism
    def __init__(self, vertex_id: _Optional[str] = ..., name: _Optional[str] = ..., parallelism: _Optional[int] = ..., max_parallelism: _Optional[int] = ..., slot_sharing_group: _Optional[str] = ..., subtasks: _Optional[_Iterable[_Union[SubtaskDetails, _Mapping]]] = ..., slot_sharing_group_id: _Optional[str] = ..., bounds: _Optional[_Union[VertexParallelism, _Mapping]] = ...) -> None: ...

class SubtaskDetails(_message.Message):
    __slots__ = ("subtask_index", "attempt_number", "attempt_id", "state", "task_manager_id", "host", "state_timestamps", "metrics", "failure", "data_port", "earlier_attempts", "accumulators")
    class StateTimestampsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    STATE_TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    DATA_PORT_FIELD_NUMBER: _ClassVar[int]
    EARLIER_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ACCUMULATORS_FIELD_NUMBER: _ClassVar[int]
    subtask_index: int
    attempt_number: int
    attempt_id: str
    state: str
    task_manager_id: str
    host: str
    state_timestamps: _containers.ScalarMap[str, int]
    metrics: TaskMetrics
    failure: _failure_pb2.FailureInfo
    data_port: int
    earlier_attempts: _containers.RepeatedCompositeFieldContainer[SubtaskDetails]
    accumulators: _containers.RepeatedCompositeFieldContainer[AccumulatorValue]
    def __init__(self, subtask_index: _Optional[int] = ..., attempt_number: _Optional[int] = ..., attempt_id: _Optional[str] = ..., state: _Optional[str] = ..., task_manager_id: _Optional[str] = ..., host: _Optional[str] = ..., state_timestamps: _Optional[_Mapping[str, int]] = ..., metrics: _Optional[_Union[TaskMetrics, _Mapping]] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., data_port: _Optional[int] = ..., earlier_attempts: _Optional[_Iterable[_Union[SubtaskDetails, _Mapping]]] = ..., accumulators: _Optional[_Iterable[_Union[AccumulatorValue, _Mapping]]] = ...) -> None: ...

class TaskMetrics(_message.Message):
    __slots__ = ("records_in", "records_out", "bytes_in", "bytes_out", "busy_ms", "idle_ms", "backpressured_ms", "serialize_ms", "deserialize_ms", "operator_records_out", "operator_late_records_dropped", "checkpoint_alignment_ns", "checkpoint_start_delay_ns", "accumulators")
    class OperatorRecordsOutEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class OperatorLateRecordsDroppedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    RECORDS_IN_FIELD_NUMBER: _ClassVar[int]
    RECORDS_OUT_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FIELD_NUMBER: _ClassVar[int]
    BYTES_OUT_FIELD_NUMBER: _ClassVar[int]
    BUSY_MS_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    BACKPRESSURED_MS_FIELD_NUMBER: _ClassVar[int]
    SERIALIZE_MS_FIELD_NUMBER: _ClassVar[int]
    DESERIALIZE_MS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_RECORDS_OUT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_LATE_RECORDS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ALIGNMENT_NS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_START_DELAY_NS_FIELD_NUMBER: _ClassVar[int]
    ACCUMULATORS_FIELD_NUMBER: _ClassVar[int]
    records_in: int
    records_out: int
    bytes_in: int
    bytes_out: int
    busy_ms: int
    idle_ms: int
    backpressured_ms: int
    serialize_ms: int
    deserialize_ms: int
    operator_records_out: _containers.ScalarMap[str, int]
    operator_late_records_dropped: _containers.ScalarMap[str, int]
    checkpoint_alignment_ns: int
    checkpoint_start_delay_ns: int
    accumulators: _containers.RepeatedCompositeFieldContainer[AccumulatorValue]
    def __init__(self, records_in: _Optional[int] = ..., records_out: _Optional[int] = ..., bytes_in: _Optional[int] = ..., bytes_out: _Optional[int] = ..., busy_ms: _Optional[int] = ..., idle_ms: _Optional[int] = ..., backpressured_ms: _Optional[int] = ..., serialize_ms: _Optional[int] = ..., deserialize_ms: _Optional[int] = ..., operator_records_out: _Optional[_Mapping[str, int]] = ..., operator_late_records_dropped: _Optional[_Mapping[str, int]] = ..., checkpoint_alignment_ns: _Optional[int] = ..., checkpoint_start_delay_ns: _Optional[int] = ..., accumulators: _Optional[_Iterable[_Union[AccumulatorValue, _Mapping]]] = ...) -> None: ...

class ClusterOverview(_message.Message):
    __slots__ = ("taskmanagers", "slots_total", "slots_available", "jobs_running", "jobs_finished", "jobs_cancelled", "jobs_failed", "version", "task_manager_list")
    TASKMANAGERS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SLOTS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    JOBS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    JOBS_FINISHED_FIELD_NUMBER: _ClassVar[int]
    JOBS_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    JOBS_FAILED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGER_LIST_FIELD_NUMBER: _ClassVar[int]
    taskmanagers: int
    slots_total: int
    slots_available: int
    jobs_running: int
    jobs_finished: int
    jobs_cancelled: int
    jobs_failed: int
    version: str
    task_manager_list: _containers.RepeatedCompositeFieldContainer[TaskManagerSummary]
    def __init__(self, taskmanagers: _Optional[int] = ..., slots_total: _Optional[int] = ..., slots_available: _Optional[int] = ..., jobs_running: _Optional[int] = ..., jobs_finished: _Optional[int] = ..., jobs_cancelled: _Optional[int] = ..., jobs_failed: _Optional[int] = ..., version: _Optional[str] = ..., task_manager_list: _Optional[_Iterable[_Union[TaskManagerSummary, _Mapping]]] = ...) -> None: ...

class TaskManagerSummary(_message.Message):
    __slots__ = ("resource_id", "address", "host", "pid", "slots_total", "slots_free", "last_heartbeat_ms", "session_id", "description", "slots")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SLOTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FREE_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    address: str
    host: str
    pid: int
    slots_total: int
    slots_free: int
    last_heartbeat_ms: int
    session_id: str
    description: TaskManagerDescription
    slots: _containers.RepeatedCompositeFieldContainer[SlotStatus]
    def __init__(self, resource_id: _Optional[str] = ..., address: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., slots_total: _Optional[int] = ..., slots_free: _Optional[int] = ..., last_heartbeat_ms: _Optional[int] = ..., session_id: _Optional[str] = ..., description: _Optional[_Union[TaskManagerDescription, _Mapping]] = ..., slots: _Optional[_Iterable[_Union[SlotStatus, _Mapping]]] = ...) -> None: ...

class TaskManagerDescription(_message.Message):
    __slots__ = ("data_port", "cpu_cores", "physical_memory", "free_memory", "managed_memory", "memory")
    DATA_PORT_FIELD_NUMBER: _ClassVar[int]
    CPU_CORES_FIELD_NUMBER: _ClassVar[int]
    PHYSICAL_MEMORY_FIELD_NUMBER: _ClassVar[int]
    FREE_MEMORY_FIELD_NUMBER: _ClassVar[int]
    MANAGED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    data_port: int
    cpu_cores: int
    physical_memory: int
    free_memory: int
    managed_memory: int
    memory: MemoryConfiguration
    def __init__(self, data_port: _Optional[int] = ..., cpu_cores: _Optional[int] = ..., physical_memory: _Optional[int] = ..., free_memory: _Optional[int] = ..., managed_memory: _Optional[int] = ..., memory: _Optional[_Union[MemoryConfiguration, _Mapping]] = ...) -> None: ...

class MemoryConfiguration(_message.Message):
    __slots__ = ("framework_heap", "task_heap", "framework_off_heap", "task_off_heap", "network_memory", "managed_memory", "metaspace", "overhead", "total_flink_memory", "total_process_memory")
    FRAMEWORK_HEAP_FIELD_NUMBER: _ClassVar[int]
    TASK_HEAP_FIELD_NUMBER: _ClassVar[int]
    FRAMEWORK_OFF_HEAP_FIELD_NUMBER: _ClassVar[int]
    TASK_OFF_HEAP_FIELD_NUMBER: _ClassVar[int]
    NETWORK_MEMORY_FIELD_NUMBER: _ClassVar[int]
    MANAGED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    METASPACE_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FLINK_MEMORY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_PROCESS_MEMORY_FIELD_NUMBER: _ClassVar[int]
    framework_heap: int
    task_heap: int
    framework_off_heap: int
    task_off_heap: int
    network_memory: int
    managed_memory: int
    metaspace: int
    overhead: int
    total_flink_memory: int
    total_process_memory: int
    def __init__(self, framework_heap: _Optional[int] = ..., task_heap: _Optional[int] = ..., framework_off_heap: _Optional[int] = ..., task_off_heap: _Optional[int] = ..., network_memory: _Optional[int] = ..., managed_memory: _Optional[int] = ..., metaspace: _Optional[int] = ..., overhead: _Optional[int] = ..., total_flink_memory: _Optional[int] = ..., total_process_memory: _Optional[int] = ...) -> None: ...

class OperatorRequest(_message.Message):
    __slots__ = ("job_id", "operator_id", "subtask_index", "payload")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    operator_id: str
    subtask_index: int
    payload: bytes
    def __init__(self, job_id: _Optional[str] = ..., operator_id: _Optional[str] = ..., subtask_index: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class OperatorResponse(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

class RegisterTaskExecutorRequest(_message.Message):
    __slots__ = ("resource_id", "address", "session_id", "host", "pid", "slots", "description")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    address: str
    session_id: str
    host: str
    pid: int
    slots: _containers.RepeatedCompositeFieldContainer[SlotStatus]
    description: TaskManagerDescription
    def __init__(self, resource_id: _Optional[str] = ..., address: _Optional[str] = ..., session_id: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., slots: _Optional[_Iterable[_Union[SlotStatus, _Mapping]]] = ..., description: _Optional[_Union[TaskManagerDescription, _Mapping]] = ...) -> None: ...

class SlotStatus(_message.Message):
    __slots__ = ("slot_index", "allocation_id", "job_id")
    SLOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    slot_index: int
    allocation_id: str
    job_id: str
    def __init__(self, slot_index: _Optional[int] = ..., allocation_id: _Optional[str] = ..., job_id: _Optional[str] = ...) -> None: ...

class RegisterTaskExecutorResponse(_message.Message):
    __slots__ = ("resource_manager_id", "heartbeat_interval_ms", "heartbeat_timeout_ms")
    RESOURCE_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    resource_manager_id: str
    heartbeat_interval_ms: int
    heartbeat_timeout_ms: int
    def __init__(self, resource_manager_id: _Optional[str] = ..., heartbeat_interval_ms: _Optional[int] = ..., heartbeat_timeout_ms: _Optional[int] = ...) -> None: ...

class SlotReportRequest(_message.Message):
    __slots__ = ("resource_id", "session_id", "slots")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    session_id: str
    slots: _containers.RepeatedCompositeFieldContainer[SlotStatus]
    def __init__(self, resource_id: _Optional[str] = ..., session_id: _Optional[str] = ..., slots: _Optional[_Iterable[_Union[SlotStatus, _Mapping]]] = ...) -> None: ...

class NotifySlotAvailableRequest(_message.Message):
    __slots__ = ("resource_id", "session_id", "slot_index", "allocation_id")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    session_id: str
    slot_index: int
    allocation_id: str
    def __init__(self, resource_id: _Optional[str] = ..., session_id: _Optional[str] = ..., slot_index: _Optional[int] = ..., allocation_id: _Optional[str] = ...) -> None: ...

class DisconnectRequest(_message.Message):
    __slots__ = ("resource_id", "session_id", "cause")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    session_id: str
    cause: str
    def __init__(self, resource_id: _Optional[str] = ..., session_id: _Optional[str] = ..., cause: _Optional[str] = ...) -> None: ...

class RegisterJobMasterRequest(_message.Message):
    __slots__ = ("job_id", "address", "job_master_id")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    address: str
    job_master_id: str
    def __init__(self, job_id: _Optional[str] = ..., address: _Optional[str] = ..., job_master_id: _Optional[str] = ...) -> None: ...

class RegisterJobMasterResponse(_message.Message):
    __slots__ = ("resource_manager_id",)
    RESOURCE_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    resource_manager_id: str
    def __init__(self, resource_manager_id: _Optional[str] = ...) -> None: ...

class DeclareRequiredResourcesRequest(_message.Message):
    __slots__ = ("job_id", "job_master_id", "job_master_address", "slots", "prefer_former_task_managers")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    PREFER_FORMER_TASK_MANAGERS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    job_master_id: str
    job_master_address: str
    slots: int
    prefer_former_task_managers: bool
    def __init__(self, job_id: _Optional[str] = ..., job_master_id: _Optional[str] = ..., job_master_address: _Optional[str] = ..., slots: _Optional[int] = ..., prefer_former_task_managers: bool = ...) -> None: ...

class DeclareRequiredResourcesResponse(_message.Message):
    __slots__ = ("slots_registered", "slots_free", "task_managers")
    SLOTS_REGISTERED_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FREE_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGERS_FIELD_NUMBER: _ClassVar[int]
    slots_registered: int
    slots_free: int
    task_managers: int
    def __init__(self, slots_registered: _Optional[int] = ..., slots_free: _Optional[int] = ..., task_managers: _Optional[int] = ...) -> None: ...

class DisconnectJobMasterRequest(_message.Message):
    __slots__ = ("job_id", "job_master_id", "cause", "job_goes_on")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    JOB_GOES_ON_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    job_master_id: str
    cause: str
    job_goes_on: bool
    def __init__(self, job_id: _Optional[str] = ..., job_master_id: _Optional[str] = ..., cause: _Optional[str] = ..., job_goes_on: bool = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("session_id", "known_allocations")
    FROM_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    known_allocations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, session_id: _Optional[str] = ..., known_allocations: _Optional[_Iterable[str]] = ..., **kwargs) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("slots", "metrics")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    slots: _containers.RepeatedCompositeFieldContainer[SlotStatus]
    metrics: _containers.RepeatedCompositeFieldContainer[AttemptMetrics]
    def __init__(self, slots: _Optional[_Iterable[_Union[SlotStatus, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[AttemptMetrics, _Mapping]]] = ...) -> None: ...

class AttemptMetrics(_message.Message):
    __slots__ = ("attempt_id", "metrics")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    metrics: TaskMetrics
    def __init__(self, attempt_id: _Optional[str] = ..., metrics: _Optional[_Union[TaskMetrics, _Mapping]] = ...) -> None: ...

class CheckpointAcknowledgement(_message.Message):
    __slots__ = ("attempt_id", "checkpoint_id", "snapshot", "metrics")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    checkpoint_id: int
    snapshot: _checkpoint_pb2.TaskSnapshot
    metrics: _checkpoint_pb2.SubtaskCheckpointMetrics
    def __init__(self, attempt_id: _Optional[str] = ..., checkpoint_id: _Optional[int] = ..., snapshot: _Optional[_Union[_checkpoint_pb2.TaskSnapshot, _Mapping]] = ..., metrics: _Optional[_Union[_checkpoint_pb2.SubtaskCheckpointMetrics, _Mapping]] = ...) -> None: ...

class CheckpointDecline(_message.Message):
    __slots__ = ("attempt_id", "checkpoint_id", "failure")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    checkpoint_id: int
    failure: _failure_pb2.FailureInfo
    def __init__(self, attempt_id: _Optional[str] = ..., checkpoint_id: _Optional[int] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ...) -> None: ...

class EndOfDataReport(_message.Message):
    __slots__ = ("attempt_id",)
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    def __init__(self, attempt_id: _Optional[str] = ...) -> None: ...

class SplitRequest(_message.Message):
    __slots__ = ("attempt_id", "subtask_index", "number")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    subtask_index: int
    number: int
    def __init__(self, attempt_id: _Optional[str] = ..., subtask_index: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class RegisterTaskManagerRequest(_message.Message):
    __slots__ = ("job_id", "resource_id", "address", "session_id", "host", "pid")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    resource_id: str
    address: str
    session_id: str
    host: str
    pid: int
    def __init__(self, job_id: _Optional[str] = ..., resource_id: _Optional[str] = ..., address: _Optional[str] = ..., session_id: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ...) -> None: ...

class RegisterTaskManagerResponse(_message.Message):
    __slots__ = ("job_master_id", "job", "heartbeat_interval_ms", "heartbeat_timeout_ms")
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    job_master_id: str
    job: JobInformation
    heartbeat_interval_ms: int
    heartbeat_timeout_ms: int
    def __init__(self, job_master_id: _Optional[str] = ..., job: _Optional[_Union[JobInformation, _Mapping]] = ..., heartbeat_interval_ms: _Optional[int] = ..., heartbeat_timeout_ms: _Optional[int] = ...) -> None: ...

class JobInformation(_message.Message):
    __slots__ = ("job_id", "name", "configuration", "artifacts", "python_path", "data_secret")
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_SECRET_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    name: str
    configuration: _containers.ScalarMap[str, str]
    artifacts: _containers.RepeatedCompositeFieldContainer[_graph_pb2.Artifact]
    python_path: _containers.RepeatedScalarFieldContainer[str]
    data_secret: bytes
    def __init__(self, job_id: _Optional[str] = ..., name: _Optional[str] = ..., configuration: _Optional[_Mapping[str, str]] = ..., artifacts: _Optional[_Iterable[_Union[_graph_pb2.Artifact, _Mapping]]] = ..., python_path: _Optional[_Iterable[str]] = ..., data_secret: _Optional[bytes] = ...) -> None: ...

class OfferSlotsRequest(_message.Message):
    __slots__ = ("resource_id", "session_id", "offers")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    session_id: str
    offers: _containers.RepeatedCompositeFieldContainer[SlotOffer]
    def __init__(self, resource_id: _Optional[str] = ..., session_id: _Optional[str] = ..., offers: _Optional[_Iterable[_Union[SlotOffer, _Mapping]]] = ...) -> None: ...

class SlotOffer(_message.Message):
    __slots__ = ("allocation_id", "slot_index", "data_host", "data_port")
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    DATA_HOST_FIELD_NUMBER: _ClassVar[int]
    DATA_PORT_FIELD_NUMBER: _ClassVar[int]
    allocation_id: str
    slot_index: int
    data_host: str
    data_port: int
    def __init__(self, allocation_id: _Optional[str] = ..., slot_index: _Optional[int] = ..., data_host: _Optional[str] = ..., data_port: _Optional[int] = ...) -> None: ...

class OfferSlotsResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accepted: _Optional[_Iterable[str]] = ...) -> None: ...

class TaskExecutionState(_message.Message):
    __slots__ = ("attempt_id", "state", "failure", "metrics", "timestamp_ms")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    state: str
    failure: _failure_pb2.FailureInfo
    metrics: TaskMetrics
    timestamp_ms: int
    def __init__(self, attempt_id: _Optional[str] = ..., state: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., metrics: _Optional[_Union[TaskMetrics, _Mapping]] = ..., timestamp_ms: _Optional[int] = ...) -> None: ...

class FailSlotRequest(_message.Message):
    __slots__ = ("resource_id", "session_id", "allocation_id", "failure")
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    resource_id: str
    session_id: str
    allocation_id: str
    failure: _failure_pb2.FailureInfo
    def __init__(self, resource_id: _Optional[str] = ..., session_id: _Optional[str] = ..., allocation_id: _Optional[str] = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ...) -> None: ...

class TriggerTaskCheckpointRequest(_message.Message):
    __slots__ = ("job_master_id", "attempt_ids", "checkpoint_id", "options")
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    job_master_id: str
    attempt_ids: _containers.RepeatedScalarFieldContainer[str]
    checkpoint_id: int
    options: _checkpoint_pb2.CheckpointOptions
    def __init__(self, job_master_id: _Optional[str] = ..., attempt_ids: _Optional[_Iterable[str]] = ..., checkpoint_id: _Optional[int] = ..., options: _Optional[_Union[_checkpoint_pb2.CheckpointOptions, _Mapping]] = ...) -> None: ...

class NotifyCheckpointRequest(_message.Message):
    __slots__ = ("job_master_id", "attempt_ids", "checkpoint_id", "completed")
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    job_master_id: str
    attempt_ids: _containers.RepeatedScalarFieldContainer[str]
    checkpoint_id: int
    completed: bool
    def __init__(self, job_master_id: _Optional[str] = ..., attempt_ids: _Optional[_Iterable[str]] = ..., checkpoint_id: _Optional[int] = ..., completed: bool = ...) -> None: ...

class RequestSlotRequest(_message.Message):
    __slots__ = ("slot_index", "job_id", "allocation_id", "job_master_address", "job_master_id", "resource_manager_id")
    SLOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    slot_index: int
    job_id: str
    allocation_id: str
    job_master_address: str
    job_master_id: str
    resource_manager_id: str
    def __init__(self, slot_index: _Optional[int] = ..., job_id: _Optional[str] = ..., allocation_id: _Optional[str] = ..., job_master_address: _Optional[str] = ..., job_master_id: _Optional[str] = ..., resource_manager_id: _Optional[str] = ...) -> None: ...

class FreeSlotRequest(_message.Message):
    __slots__ = ("allocation_id", "cause", "job_master_id", "resource_manager_id")
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    allocation_id: str
    cause: str
    job_master_id: str
    resource_manager_id: str
    def __init__(self, allocation_id: _Optional[str] = ..., cause: _Optional[str] = ..., job_master_id: _Optional[str] = ..., resource_manager_id: _Optional[str] = ...) -> None: ...

class SubmitTasksRequest(_message.Message):
    __slots__ = ("job_master_id", "tasks")
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    job_master_id: str
    tasks: _containers.RepeatedCompositeFieldContainer[_graph_pb2.TaskDeployment]
    def __init__(self, job_master_id: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[_graph_pb2.TaskDeployment, _Mapping]]] = ...) -> None: ...

class CancelTasksRequest(_message.Message):
    __slots__ = ("job_master_id", "attempt_ids")
    JOB_MASTER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    job_master_id: str
    attempt_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job_master_id: _Optional[str] = ..., attempt_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class TaskOperatorRequest(_message.Message):
    __slots__ = ("attempt_id", "operator_id", "payload")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    operator_id: str
    payload: bytes
    def __init__(self, attempt_id: _Optional[str] = ..., operator_id: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class RequestTaskMetricsRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...
