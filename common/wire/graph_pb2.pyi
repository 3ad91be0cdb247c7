from millstream.common.wire import checkpoint_pb2 as _checkpoint_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobGraph(_message.Message):
    __slots__ = ("job_id", "name", "vertices", "edges", "configuration", "artifacts", "python_path", "plan_json", "client_heartbeat_timeout_ms")
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_PATH_FIELD_NUMBER: _ClassVar[int]
    PLAN_JSON_FIELD_NUMBER: _ClassVar[int]
    CLIENT_HEARTBEAT_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    name: str
    vertices: _containers.RepeatedCompositeFieldContainer[JobVertex]
    edges: _containers.RepeatedCompositeFieldContainer[JobEdge]
    configuration: _containers.ScalarMap[str, str]
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    python_path: _containers.RepeatedScalarFieldContainer[str]
    plan_json: str
    client_heartbeat_timeout_ms: int
    def __init__(self, job_id: _Optional[str] = ..., name: _Optional[str] = ..., vertices: _Optional[_Iterable[_Union[JobVertex, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[JobEdge, _Mapping]]] = ..., configuration: _Optional[_Mapping[str, str]] = ..., artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., python_path: _Optional[_Iterable[str]] = ..., plan_json: _Optional[str] = ..., client_heartbeat_timeout_ms: _Optional[int] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("name", "kind", "sha256", "content", "target_dir")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    TARGET_DIR_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    sha256: str
    content: bytes
    target_dir: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., sha256: _Optional[str] = ..., content: _Optional[bytes] = ..., target_dir: _Optional[str] = ...) -> None: ...

class JobVertex(_message.Message):
    __slots__ = ("id", "name", "parallelism", "max_parallelism", "slot_sharing_group", "co_location_group", "operators", "non_parallel", "max_parallelism_set", "lower_bound", "upper_bound")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    SLOT_SHARING_GROUP_FIELD_NUMBER: _ClassVar[int]
    CO_LOCATION_GROUP_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    NON_PARALLEL_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLELISM_SET_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    UPPER_BOUND_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    parallelism: int
    max_parallelism: int
    slot_sharing_group: str
    co_location_group: str
    operators: _containers.RepeatedCompositeFieldContainer[OperatorNode]
    non_parallel: bool
    max_parallelism_set: bool
    lower_bound: int
    upper_bound: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., parallelism: _Optional[int] = ..., max_parallelism: _Optional[int] = ..., slot_sharing_group: _Optional[str] = ..., co_location_group: _Optional[str] = ..., operators: _Optional[_Iterable[_Union[OperatorNode, _Mapping]]] = ..., non_parallel: bool = ..., max_parallelism_set: bool = ..., lower_bound: _Optional[int] = ..., upper_bound: _Optional[int] = ...) -> None: ...

class OperatorNode(_message.Message):
    __slots__ = ("operator_id", "uid", "name", "description", "spec", "inputs", "kind")
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    operator_id: str
    uid: str
    name: str
    description: str
    spec: bytes
    inputs: _containers.RepeatedCompositeFieldContainer[ChainInput]
    kind: str
    def __init__(self, operator_id: _Optional[str] = ..., uid: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., spec: _Optional[bytes] = ..., inputs: _Optional[_Iterable[_Union[ChainInput, _Mapping]]] = ..., kind: _Optional[str] = ...) -> None: ...

class ChainInput(_message.Message):
    __slots__ = ("parent", "output_tag", "input_index")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TAG_FIELD_NUMBER: _ClassVar[int]
    INPUT_INDEX_FIELD_NUMBER: _ClassVar[int]
    parent: int
    output_tag: str
    input_index: int
    def __init__(self, parent: _Optional[int] = ..., output_tag: _Optional[str] = ..., input_index: _Optional[int] = ...) -> None: ...

class JobEdge(_message.Message):
    __slots__ = ("edge_id", "source_vertex", "source_operator", "output_tag", "target_vertex", "target_input", "partitioner", "buffer_timeout_ms", "type_info")
    EDGE_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_VERTEX_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OPERATOR_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TAG_FIELD_NUMBER: _ClassVar[int]
    TARGET_VERTEX_FIELD_NUMBER: _ClassVar[int]
    TARGET_INPUT_FIELD_NUMBER: _ClassVar[int]
    PARTITIONER_FIELD_NUMBER: _ClassVar[int]
    BUFFER_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TYPE_INFO_FIELD_NUMBER: _ClassVar[int]
    edge_id: str
    source_vertex: str
    source_operator: int
    output_tag: str
    target_vertex: str
    target_input: int
    partitioner: Partitioner
    buffer_timeout_ms: int
    type_info: bytes
    def __init__(self, edge_id: _Optional[str] = ..., source_vertex: _Optional[str] = ..., source_operator: _Optional[int] = ..., output_tag: _Optional[str] = ..., target_vertex: _Optional[str] = ..., target_input: _Optional[int] = ..., partitioner: _Optional[_Union[Partitioner, _Mapping]] = ..., buffer_timeout_ms: _Optional[int] = ..., type_info: _Optional[bytes] = ...) -> None: ...

class Partitioner(_message.Message):
    __slots__ = ("kind", "spec")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    kind: str
    spec: bytes
    def __init__(self, kind: _Optional[str] = ..., spec: _Optional[bytes] = ...) -> None: ...

class TaskDeployment(_message.Message):
    __slots__ = ("job_id", "vertex", "subtask_index", "attempt_number", "attempt_id", "allocation_id", "inputs", "outputs", "restore")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    VERTEX_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    vertex: JobVertex
    subtask_index: int
    attempt_number: int
    attempt_id: str
    allocation_id: str
    inputs: _containers.RepeatedCompositeFieldContainer[InputGateDeployment]
    outputs: _containers.RepeatedCompositeFieldContainer[ResultPartitionDeployment]
    restore: _checkpoint_pb2.TaskRestore
    def __init__(self, job_id: _Optional[str] = ..., vertex: _Optional[_Union[JobVertex, _Mapping]] = ..., subtask_index: _Optional[int] = ..., attempt_number: _Optional[int] = ..., attempt_id: _Optional[str] = ..., allocation_id: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[InputGateDeployment, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[ResultPartitionDeployment, _Mapping]]] = ..., restore: _Optional[_Union[_checkpoint_pb2.TaskRestore, _Mapping]] = ...) -> None: ...

class InputGateDeployment(_message.Message):
    __slots__ = ("edge", "channels")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    edge: JobEdge
    channels: _containers.RepeatedCompositeFieldContainer[InputChannelDeployment]
    def __init__(self, edge: _Optional[_Union[JobEdge, _Mapping]] = ..., channels: _Optional[_Iterable[_Union[InputChannelDeployment, _Mapping]]] = ...) -> None: ...

class InputChannelDeployment(_message.Message):
    __slots__ = ("producer_attempt_id", "subpartition", "producer_allocation_id", "host", "port", "producer_subtask")
    PRODUCER_ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBPARTITION_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_ALLOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_SUBTASK_FIELD_NUMBER: _ClassVar[int]
    producer_attempt_id: str
    subpartition: int
    producer_allocation_id: str
    host: str
    port: int
    producer_subtask: int
    def __init__(self, producer_attempt_id: _Optional[str] = ..., subpartition: _Optional[int] = ..., producer_allocation_id: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., producer_subtask: _Optional[int] = ...) -> None: ...

class ResultPartitionDeployment(_message.Message):
    __slots__ = ("edge", "subpartitions", "consumer_subtasks", "consumer_parallelism", "consumer_max_parallelism", "consumer_allocations")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    SUBPARTITIONS_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_SUBTASKS_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_MAX_PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    edge: JobEdge
    subpartitions: int
    consumer_subtasks: _containers.RepeatedScalarFieldContainer[int]
    consumer_parallelism: int
    consumer_max_parallelism: int
    consumer_allocations: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, edge: _Optional[_Union[JobEdge, _Mapping]] = ..., subpartitions: _Optional[int] = ..., consumer_subtasks: _Optional[_Iterable[int]] = ..., consumer_parallelism: _Optional[int] = ..., consumer_max_parallelism: _Optional[int] = ..., consumer_allocations: _Optional[_Iterable[str]] = ...) -> None: ...
