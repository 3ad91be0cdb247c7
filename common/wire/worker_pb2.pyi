from millstream.common.wire import cluster_pb2 as _cluster_pb2
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

class WorkerCommand(_message.Message):
    __slots__ = ("prepare", "run", "cancel", "operator_request", "stop", "trigger_checkpoint", "notify_checkpoint", "inspection")
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_REQUEST_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    INSPECTION_FIELD_NUMBER: _ClassVar[int]
    prepare: PrepareSlot
    run: RunTasks
    cancel: CancelTask
    operator_request: WorkerOperatorRequest
    stop: StopWorker
    trigger_checkpoint: _cluster_pb2.TriggerTaskCheckpointRequest
    notify_checkpoint: _cluster_pb2.NotifyCheckpointRequest
    inspection: WorkerInspection
    def __init__(self, prepare: _Optional[_Union[PrepareSlot, _Mapping]] = ..., run: _Optional[_Union[RunTasks, _Mapping]] = ..., cancel: _Optional[_Union[CancelTask, _Mapping]] = ..., operator_request: _Optional[_Union[WorkerOperatorRequest, _Mapping]] = ..., stop: _Optional[_Union[StopWorker, _Mapping]] = ..., trigger_checkpoint: _Optional[_Union[_cluster_pb2.TriggerTaskCheckpointRequest, _Mapping]] = ..., notify_checkpoint: _Optional[_Union[_cluster_pb2.NotifyCheckpointRequest, _Mapping]] = ..., inspection: _Optional[_Union[WorkerInspection, _Mapping]] = ...) -> None: ...

class WorkerInspection(_message.Message):
    __slots__ = ("request_id", "metric_dump", "thread_dump", "sample_stacks", "set_log_level", "profile_threads")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    METRIC_DUMP_FIELD_NUMBER: _ClassVar[int]
    THREAD_DUMP_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_STACKS_FIELD_NUMBER: _ClassVar[int]
    SET_LOG_LEVEL_FIELD_NUMBER: _ClassVar[int]
    PROFILE_THREADS_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    metric_dump: _cluster_pb2.Empty
    thread_dump: _cluster_pb2.Empty
    sample_stacks: _inspection_pb2.SampleStacksRequest
    set_log_level: _inspection_pb2.SetLogLevelRequest
    profile_threads: _inspection_pb2.ProfileThreadsRequest
    def __init__(self, request_id: _Optional[int] = ..., metric_dump: _Optional[_Union[_cluster_pb2.Empty, _Mapping]] = ..., thread_dump: _Optional[_Union[_cluster_pb2.Empty, _Mapping]] = ..., sample_stacks: _Optional[_Union[_inspection_pb2.SampleStacksRequest, _Mapping]] = ..., set_log_level: _Optional[_Union[_inspection_pb2.SetLogLevelRequest, _Mapping]] = ..., profile_threads: _Optional[_Union[_inspection_pb2.ProfileThreadsRequest, _Mapping]] = ...) -> None: ...

class PrepareSlot(_message.Message):
    __slots__ = ("job", "allocation_id", "slot_index", "task_manager_id", "data_bind_host", "configuration", "data_host", "local_state_directories")
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_BIND_HOST_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    DATA_HOST_FIELD_NUMBER: _ClassVar[int]
    LOCAL_STATE_DIRECTORIES_FIELD_NUMBER: _ClassVar[int]
    job: _cluster_pb2.JobInformation
    allocation_id: str
    slot_index: int
    task_manager_id: str
    data_bind_host: str
    configuration: _containers.ScalarMap[str, str]
    data_host: str
    local_state_directories: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job: _Optional[_Union[_cluster_pb2.JobInformation, _Mapping]] = ..., allocation_id: _Optional[str] = ..., slot_index: _Optional[int] = ..., task_manager_id: _Optional[str] = ..., data_bind_host: _Optional[str] = ..., configuration: _Optional[_Mapping[str, str]] = ..., data_host: _Optional[str] = ..., local_state_directories: _Optional[_Iterable[str]] = ...) -> None: ...

class RunTasks(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_graph_pb2.TaskDeployment]
    def __init__(self, tasks: _Optional[_Iterable[_Union[_graph_pb2.TaskDeployment, _Mapping]]] = ...) -> None: ...

class CancelTask(_message.Message):
    __slots__ = ("attempt_id",)
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    def __init__(self, attempt_id: _Optional[str] = ...) -> None: ...

class WorkerOperatorRequest(_message.Message):
    __slots__ = ("request_id", "attempt_id", "operator_id", "payload")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    attempt_id: str
    operator_id: str
    payload: bytes
    def __init__(self, request_id: _Optional[int] = ..., attempt_id: _Optional[str] = ..., operator_id: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class StopWorker(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkerEvent(_message.Message):
    __slots__ = ("prepared", "task_state", "metrics", "operator_response", "failed", "acknowledge", "decline", "end_of_data", "split_request", "inspection")
    PREPARED_FIELD_NUMBER: _ClassVar[int]
    TASK_STATE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    DECLINE_FIELD_NUMBER: _ClassVar[int]
    END_OF_DATA_FIELD_NUMBER: _ClassVar[int]
    SPLIT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    INSPECTION_FIELD_NUMBER: _ClassVar[int]
    prepared: SlotPrepared
    task_state: _cluster_pb2.TaskExecutionState
    metrics: WorkerMetrics
    operator_response: WorkerOperatorResponse
    failed: SlotFailed
    acknowledge: _cluster_pb2.CheckpointAcknowledgement
    decline: _cluster_pb2.CheckpointDecline
    end_of_data: _cluster_pb2.EndOfDataReport
    split_request: _cluster_pb2.SplitRequest
    inspection: WorkerInspectionResult
    def __init__(self, prepared: _Optional[_Union[SlotPrepared, _Mapping]] = ..., task_state: _Optional[_Union[_cluster_pb2.TaskExecutionState, _Mapping]] = ..., metrics: _Optional[_Union[WorkerMetrics, _Mapping]] = ..., operator_response: _Optional[_Union[WorkerOperatorResponse, _Mapping]] = ..., failed: _Optional[_Union[SlotFailed, _Mapping]] = ..., acknowledge: _Optional[_Union[_cluster_pb2.CheckpointAcknowledgement, _Mapping]] = ..., decline: _Optional[_Union[_cluster_pb2.CheckpointDecline, _Mapping]] = ..., end_of_data: _Optional[_Union[_cluster_pb2.EndOfDataReport, _Mapping]] = ..., split_request: _Optional[_Union[_cluster_pb2.SplitRequest, _Mapping]] = ..., inspection: _Optional[_Union[WorkerInspectionResult, _Mapping]] = ...) -> None: ...

class WorkerInspectionResult(_message.Message):
    __slots__ = ("request_id", "error", "metric_dump", "thread_dump", "stack_samples", "thread_profile")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    METRIC_DUMP_FIELD_NUMBER: _ClassVar[int]
    THREAD_DUMP_FIELD_NUMBER: _ClassVar[int]
    STACK_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    THREAD_PROFILE_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    error: str
    metric_dump: _metrics_pb2.MetricDump
    thread_dump: _inspection_pb2.ThreadDump
    stack_samples: _inspection_pb2.StackSamples
    thread_profile: _inspection_pb2.ThreadProfile
    def __init__(self, request_id: _Optional[int] = ..., error: _Optional[str] = ..., metric_dump: _Optional[_Union[_metrics_pb2.MetricDump, _Mapping]] = ..., thread_dump: _Optional[_Union[_inspection_pb2.ThreadDump, _Mapping]] = ..., stack_samples: _Optional[_Union[_inspection_pb2.StackSamples, _Mapping]] = ..., thread_profile: _Optional[_Union[_inspection_pb2.ThreadProfile, _Mapping]] = ...) -> None: ...

class SlotPrepared(_message.Message):
    __slots__ = ("data_port", "pid")
    DATA_PORT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    data_port: int
    pid: int
    def __init__(self, data_port: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

class WorkerMetrics(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_cluster_pb2.AttemptMetrics]
    def __init__(self, tasks: _Optional[_Iterable[_Union[_cluster_pb2.AttemptMetrics, _Mapping]]] = ...) -> None: ...

class WorkerOperatorResponse(_message.Message):
    __slots__ = ("request_id", "payload", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    payload: bytes
    error: str
    def __init__(self, request_id: _Optional[int] = ..., payload: _Optional[bytes] = ..., error: _Optional[str] = ...) -> None: ...

class SlotFailed(_message.Message):
    __slots__ = ("failure",)
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    failure: _failure_pb2.FailureInfo
    def __init__(self, failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ...) -> None: ...
