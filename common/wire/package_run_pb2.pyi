from millstream.common.wire import graph_pb2 as _graph_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PackageRun(_message.Message):
    __slots__ = ("file", "entry", "arguments", "configuration", "plan_only", "job_id")
    class ConfigurationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FILE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    PLAN_ONLY_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    file: str
    entry: str
    arguments: _containers.RepeatedScalarFieldContainer[str]
    configuration: _containers.ScalarMap[str, str]
    plan_only: bool
    job_id: str
    def __init__(self, file: _Optional[str] = ..., entry: _Optional[str] = ..., arguments: _Optional[_Iterable[str]] = ..., configuration: _Optional[_Mapping[str, str]] = ..., plan_only: bool = ..., job_id: _Optional[str] = ...) -> None: ...

class PackageEvent(_message.Message):
    __slots__ = ("job", "failed", "finished")
    JOB_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    job: _graph_pb2.JobGraph
    failed: str
    finished: bool
    def __init__(self, job: _Optional[_Union[_graph_pb2.JobGraph, _Mapping]] = ..., failed: _Optional[str] = ..., finished: bool = ...) -> None: ...

class JobAnswer(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: str
    def __init__(self, error: _Optional[str] = ...) -> None: ...
