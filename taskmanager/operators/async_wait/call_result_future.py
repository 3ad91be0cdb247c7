"""The ResultFuture of one attempt of one record."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions import ResultFuture

if TYPE_CHECKING:
    from millstream.taskmanager.operators.async_wait.async_call import AsyncCall
    from millstream.taskmanager.operators.async_wait.async_wait_operator import AsyncWaitOperator

__all__ = ["CallResultFuture"]


class CallResultFuture(ResultFuture[Any]):
    """Brings outcomes to the operator, on the loop's thread.

    :param phase: the method that was given this future.
    """

    __slots__ = ("_attempt", "_call", "_operator", "_phase")

    def __init__(self, operator: AsyncWaitOperator, call: AsyncCall, phase: str) -> None:
        self._operator = operator
        self._call = call
        self._attempt = call.attempt
        self._phase = phase

    def complete(self, result: Iterable[Any]) -> None:
        operator = self._operator
        if threading.get_ident() == operator.thread_ident:
            operator.on_results(self._call, self._attempt, result, self._phase)
        else:
            self._from_elsewhere(operator.on_results, result)

    def complete_exceptionally(self, error: BaseException) -> None:
        if not isinstance(error, BaseException):
            raise TypeError(f"complete_exceptionally() takes an exception, not {error!r}")
        operator = self._operator
        if threading.get_ident() == operator.thread_ident:
            operator.on_error(self._call, self._attempt, error, self._phase)
        else:
            self._from_elsewhere(operator.on_error, error)

    def _from_elsewhere(self, deliver: Any, outcome: Any) -> None:
        loop = self._operator.loop
        if loop is None or loop.is_closed():
            return  # too late: the task has ended
        try:
            loop.call_soon_threadsafe(deliver, self._call, self._attempt, outcome, self._phase)
        except RuntimeError:
            if not loop.is_closed():  # it may have been closed just now
                raise

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a ResultFuture belongs to the running task: it cannot be pickled")
