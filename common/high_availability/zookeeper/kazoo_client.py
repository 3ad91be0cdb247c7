"""ZooKeeper through kazoo. The only module besides its two helpers that knows kazoo; import it when it is needed.

Calls are kazoo's asynchronous ones, each with a deadline. A call that has missed its deadline may still be carried
out later, but not after a later call of the same client: kazoo sends in order, and drops what it has not sent when a
connection breaks. So whoever reads again afterwards knows what became of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE

from millstream.common.high_availability.zookeeper.client import (
    ANY_VERSION,
    NodeMissingError,
    NodeStat,
    Operation,
    SessionState,
    ZooKeeperConnectionError,
    ZooKeeperError,
)
from millstream.common.high_availability.zookeeper.kazoo_connection import KazooConnection
from millstream.common.high_availability.zookeeper.kazoo_errors import translated
from millstream.common.high_availability.zookeeper.kazoo_transactions import raise_first_failure, submit

__all__ = ["KazooZooKeeperClient"]

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 64
"""Calls without an answer. kazoo wakes its thread by a byte for each; some 250 of them would block the event loop."""

_PAUSE_SECONDS = 0.1
"""Before a read is repeated although the connection stands, doubled each time."""


class KazooZooKeeperClient:
    """A client of an ensemble.

    :param hosts: the servers, ``host:port`` parted by commas.
    :param root: the node below which all paths lie.
    :param session_timeout_s: without contact for so long the session, and its ephemeral nodes, are gone.
    :param connection_timeout_s: for :meth:`start`, and for the answer to each call.
    :param retry_wait_s: the longest pause between two tries to connect, and how long a repeated read waits for that.
    :param max_retry_attempts: how often a read is repeated.
    :param creator_only: nobody but who bears the same authorization may use the nodes.
    :param authorization: pairs of a scheme and its credential, such as ``("digest", "user:password")``.
    """

    def __init__(
        self,
        hosts: str,
        root: str,
        *,
        session_timeout_s: float,
        connection_timeout_s: float,
        retry_wait_s: float,
        max_retry_attempts: int,
        creator_only: bool = False,
        authorization: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._hosts = hosts
        self._root = "" if root == "/" else root
        self._timeout_s = connection_timeout_s
        self._retry_wait_s = retry_wait_s
        self._max_retry_attempts = max_retry_attempts
        self._acl = list(CREATOR_ALL_ACL if creator_only else OPEN_ACL_UNSAFE)
        self._connection = KazooConnection(
            hosts,
            session_timeout_s,
            max(connection_timeout_s / (hosts.count(",") + 1), 1.0),
            retry_wait_s,
            authorization,
            self._on_state,
        )
        self._state = SessionState.SUSPENDED
        self._session_id = 0
        self._listeners: list[Callable[[SessionState], None]] = []
        self._watches: set[asyncio.Task[None]] = set()
        self._connected = asyncio.Event()
        self._unanswered = 0
        self._answered = asyncio.Event()
        self._closed = False

    @property
    def description(self) -> str:
        return f"ZooKeeper at {self._hosts} ({self._root or '/'})"

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def session_id(self) -> int:
        return self._session_id

    async def start(self) -> None:
        self._connection.start()
        try:
            if not await _happens(self._connected, self._timeout_s):
                reason = self._connection.trouble or f"no server answered within {self._timeout_s:g} s"
                raise ZooKeeperConnectionError(
                    f"{self.description}: {reason}. Check high-availability.zookeeper.quorum and that the servers run"
                    " (start-zookeeper-quorum.sh)."
                )
            await self._read(lambda kazoo: kazoo.ensure_path_async(self._root or "/", acl=self._acl), "create", "")
        except BaseException:
            await self.close()
            raise

    def listen(self, listener: Callable[[SessionState], None]) -> Callable[[], None]:
        def told(state: SessionState) -> None:
            listener(state)

        def end() -> None:
            if told in self._listeners:
                self._listeners.remove(told)

        self._listeners.append(told)
        return end

    async def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequential: bool = False, parents: bool = True
    ) -> str:
        created: str = await self._write(
            lambda kazoo: kazoo.create_async(
                self._root + path, data, acl=self._acl, ephemeral=ephemeral, sequence=sequential, makepath=parents
            ),
            "create",
            path,
        )
        return created[len(self._root) :]

    async def get(self, path: str) -> tuple[bytes, NodeStat]:
        data, stat = await self._read(lambda kazoo: kazoo.get_async(self._root + path), "get", path)
        return data or b"", _stat(stat)

    async def set(self, path: str, data: bytes, version: int = ANY_VERSION) -> NodeStat:
        return _stat(await self._write(lambda kazoo: kazoo.set_async(self._root + path, data, version), "set", path))

    async def delete(self, path: str, version: int = ANY_VERSION) -> None:
        await self._write(lambda kazoo: kazoo.delete_async(self._root + path, version), "delete", path)

    async def children(self, path: str) -> list[str]:
        names: list[str] = await self._read(
            lambda kazoo: kazoo.get_children_async(self._path(path)), "list the children of", path
        )
        return sorted(names)

    async def commit(self, operations: Sequence[Operation]) -> None:
        if not operations:
            return

        names = ", ".join(f"{type(operation).__name__} {operation.path}" for operation in operations)
        results: list[object] = await self._write(
            lambda kazoo: submit(kazoo, self._root, operations, self._acl), "commit", names
        )
        raise_first_failure(operations, results, self.description)

    async def sync(self) -> None:
        await self._read(lambda kazoo: kazoo.sync_async(self._root or "/"), "sync", "/")

    def watch(self, path: str, on_change: Callable[[], None]) -> Callable[[], None]:
        task = asyncio.get_running_loop().create_task(self._follow(path, on_change))
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

        def end() -> None:
            task.cancel()

        return end

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._connection.close()
        self._state = SessionState.LOST
        self._connected.set()  # whoever waits for a connection finds that there will be none

    def _path(self, path: str) -> str:
        return (self._root + path).rstrip("/") or "/"

    def _on_state(self, state: SessionState, session_id: int) -> None:
        self._state = state
        if state is SessionState.CONNECTED:
            self._session_id = session_id
            self._connected.set()
        else:
            self._connected.clear()
        for listener in list(self._listeners):
            listener(state)

    async def _follow(self, path: str, on_change: Callable[[], None]) -> None:
        """Arm ZooKeeper's watches, which go off once, again and again, and tell after each time that they stand."""
        loop = asyncio.get_running_loop()
        fired = asyncio.Event()

        def on_event(_event: object) -> None:  # on kazoo's thread; also when the connection breaks
            self._connection.from_thread(fired.set)

        while not self._closed:
            fired.clear()
            try:
                there = await self._read(
                    lambda kazoo: kazoo.exists_async(self._path(path), watch=on_event), "watch", path
                )
                if there is not None:
                    await self._read(
                        lambda kazoo: kazoo.get_children_async(self._path(path), watch=on_event), "watch", path
                    )
            except NodeMissingError:
                continue  # it went in between; the first watch has gone off
            except ZooKeeperConnectionError:
                await asyncio.sleep(_PAUSE_SECONDS)
                await self._connected.wait()
                continue
            except ZooKeeperError as error:
                logger.warning("Cannot watch a node; trying again: %s", error)
                await asyncio.sleep(max(self._retry_wait_s, 1.0))
                continue
            handle = loop.call_soon(on_change)
            try:
                await fired.wait()
            except asyncio.CancelledError:
                handle.cancel()
                raise

    async def _read(self, send: Callable[[Any], Any], verb: str, path: str) -> Any:
        """Ask, and ask again if the connection was in the way."""
        attempt = 0
        while True:
            try:
                await _happens(self._connected, self._retry_wait_s)
                return await self._ask(send, verb, path)
            except ZooKeeperConnectionError:
                if attempt >= self._max_retry_attempts or self._closed:
                    raise
                if self._connected.is_set():
                    await asyncio.sleep(min(_PAUSE_SECONDS * 2**attempt, self._retry_wait_s))
                attempt += 1

    async def _write(self, send: Callable[[Any], Any], verb: str, path: str) -> Any:
        return await self._ask(send, verb, path)

    async def _ask(self, send: Callable[[Any], Any], verb: str, path: str) -> Any:
        """Ask once, if there is a connection."""
        what = f"{verb} {path}".rstrip()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        while self._unanswered >= _MOST_AT_ONCE:
            self._answered.clear()
            if not await _happens(self._answered, deadline - loop.time()):
                raise ZooKeeperConnectionError(
                    f"{what}: {_MOST_AT_ONCE} calls had no answer for {self._timeout_s:g} s ({self.description})"
                )
        kazoo = self._connection.kazoo
        if self._closed or kazoo is None or self._state is not SessionState.CONNECTED:
            reason = "the client is closed" if self._closed else "there is no connection"
            raise ZooKeeperConnectionError(f"{what}: {reason} ({self.description})")
        answer: asyncio.Future[tuple[Any, Exception | None]] = loop.create_future()

        def settle(result: Any, error: Exception | None) -> None:
            if not answer.done():  # kazoo tells some failures twice
                self._unanswered -= 1
                self._answered.set()
                answer.set_result((result, error))

        def on_result(result: Any) -> None:  # on kazoo's thread
            self._connection.from_thread(settle, result.value, result.exception)

        self._unanswered += 1
        try:
            send(kazoo).rawlink(on_result)
        except BaseException:
            settle(None, None)
            raise
        # The answer itself is not cancelled with who waits for it: until it is there kazoo may have to send.
        await asyncio.wait({answer}, timeout=max(deadline - loop.time(), 0))
        if not answer.done():
            raise ZooKeeperConnectionError(f"{what}: no answer within {self._timeout_s:g} s ({self.description})")
        value, failure = answer.result()
        if failure is not None:
            raise translated(failure, what, self.description) from failure
        return value


def _stat(stat: Any) -> NodeStat:
    return NodeStat(stat.version, stat.czxid, stat.ephemeralOwner or 0, stat.mtime)


async def _happens(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event; say whether it came."""
    if event.is_set():
        return True
    try:
        await asyncio.wait_for(event.wait(), max(timeout_s, 0))
    except asyncio.TimeoutError:
        return False
    return True
