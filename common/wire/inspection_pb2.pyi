from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogFiles(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[LogFile]
    def __init__(self, files: _Optional[_Iterable[_Union[LogFile, _Mapping]]] = ...) -> None: ...

class LogFile(_message.Message):
    __slots__ = ("name", "size", "modified_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    modified_ms: int
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., modified_ms: _Optional[int] = ...) -> None: ...

class ReadLogFileRequest(_message.Message):
    __slots__ = ("kind", "name", "offset", "max_bytes")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    offset: int
    max_bytes: int
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., offset: _Optional[int] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class LogFileChunk(_message.Message):
    __slots__ = ("found", "data", "size")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    found: bool
    data: bytes
    size: int
    def __init__(self, found: bool = ..., data: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class ThreadDump(_message.Message):
    __slots__ = ("threads",)
    THREADS_FIELD_NUMBER: _ClassVar[int]
    threads: _containers.RepeatedCompositeFieldContainer[ThreadInfo]
    def __init__(self, threads: _Optional[_Iterable[_Union[ThreadInfo, _Mapping]]] = ...) -> None: ...

class ThreadInfo(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SampleStacksRequest(_message.Message):
    __slots__ = ("attempt_ids", "samples", "interval_ms", "max_depth")
    ATTEMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_DEPTH_FIELD_NUMBER: _ClassVar[int]
    attempt_ids: _containers.RepeatedScalarFieldContainer[str]
    samples: int
    interval_ms: int
    max_depth: int
    def __init__(self, attempt_ids: _Optional[_Iterable[str]] = ..., samples: _Optional[int] = ..., interval_ms: _Optional[int] = ..., max_depth: _Optional[int] = ...) -> None: ...

class StackSamples(_message.Message):
    __slots__ = ("attempts",)
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    attempts: _containers.RepeatedCompositeFieldContainer[AttemptStackSamples]
    def __init__(self, attempts: _Optional[_Iterable[_Union[AttemptStackSamples, _Mapping]]] = ...) -> None: ...

class AttemptStackSamples(_message.Message):
    __slots__ = ("attempt_id", "samples")
    ATTEMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    attempt_id: str
    samples: _containers.RepeatedCompositeFieldContainer[StackSample]
    def __init__(self, attempt_id: _Optional[str] = ..., samples: _Optional[_Iterable[_Union[StackSample, _Mapping]]] = ...) -> None: ...

class StackSample(_message.Message):
    __slots__ = ("frames", "on_cpu", "count")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    ON_CPU_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedScalarFieldContainer[str]
    on_cpu: bool
    count: int
    def __init__(self, frames: _Optional[_Iterable[str]] = ..., on_cpu: bool = ..., count: _Optional[int] = ...) -> None: ...

class ProfileThreadsRequest(_message.Message):
    __slots__ = ("duration_ms", "interval_ms", "max_depth", "on_cpu_only")
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_DEPTH_FIELD_NUMBER: _ClassVar[int]
    ON_CPU_ONLY_FIELD_NUMBER: _ClassVar[int]
    duration_ms: int
    interval_ms: int
    max_depth: int
    on_cpu_only: bool
    def __init__(self, duration_ms: _Optional[int] = ..., interval_ms: _Optional[int] = ..., max_depth: _Optional[int] = ..., on_cpu_only: bool = ...) -> None: ...

class ThreadProfiles(_message.Message):
    __slots__ = ("processes", "missing")
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    processes: _containers.RepeatedCompositeFieldContainer[ThreadProfile]
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, processes: _Optional[_Iterable[_Union[ThreadProfile, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class ThreadProfile(_message.Message):
    __slots__ = ("frames", "stacks")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    STACKS_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedScalarFieldContainer[str]
    stacks: _containers.RepeatedCompositeFieldContainer[ProfiledStack]
    def __init__(self, frames: _Optional[_Iterable[str]] = ..., stacks: _Optional[_Iterable[_Union[ProfiledStack, _Mapping]]] = ...) -> None: ...

class ProfiledStack(_message.Message):
    __slots__ = ("frames", "count")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedScalarFieldContainer[int]
    count: int
    def __init__(self, frames: _Optional[_Iterable[int]] = ..., count: _Optional[int] = ...) -> None: ...

class SetLogLevelRequest(_message.Message):
    __slots__ = ("logger", "level")
    LOGGER_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    logger: str
    level: str
    def __init__(self, logger: _Optional[str] = ..., level: _Optional[str] = ...) -> None: ...
