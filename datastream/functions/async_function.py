"""Functions that wait: for a database, a service, a model.

Calls for many records wait together, so that a subtask is as fast as what it asks and not as slow as one answer.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.functions.function import Function, RichFunction

if TYPE_CHECKING:
    from millstream.datastream.functions.runtime_context import RuntimeContext

__all__ = ["AsyncFunction", "RichAsyncFunction", "takes_result_future"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")


class AsyncFunction(Function, Generic[IN, OUT]):
    """Any number of results per record, from a coroutine that may wait for them.

    :meth:`async_invoke` is written in one of three ways, and :meth:`timeout` in the same one::

        async def async_invoke(self, value): ...  # returns the list of results
        def async_invoke(self, value, result_future): ...  # starts something and returns at once
        async def async_invoke(self, value, result_future): ...  # a coroutine that completes the future

    In the second and third way, results go to :meth:`ResultFuture.complete
    <millstream.datastream.functions.ResultFuture.complete>`, which may be called from another thread.

    Coroutines run on the event loop of the task's slot, together with everything else that the slot does. One that
    blocks (``time.sleep``, a library that is not made for asyncio) holds up the whole slot: nothing else is processed
    meanwhile, and the job cannot be cancelled before the slot's process is killed. Blocking calls belong into
    ``await asyncio.to_thread(...)`` or an executor of your own.

    :meth:`open` runs on that loop too, so that clients can be made there. State per key is not available.
    """

    @abstractmethod
    async def async_invoke(self, value: IN) -> list[OUT]:
        """Process one record. An exception fails the job, unless the retry strategy wants another try."""

    def timeout(self, value: IN) -> list[OUT]:
        """Give the results of a record whose time is over; its coroutine has been cancelled.

        :raises TimeoutError: unless it is overridden: the job fails.
        """
        raise TimeoutError(f"Async function call has timed out for input: {value}")


class RichAsyncFunction(AsyncFunction[IN, OUT], RichFunction):
    """An :class:`AsyncFunction` with ``get_runtime_context()``."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called once per subtask before the first record."""
        RichFunction.open(self, runtime_context)


def takes_result_future(method: Callable[..., Any]) -> bool:
    """Whether an ``async_invoke`` or ``timeout`` is written in callback style: it must be given a second argument."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return False  # a builtin without a signature
    wanted = 0
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return not inspect.iscoroutinefunction(method)
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            wanted += parameter.default is parameter.empty or parameter.name == "result_future"
    return wanted > 1
