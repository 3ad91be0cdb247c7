"""The futures that a job client gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

__all__ = ["CompletableFuture"]

T = TypeVar("T")


class CompletableFuture(Generic[T]):
    """A result that is there already or is still waited for, with PyFlink's methods."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    @staticmethod
    def of(call: Callable[[], T]) -> CompletableFuture[T]:
        """Call at once and hold what came of it."""
        future: Future[T] = Future()
        _complete(future, call)
        return CompletableFuture(future)

    @staticmethod
    def waiting(call: Callable[[], T], name: str) -> CompletableFuture[T]:
        """Hold what will come of a call that takes long, made in a thread of its own that ends with the call."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        threading.Thread(target=_complete, args=(future, call), name=name, daemon=True).start()
        return CompletableFuture(future)

    def cancel(self) -> bool:
        return self._future.cancel()

    def cancelled(self) -> bool:
        return self._future.cancelled()

    def done(self) -> bool:
        return self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result.

        :param timeout: seconds; ``None``: as long as it takes.
        :raises TimeoutError: it took longer.
        """
        try:
            return self._future.result(timeout)
        except TimeoutError:
            raise
        except Exception as error:
            # Before Python 3.11 the futures' TimeoutError is a class of its own.
            if type(error).__module__ == "concurrent.futures._base" and type(error).__name__ == "TimeoutError":
                raise TimeoutError(f"no result within {timeout} s") from None
            raise

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait, and return what was raised, if anything was."""
        return self._future.exception(timeout)

    def set_result(self, result: T) -> CompletableFuture[T]:
        self._future.set_result(result)
        return self

    def add_done_callback(self, fn: Callable[[CompletableFuture[T]], Any]) -> CompletableFuture[T]:
        """Call ``fn`` with this future when the result is there."""
        self._future.add_done_callback(lambda _: fn(self))
        return self


def _complete(future: Future[T], call: Callable[[], T]) -> None:
    try:
        result = call()
    except BaseException as error:
        future.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        future.set_result(result)
