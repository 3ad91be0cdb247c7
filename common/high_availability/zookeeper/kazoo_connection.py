"""A kazoo client's threads, seen from an event loop.

kazoo reads and writes on a thread of its own and calls back on two more. This starts them, brings their news to the
loop, ends them within bounded time, and starts anew if kazoo's connection thread has ended by itself, which it does
when a server answers something that it does not understand or refuses the authorization.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from kazoo.client import KazooClient
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.states import KazooState, KeeperState
from kazoo.retry import KazooRetry

from millstream.common.high_availability.zookeeper.client import SessionState

__all__ = ["KazooConnection"]

logger = logging.getLogger(__name__)

# Where nobody has asked for logs, as in a command line, Python would write kazoo's warnings to stderr: each server that
# does not answer, before the one line that says what is wrong.
logging.getLogger("kazoo").addHandler(logging.NullHandler())

_STATES = {
    KazooState.CONNECTED: SessionState.CONNECTED,
    KazooState.SUSPENDED: SessionState.SUSPENDED,
    KazooState.LOST: SessionState.LOST,
}

_FIRST_RETRY_SECONDS = 0.1

_POLITE_SECONDS = 2.0
"""How long the server may take to confirm that the session ends; then the socket is cut."""

_CUT_SECONDS = 3.0
"""How long kazoo's threads may take to end after that; then they are left to end by themselves."""


class KazooConnection:
    """One session after another with the ensemble.

    :param hosts: ``host:port`` parted by commas.
    :param session_timeout_s: without contact for so long a session is over.
    :param connect_timeout_s: for one server to accept a connection.
    :param retry_wait_s: the longest pause between two tries to connect.
    :param authorization: pairs of a scheme and its credential.
    :param on_state: told each change of the state, and the session's id, on the loop.
    """

    def __init__(
        self,
        hosts: str,
        session_timeout_s: float,
        connect_timeout_s: float,
        retry_wait_s: float,
        authorization: tuple[tuple[str, str], ...],
        on_state: Callable[[SessionState, int], None],
    ) -> None:
        self._hosts = hosts
        self._session_timeout_s = session_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._retry_wait_s = retry_wait_s
        self._authorization = authorization
        self._on_state = on_state
        self._loop: asyncio.AbstractEventLoop
        self._closed = False
        self._state: str = KazooState.LOST
        self._socket: socket.socket | None = None
        self._check: asyncio.TimerHandle | None = None
        self._restart: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why there is no connection, where it is known."""
        self.kazoo: Any = None
        """To ask with; may be another after a pause."""

    def start(self) -> None:
        """Begin to connect; the listener hears when that is done."""
        self._loop = asyncio.get_running_loop()
        self._begin()

    async def close(self) -> None:
        """End the session and kazoo's threads, or give up after a few seconds."""
        if self._closed:
            return
        self._closed = True
        if self._check is not None:
            self._check.cancel()
        if self._restart is not None:
            # What it was about to end is ended there; what it was about to begin will not be.
            await asyncio.wait({self._restart})
        if self.kazoo is not None:
            await self._end(self.kazoo)

    def from_thread(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop; for kazoo's threads."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    def _begin(self) -> None:
        handler = SequentialThreadingHandler()
        connect = handler.create_connection

        def connect_soon(*arguments: Any, **options: Any) -> Any:
            # kazoo would wait for a silent server as long as the whole session may last.
            options["timeout"] = min(options.get("timeout") or self._connect_timeout_s, self._connect_timeout_s)
            self._socket = connect(*arguments, **options)
            return self._socket

        handler.create_connection = connect_soon
        handler.spawn = self._spawn
        kazoo = KazooClient(
            hosts=self._hosts,
            timeout=self._session_timeout_s,
            handler=handler,
            auth_data=list(self._authorization),
            connection_retry=KazooRetry(
                max_tries=-1,
                delay=min(_FIRST_RETRY_SECONDS, self._retry_wait_s),
                max_delay=self._retry_wait_s,
                sleep_func=handler.sleep_func,
            ),
        )

        def on_state(state: str) -> None:
            session = kazoo.client_id[0] if state == KazooState.CONNECTED and kazoo.client_id else 0
            refused = kazoo.client_state == KeeperState.AUTH_FAILED
            self.from_thread(self._changed, kazoo, state, session, refused)

        kazoo.add_listener(on_state)
        self.kazoo = kazoo
        kazoo.start_async()
        self._check_later()

    def _spawn(self, function: Callable[..., None], *arguments: Any) -> threading.Thread:
        """Start one of kazoo's threads."""

        def run() -> None:
            try:
                function(*arguments)
            except Exception:  # whatever a strange answer led to; the check finds that the thread has ended
                logger.warning("A thread of the connection to ZooKeeper at %s failed", self._hosts, exc_info=True)

        thread = threading.Thread(target=run, name="zookeeper", daemon=True)
        thread.start()
        return thread

    def _changed(self, kazoo: object, state: str, session: int, refused: bool) -> None:
        if self._closed or kazoo is not self.kazoo:
            return
        self._state = state
        if refused:
            self.trouble = "the server refuses what high-availability.zookeeper.client.authorization says"
            logger.error("ZooKeeper at %s: %s", self._hosts, self.trouble)
        elif state == KazooState.CONNECTED:
            self.trouble = ""
        else:
            self._check_later()
        self._on_state(_STATES[state], session)

    def _check_later(self) -> None:
        if self._check is not None:
            self._check.cancel()
        self._check = self._loop.call_later(max(self._retry_wait_s, 1.0), self._check_thread)

    def _check_thread(self) -> None:
        """Start anew if kazoo has given up."""
        if self._closed or self._state == KazooState.CONNECTED:
            return
        if self.kazoo.client_state == KeeperState.CLOSED and self._restart is None:
            logger.warning("The connection to ZooKeeper at %s has ended; starting another", self._hosts)
            self._restart = self._loop.create_task(self._start_anew())
        self._check_later()

    async def _start_anew(self) -> None:
        former, self.kazoo = self.kazoo, None
        try:
            await self._end(former)
        finally:
            self._restart = None
            if not self._closed:
                self._begin()

    async def _end(self, kazoo: Any) -> None:
        """Let kazoo stop. That blocks, so it has a thread of its own, which no executor waits for."""
        ended = asyncio.Event()

        def end() -> None:
            try:
                kazoo.stop()
                kazoo.close()
            except Exception:  # kazoo raises bare Exceptions; there is nobody else to tell
                logger.warning("The connection to ZooKeeper at %s did not end well", self._hosts, exc_info=True)
            finally:
                self.from_thread(ended.set)

        thread = threading.Thread(target=end, name="zookeeper-close", daemon=True)
        thread.start()
        if not await _within(_POLITE_SECONDS, ended.wait()):
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is closed already
            if not await _within(_CUT_SECONDS, ended.wait()):
                logger.warning("The threads of the connection to ZooKeeper at %s still run", self._hosts)
                return
        thread.join()  # it has nothing left to do


async def _within(seconds: float, wait: Coroutine[Any, Any, Any]) -> bool:
    try:
        await asyncio.wait_for(wait, seconds)
    except asyncio.TimeoutError:
        return False
    return True
