from millstream.common.wire import failure_pb2 as _failure_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StateBytes(_message.Message):
    __slots__ = ("inline", "path", "size", "crc32")
    INLINE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    inline: bytes
    path: str
    size: int
    crc32: int
    def __init__(self, inline: _Optional[bytes] = ..., path: _Optional[str] = ..., size: _Optional[int] = ..., crc32: _Optional[int] = ...) -> None: ...

class KeyedStateHandle(_message.Message):
    __slots__ = ("first_key_group", "last_key_group", "format", "file", "files", "meta", "full_size", "new_size")
    FIRST_KEY_GROUP_FIELD_NUMBER: _ClassVar[int]
    LAST_KEY_GROUP_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    FULL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    first_key_group: int
    last_key_group: int
    format: str
    file: StateBytes
    files: _containers.RepeatedCompositeFieldContainer[NamedFile]
    meta: bytes
    full_size: int
    new_size: int
    def __init__(self, first_key_group: _Optional[int] = ..., last_key_group: _Optional[int] = ..., format: _Optional[str] = ..., file: _Optional[_Union[StateBytes, _Mapping]] = ..., files: _Optional[_Iterable[_Union[NamedFile, _Mapping]]] = ..., meta: _Optional[bytes] = ..., full_size: _Optional[int] = ..., new_size: _Optional[int] = ...) -> None: ...

class NamedFile(_message.Message):
    __slots__ = ("name", "bytes", "shared")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    name: str
    bytes: StateBytes
    shared: bool
    def __init__(self, name: _Optional[str] = ..., bytes: _Optional[_Union[StateBytes, _Mapping]] = ..., shared: bool = ...) -> None: ...

class OperatorStateHandle(_message.Message):
    __slots__ = ("name", "mode", "bytes", "offsets", "lengths")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSETS_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    name: str
    mode: str
    bytes: StateBytes
    offsets: _containers.RepeatedScalarFieldContainer[int]
    lengths: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., mode: _Optional[str] = ..., bytes: _Optional[_Union[StateBytes, _Mapping]] = ..., offsets: _Optional[_Iterable[int]] = ..., lengths: _Optional[_Iterable[int]] = ...) -> None: ...

class OperatorSubtaskState(_message.Message):
    __slots__ = ("keyed", "operator")
    KEYED_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    keyed: _containers.RepeatedCompositeFieldContainer[KeyedStateHandle]
    operator: _containers.RepeatedCompositeFieldContainer[OperatorStateHandle]
    def __init__(self, keyed: _Optional[_Iterable[_Union[KeyedStateHandle, _Mapping]]] = ..., operator: _Optional[_Iterable[_Union[OperatorStateHandle, _Mapping]]] = ...) -> None: ...

class ChannelStateHandle(_message.Message):
    __slots__ = ("edge_id", "producer_subtask", "consumer_subtask", "overtaken_output", "bytes", "offset", "length", "rescaled")
    EDGE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_SUBTASK_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_SUBTASK_FIELD_NUMBER: _ClassVar[int]
    OVERTAKEN_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    RESCALED_FIELD_NUMBER: _ClassVar[int]
    edge_id: str
    producer_subtask: int
    consumer_subtask: int
    overtaken_output: bool
    bytes: StateBytes
    offset: int
    length: int
    rescaled: bool
    def __init__(self, edge_id: _Optional[str] = ..., producer_subtask: _Optional[int] = ..., consumer_subtask: _Optional[int] = ..., overtaken_output: bool = ..., bytes: _Optional[_Union[StateBytes, _Mapping]] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ..., rescaled: bool = ...) -> None: ...

class TaskSnapshot(_message.Message):
    __slots__ = ("operators", "channels", "finished")
    class OperatorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: OperatorSubtaskState
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[OperatorSubtaskState, _Mapping]] = ...) -> None: ...
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    operators: _containers.MessageMap[str, OperatorSubtaskState]
    channels: _containers.RepeatedCompositeFieldContainer[ChannelStateHandle]
    finished: bool
    def __init__(self, operators: _Optional[_Mapping[str, OperatorSubtaskState]] = ..., channels: _Optional[_Iterable[_Union[ChannelStateHandle, _Mapping]]] = ..., finished: bool = ...) -> None: ...

class SubtaskCheckpointMetrics(_message.Message):
    __slots__ = ("sync_ms", "async_ms", "alignment_ms", "start_delay_ms", "bytes_processed", "bytes_persisted", "checkpointed_size", "full_size", "unaligned", "sync_us")
    SYNC_MS_FIELD_NUMBER: _ClassVar[int]
    ASYNC_MS_FIELD_NUMBER: _ClassVar[int]
    ALIGNMENT_MS_FIELD_NUMBER: _ClassVar[int]
    START_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    BYTES_PERSISTED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTED_SIZE_FIELD_NUMBER: _ClassVar[int]
    FULL_SIZE_FIELD_NUMBER: _ClassVar[int]
    UNALIGNED_FIELD_NUMBER: _ClassVar[int]
    SYNC_US_FIELD_NUMBER: _ClassVar[int]
    sync_ms: int
    async_ms: int
    alignment_ms: int
    start_delay_ms: int
    bytes_processed: int
    bytes_persisted: int
    checkpointed_size: int
    full_size: int
    unaligned: bool
    sync_us: int
    def __init__(self, sync_ms: _Optional[int] = ..., async_ms: _Optional[int] = ..., alignment_ms: _Optional[int] = ..., start_delay_ms: _Optional[int] = ..., bytes_processed: _Optional[int] = ..., bytes_persisted: _Optional[int] = ..., checkpointed_size: _Optional[int] = ..., full_size: _Optional[int] = ..., unaligned: bool = ..., sync_us: _Optional[int] = ...) -> None: ...

class CheckpointOptions(_message.Message):
    __slots__ = ("kind", "alignment", "aligned_timeout_ms", "directory", "shared_directory", "format", "full", "trigger_timestamp_ms")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ALIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    SHARED_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    alignment: str
    aligned_timeout_ms: int
    directory: str
    shared_directory: str
    format: str
    full: bool
    trigger_timestamp_ms: int
    def __init__(self, kind: _Optional[str] = ..., alignment: _Optional[str] = ..., aligned_timeout_ms: _Optional[int] = ..., directory: _Optional[str] = ..., shared_directory: _Optional[str] = ..., format: _Optional[str] = ..., full: bool = ..., trigger_timestamp_ms: _Optional[int] = ...) -> None: ...

class TaskRestore(_message.Message):
    __slots__ = ("checkpoint_id", "operators", "channels", "finished", "lineage_id")
    class OperatorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: OperatorSubtaskState
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[OperatorSubtaskState, _Mapping]] = ...) -> None: ...
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_ID_FIELD_NUMBER: _ClassVar[int]
    checkpoint_id: int
    operators: _containers.MessageMap[str, OperatorSubtaskState]
    channels: _containers.RepeatedCompositeFieldContainer[ChannelStateHandle]
    finished: bool
    lineage_id: str
    def __init__(self, checkpoint_id: _Optional[int] = ..., operators: _Optional[_Mapping[str, OperatorSubtaskState]] = ..., channels: _Optional[_Iterable[_Union[ChannelStateHandle, _Mapping]]] = ..., finished: bool = ..., lineage_id: _Optional[str] = ...) -> None: ...

class CheckpointMetadata(_message.Message):
    __slots__ = ("version", "checkpoint_id", "kind", "job_id", "job_name", "lineage_id", "timestamp_ms", "software_version", "operators", "channels", "format", "state_size")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_NAME_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    version: int
    checkpoint_id: int
    kind: str
    job_id: str
    job_name: str
    lineage_id: str
    timestamp_ms: int
    software_version: str
    operators: _containers.RepeatedCompositeFieldContainer[OperatorState]
    channels: _containers.RepeatedCompositeFieldContainer[ChannelStateHandle]
    format: str
    state_size: int
    def __init__(self, version: _Optional[int] = ..., checkpoint_id: _Optional[int] = ..., kind: _Optional[str] = ..., job_id: _Optional[str] = ..., job_name: _Optional[str] = ..., lineage_id: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., software_version: _Optional[str] = ..., operators: _Optional[_Iterable[_Union[OperatorState, _Mapping]]] = ..., channels: _Optional[_Iterable[_Union[ChannelStateHandle, _Mapping]]] = ..., format: _Optional[str] = ..., state_size: _Optional[int] = ...) -> None: ...

class OperatorState(_message.Message):
    __slots__ = ("operator_id", "uid", "name", "parallelism", "max_parallelism", "subtasks", "finished", "finished_subtasks")
    class SubtasksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: OperatorSubtaskState
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[OperatorSubtaskState, _Mapping]] = ...) -> None: ...
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    operator_id: str
    uid: str
    name: str
    parallelism: int
    max_parallelism: int
    subtasks: _containers.MessageMap[int, OperatorSubtaskState]
    finished: bool
    finished_subtasks: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, operator_id: _Optional[str] = ..., uid: _Optional[str] = ..., name: _Optional[str] = ..., parallelism: _Optional[int] = ..., max_parallelism: _Optional[int] = ..., subtasks: _Optional[_Mapping[int, OperatorSubtaskState]] = ..., finished: bool = ..., finished_subtasks: _Optional[_Iterable[int]] = ...) -> None: ...

class CheckpointStatistics(_message.Message):
    __slots__ = ("checkpoint_id", "status", "kind", "trigger_ms", "latest_ack_ms", "duration_ms", "state_size", "checkpointed_size", "bytes_processed", "bytes_persisted", "subtasks", "acknowledged", "external_path", "discarded", "failure", "subtask_statistics", "unaligned", "format", "vertices")
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_MS_FIELD_NUMBER: _ClassVar[int]
    LATEST_ACK_MS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTED_SIZE_FIELD_NUMBER: _ClassVar[int]
    BYTES_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    BYTES_PERSISTED_FIELD_NUMBER: _ClassVar[int]
    SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_PATH_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_STATISTICS_FIELD_NUMBER: _ClassVar[int]
    UNALIGNED_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    checkpoint_id: int
    status: str
    kind: str
    trigger_ms: int
    latest_ack_ms: int
    duration_ms: int
    state_size: int
    checkpointed_size: int
    bytes_processed: int
    bytes_persisted: int
    subtasks: int
    acknowledged: int
    external_path: str
    discarded: bool
    failure: _failure_pb2.FailureInfo
    subtask_statistics: _containers.RepeatedCompositeFieldContainer[SubtaskCheckpointStatistics]
    unaligned: bool
    format: str
    vertices: _containers.RepeatedCompositeFieldContainer[CheckpointVertex]
    def __init__(self, checkpoint_id: _Optional[int] = ..., status: _Optional[str] = ..., kind: _Optional[str] = ..., trigger_ms: _Optional[int] = ..., latest_ack_ms: _Optional[int] = ..., duration_ms: _Optional[int] = ..., state_size: _Optional[int] = ..., checkpointed_size: _Optional[int] = ..., bytes_processed: _Optional[int] = ..., bytes_persisted: _Optional[int] = ..., subtasks: _Optional[int] = ..., acknowledged: _Optional[int] = ..., external_path: _Optional[str] = ..., discarded: bool = ..., failure: _Optional[_Union[_failure_pb2.FailureInfo, _Mapping]] = ..., subtask_statistics: _Optional[_Iterable[_Union[SubtaskCheckpointStatistics, _Mapping]]] = ..., unaligned: bool = ..., format: _Optional[str] = ..., vertices: _Optional[_Iterable[_Union[CheckpointVertex, _Mapping]]] = ...) -> None: ...

class CheckpointVertex(_message.Message):
    __slots__ = ("vertex_id", "parallelism", "finished_subtasks")
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    FINISHED_SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    vertex_id: str
    parallelism: int
    finished_subtasks: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, vertex_id: _Optional[str] = ..., parallelism: _Optional[int] = ..., finished_subtasks: _Optional[_Iterable[int]] = ...) -> None: ...

class SubtaskCheckpointStatistics(_message.Message):
    __slots__ = ("vertex_id", "subtask_index", "ack_ms", "metrics")
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    ACK_MS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    vertex_id: str
    subtask_index: int
    ack_ms: int
    metrics: SubtaskCheckpointMetrics
    def __init__(self, vertex_id: _Optional[str] = ..., subtask_index: _Optional[int] = ..., ack_ms: _Optional[int] = ..., metrics: _Optional[_Union[SubtaskCheckpointMetrics, _Mapping]] = ...) -> None: ...

class JobCheckpoints(_message.Message):
    __slots__ = ("enabled", "restored", "total", "in_progress", "completed", "failed", "history", "latest_completed", "latest_savepoint", "latest_failed", "restored_checkpoint_id", "restore_timestamp_ms", "restored_path", "restored_is_savepoint", "summary")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    IN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    LATEST_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    LATEST_SAVEPOINT_FIELD_NUMBER: _ClassVar[int]
    LATEST_FAILED_FIELD_NUMBER: _ClassVar[int]
    RESTORED_CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    RESTORE_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    RESTORED_PATH_FIELD_NUMBER: _ClassVar[int]
    RESTORED_IS_SAVEPOINT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    restored: int
    total: int
    in_progress: int
    completed: int
    failed: int
    history: _containers.RepeatedCompositeFieldContainer[CheckpointStatistics]
    latest_completed: CheckpointStatistics
    latest_savepoint: CheckpointStatistics
    latest_failed: CheckpointStatistics
    restored_checkpoint_id: int
    restore_timestamp_ms: int
    restored_path: str
    restored_is_savepoint: bool
    summary: CheckpointSummary
    def __init__(self, enabled: bool = ..., restored: _Optional[int] = ..., total: _Optional[int] = ..., in_progress: _Optional[int] = ..., completed: _Optional[int] = ..., failed: _Optional[int] = ..., history: _Optional[_Iterable[_Union[CheckpointStatistics, _Mapping]]] = ..., latest_completed: _Optional[_Union[CheckpointStatistics, _Mapping]] = ..., latest_savepoint: _Optional[_Union[CheckpointStatistics, _Mapping]] = ..., latest_failed: _Optional[_Union[CheckpointStatistics, _Mapping]] = ..., restored_checkpoint_id: _Optional[int] = ..., restore_timestamp_ms: _Optional[int] = ..., restored_path: _Optional[str] = ..., restored_is_savepoint: bool = ..., summary: _Optional[_Union[CheckpointSummary, _Mapping]] = ...) -> None: ...

class CheckpointSummary(_message.Message):
    __slots__ = ("checkpointed_size", "state_size", "duration_ms", "bytes_processed", "bytes_persisted")
    CHECKPOINTED_SIZE_FIELD_NUMBER: _ClassVar[int]
    STATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    BYTES_PERSISTED_FIELD_NUMBER: _ClassVar[int]
    checkpointed_size: StatisticsSummary
    state_size: StatisticsSummary
    duration_ms: StatisticsSummary
    bytes_processed: StatisticsSummary
    bytes_persisted: StatisticsSummary
    def __init__(self, checkpointed_size: _Optional[_Union[StatisticsSummary, _Mapping]] = ..., state_size: _Optional[_Union[StatisticsSummary, _Mapping]] = ..., duration_ms: _Optional[_Union[StatisticsSummary, _Mapping]] = ..., bytes_processed: _Optional[_Union[StatisticsSummary, _Mapping]] = ..., bytes_persisted: _Optional[_Union[StatisticsSummary, _Mapping]] = ...) -> None: ...

class StatisticsSummary(_message.Message):
    __slots__ = ("count", "minimum", "maximum", "average", "p50", "p90", "p95", "p99", "p999")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P90_FIELD_NUMBER: _ClassVar[int]
    P95_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    P999_FIELD_NUMBER: _ClassVar[int]
    count: int
    minimum: int
    maximum: int
    average: int
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    def __init__(self, count: _Optional[int] = ..., minimum: _Optional[int] = ..., maximum: _Optional[int] = ..., average: _Optional[int] = ..., p50: _Optional[float] = ..., p90: _Optional[float] = ..., p95: _Optional[float] = ..., p99: _Optional[float] = ..., p999: _Optional[float] = ...) -> None: ...
