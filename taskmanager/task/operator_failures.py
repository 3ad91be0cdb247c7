"""Failures of the engine at one operator's state, which may be the user's fault or the storage's."""

from __future__ import annotations

from millstream.common.errors import MillstreamError
from millstream.taskmanager.operators.operator import FailureSite, OperatorInfo
from millstream.taskmanager.task.user_failure import StateError, UserCodeError

__all__ = ["state_failure"]

_ENVIRONMENT = (MillstreamError, OSError, MemoryError)


def state_failure(error: BaseException, info: OperatorInfo, phase: str, message: str) -> Exception:
    """Return what says that ``error`` happened at an operator's state.

    What the environment and the engine raise keeps its words, with ``message`` before; everything else came out of a
    user's value (its ``__reduce__``, its ``__setstate__``, a class that is not there any more).
    """
    if isinstance(error, _ENVIRONMENT):
        wrapped: Exception = StateError(FailureSite(info, phase), f"{message}: {error}")
    else:
        wrapped = UserCodeError(FailureSite(info, phase), error)
    wrapped.__cause__ = error
    return wrapped
