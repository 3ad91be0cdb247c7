"""One asyncio event loop in a thread of its own, for callers that block.

The control plane speaks asyncio; programs and the command line do not. A :class:`LoopThread` carries the
coroutines of either: :meth:`LoopThread.run` waits for one from any other thread, and can be broken off by Ctrl-C.
Each has one owner that closes it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 10.0
"""How long :meth:`LoopThread.close` waits for what still runs on the loop to be cancelled."""


class LoopThread:
    """An event loop that runs in a background thread until :meth:`close`.

    :param name: of the thread, for debuggers and messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.new_event_loop()
        self._closed = False
        # A daemon thread: a program that ends by an error before it reaches close() must not hang.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def closed(self) -> bool:
        return self._closed

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run ``coroutine`` on the loop and wait for its result.

        :param timeout: seconds; the coroutine is cancelled when they have passed.
        :raises TimeoutError: it took longer.
        :raises RuntimeError: the loop is closed, or the caller is on the loop itself (it would wait for itself).
        """
        if self._closed or threading.current_thread() is self._thread:
            coroutine.close()
            problem = "is closed" if self._closed else "cannot wait for itself: call this from another thread"
            raise RuntimeError(f"The event loop of {self._name!r} {problem}")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            # Before Python 3.11 this is not the built-in TimeoutError; and it may be the coroutine's own.
            if future.done() and not future.cancelled():
                own = future.exception()
                raise TimeoutError(str(own)) from own
            future.cancel()
            raise TimeoutError(f"No result within {timeout} s") from None
        except KeyboardInterrupt:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, end the loop and its thread. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            _log.error("The event loop of %r did not end within %s s: something blocks it", self._name, _CLOSE_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            try:
                self._cancel_all()
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
                self._loop.run_until_complete(self._loop.shutdown_default_executor())
            finally:
                asyncio.set_event_loop(None)
                self._loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=_CLOSE_SECONDS / 2))
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                _log.error("%r failed while the loop of %r was closed", task, self._name, exc_info=task.exception())
