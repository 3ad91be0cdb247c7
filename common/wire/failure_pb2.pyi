from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class FailureInfo(_message.Message):
    __slots__ = ("kind", "exception_type", "message", "operator_name", "operator_id", "phase", "subtask_index", "parallelism", "attempt_number", "record", "user_file", "user_line", "user_traceback", "full_traceback", "task_manager", "timestamp_ms", "task_name", "vertex_id", "task_manager_id", "endpoint")
    KIND_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_NAME_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    SUBTASK_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    USER_FILE_FIELD_NUMBER: _ClassVar[int]
    USER_LINE_FIELD_NUMBER: _ClassVar[int]
    USER_TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    FULL_TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGER_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    TASK_NAME_FIELD_NUMBER: _ClassVar[int]
    VERTEX_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    exception_type: str
    message: str
    operator_name: str
    operator_id: str
    phase: str
    subtask_index: int
    parallelism: int
    attempt_number: int
    record: str
    user_file: str
    user_line: int
    user_traceback: str
    full_traceback: str
    task_manager: str
    timestamp_ms: int
    task_name: str
    vertex_id: str
    task_manager_id: str
    endpoint: str
    def __init__(self, kind: _Optional[str] = ..., exception_type: _Optional[str] = ..., message: _Optional[str] = ..., operator_name: _Optional[str] = ..., operator_id: _Optional[str] = ..., phase: _Optional[str] = ..., subtask_index: _Optional[int] = ..., parallelism: _Optional[int] = ..., attempt_number: _Optional[int] = ..., record: _Optional[str] = ..., user_file: _Optional[str] = ..., user_line: _Optional[int] = ..., user_traceback: _Optional[str] = ..., full_traceback: _Optional[str] = ..., task_manager: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., task_name: _Optional[str] = ..., vertex_id: _Optional[str] = ..., task_manager_id: _Optional[str] = ..., endpoint: _Optional[str] = ...) -> None: ...
