"""Calling user code so that an interrupt may hit it and its failures tell where they come from."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TypeVar

from millstream.taskmanager.operators.operator import FailureSite
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["call_user_code"]

T = TypeVar("T")


def call_user_code(
    section: UserCodeSection, call: Callable[[], T], locate: Callable[[BaseException], FailureSite]
) -> T:
    """Return ``call()``.

    :param locate: says where an exception happened.
    :raises UserCodeError: it raised; whatever it was, ``SystemExit`` and ``StopIteration`` included.
    :raises TaskInterrupted: it was interrupted.
    """
    section.enter(perf_counter_ns())
    try:
        result = call()
    except TaskInterrupted:
        section.leave()
        raise
    except BaseException as error:  # noqa: BLE001  # user code may raise anything
        failure = error
    else:
        section.leave()
        return result
    section.leave()
    raise UserCodeError(locate(failure), failure) from failure
