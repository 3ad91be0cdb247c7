"""What is told of operations that take their time."""

from __future__ import annotations

import base64
from typing import Any, Final, Literal

from pydantic import Field, SerializeAsAny, computed_field

from millstream.dispatcher.rest.java_throwable import java_throwable
from millstream.dispatcher.rest.messages.base import HyphenatedMessage, Message

__all__ = [
    "COMPLETED",
    "IN_PROGRESS",
    "FailureCause",
    "OperationFailure",
    "OperationResult",
    "OperationStatusBody",
    "TriggerResponse",
]


class TriggerResponse(HyphenatedMessage):
    """The answer to the trigger.

    :ivar request_id: what to ask for later, 32 hexadecimal digits.
    """

    request_id: str


class OperationStatusBody(Message):
    """How far it is. A failed operation is completed too."""

    id: Literal["IN_PROGRESS", "COMPLETED"]


class FailureCause(HyphenatedMessage):
    """Why an operation, or a job, has failed.

    :ivar exception_class: name of the exception.
    :ivar stack_trace: what there is to say, several lines.
    """

    exception_class: str = Field(serialization_alias="class")
    stack_trace: str

    @computed_field(alias="serialized-throwable")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def serialized_throwable(self) -> str:
        """The same as an object, for Java clients."""
        return base64.b64encode(java_throwable(self.exception_class, self.stack_trace)).decode()


class OperationFailure(HyphenatedMessage):
    """The operation of the answer, if it has failed."""

    failure_cause: FailureCause


class OperationResult(Message):
    """The answer to whoever asks how an operation stands.

    :ivar operation: what came of it: a model of the kind of the operation, or an :class:`OperationFailure`; ``None``
        while it is under way.
    """

    status: OperationStatusBody
    operation: SerializeAsAny[Any | None] = None


COMPLETED: Final = OperationStatusBody(id="COMPLETED")
IN_PROGRESS: Final = OperationResult(status=OperationStatusBody(id="IN_PROGRESS"))
