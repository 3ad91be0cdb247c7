"""Writes under the fence of which it is known in the end whether they were done.

When the connection breaks before the answer is there, nobody can tell; but as long as the term goes on, nobody else
writes either. So the writer waits until ZooKeeper can be reached again, looks, and repeats the write if it was not
done. Only a term that ends first leaves the question open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from millstream.common.high_availability.checkpoint_pointers import OutcomeUnknownError
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper.client import (
    CreateNode,
    DeleteNode,
    NodeExistsError,
    NodeMissingError,
    NodeStat,
    Operation,
    SessionState,
    SetNode,
    ZooKeeperConnectionError,
    ZooKeeperError,
)
from millstream.common.high_availability.zookeeper.fence import Fence
from millstream.common.ids import JobID

__all__ = ["FencedWrites"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0

T = TypeVar("T")


class FencedWrites:
    """Reads and writes during one term. Connection trouble is waited out as long as the term goes on."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence

    def check(self, what: str) -> None:
        """Make sure, as far as this process knows, that the term goes on: before anything is done for a write.

        :param what: is to be written, for the error.
        :raises LeadershipLostError: the term is over.
        """
        if not self._fence.is_valid:
            raise LeadershipLostError(f"{what} is not written: this master does not lead any more.")

    async def commit(self, operations: Sequence[Operation], is_done: Callable[[], Awaitable[bool]], what: str) -> None:
        """Carry out all operations, or none.

        :param operations: such that they cannot be done twice: with versions, or on nodes that are there once.
        :param is_done: reads whether they were done.
        :param what: is written, for errors.
        :raises LeadershipLostError: the term is over; nothing was written.
        :raises OutcomeUnknownError: the term ended before it could be found out.
        :raises ZooKeeperError: an operation is not possible; nothing was written.
        """
        try:
            await self._fence.commit(operations)
        except ZooKeeperConnectionError as error:
            await self._settle(operations, is_done, what, error)

    async def write(self, path: str, contents: bytes, version: int | None, what: str) -> None:
        """Make a node, or replace what is in it; see :meth:`commit` for the errors.

        :param contents: tell this write from those before it.
        :param version: of the node as it was read; ``None``: it was not there.
        """

        async def is_done() -> bool:
            found = await self.find(path)
            return found is not None and found[0] == contents

        operation: Operation = CreateNode(path, contents) if version is None else SetNode(path, contents, version)
        await self.commit([operation], is_done, what)

    async def delete(self, path: str, version: int, what: str) -> None:
        """Delete a node; see :meth:`commit` for the errors.

        :param version: of the node as it was read.
        """

        async def is_done() -> bool:
            return await self.find(path) is None

        await self.commit([DeleteNode(path, version)], is_done, what)

    async def read(self, reading: Callable[[], Awaitable[T]]) -> T:
        """Return what is read; it may be read more than once.

        :raises LeadershipLostError: the term ended before that was possible.
        """
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await reading()
            except ZooKeeperConnectionError as error:
                if not await self._reconnected(pause):
                    raise LeadershipLostError(
                        f"This master does not lead any more, and ZooKeeper does not answer it: {error}"
                    ) from error
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def latest(self, reading: Callable[[], Awaitable[T]]) -> T:
        """Return what is read, with all that any earlier leader wrote."""

        async def synced() -> T:
            await self._fence.client.sync()
            return await reading()

        return await self.read(synced)

    async def find(self, path: str) -> tuple[bytes, NodeStat] | None:
        """Return a node's data; ``None``: there is no such node."""

        async def reading() -> tuple[bytes, NodeStat] | None:
            try:
                return await self._fence.client.get(path)
            except NodeMissingError:
                return None

        return await self.read(reading)

    async def children(self, path: str) -> list[str]:
        """Return the names of a node's children; none if there is no such node."""

        async def reading() -> list[str]:
            try:
                return await self._fence.client.children(path)
            except NodeMissingError:
                return []

        return await self.read(reading)

    async def job_ids(self, path: str) -> list[JobID]:
        """Return the ids of the jobs that have a node there, sorted, with all that any earlier leader wrote."""
        ids = []
        for name in await self.latest(lambda: self.children(path)):
            try:
                ids.append(JobID.parse(name))
            except ValueError:
                logger.warning("The node %s/%s in ZooKeeper is left alone: its name is no job id.", path, name)
        return sorted(ids)

    async def ensure(self, path: str) -> None:
        """Make a node without data, and those above it, where they are missing.

        :raises LeadershipLostError: the term is over.
        """
        if await self.find(path) is not None:
            return
        above = path.rpartition("/")[0]
        if above:
            await self.ensure(above)

        async def is_there() -> bool:
            return await self.find(path) is not None

        try:
            await self.commit([CreateNode(path)], is_there, f"The node {path}")
        except NodeExistsError:
            pass  # as it shall be

    async def _settle(
        self,
        operations: Sequence[Operation],
        is_done: Callable[[], Awaitable[bool]],
        what: str,
        doubt: ZooKeeperConnectionError,
    ) -> None:
        pause = _FIRST_PAUSE_S
        while await self._reconnected(pause):
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                await self._fence.client.sync()
                if await is_done():
                    return
                await self._fence.commit(operations)
                return
            except ZooKeeperConnectionError as error:
                doubt = error
            except LeadershipLostError as error:
                raise _unknown(what) from error  # a successor may have seen the first attempt, and changed it since
            except ZooKeeperError:
                # The first attempt was carried out after it was looked for; else the operations are not possible.
                try:
                    if await self.latest(is_done):
                        return
                except LeadershipLostError as error:
                    raise _unknown(what) from error
                raise
        raise _unknown(what) from doubt

    async def _reconnected(self, pause: float) -> bool:
        """Wait until ZooKeeper may be reached; false: the term is over."""
        client, loop = self._fence.client, asyncio.get_running_loop()
        changed = asyncio.Event()
        end = client.listen(lambda _: changed.set())
        try:
            while self._fence.is_valid:
                # The term may end without a change of the state, and a connection may break right after it is there.
                changed.clear()
                timer = loop.call_later(pause, changed.set)
                await changed.wait()
                timer.cancel()
                if client.state is SessionState.CONNECTED:
                    return self._fence.is_valid
            return False
        finally:
            end()


def _unknown(what: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"Nobody can tell whether this was written: {what}. The connection to ZooKeeper broke, and then the term of "
        "this master ended."
    )
