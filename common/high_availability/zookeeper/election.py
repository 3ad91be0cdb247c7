"""A master's part in the election: does in ZooKeeper what the :class:`Latch` says, and tells it what happens there."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leadership import LeaderContender
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.client import (
    NodeMissingError,
    SessionState,
    ZooKeeperClient,
    ZooKeeperConnectionError,
)
from millstream.common.high_availability.zookeeper.latch import (
    Action,
    DeleteCandidate,
    Grant,
    Latch,
    Look,
    MakeCandidate,
    Revoke,
)
from millstream.common.high_availability.zookeeper.zookeeper_leadership import ZooKeeperLeadership

__all__ = ["ZooKeeperElection"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

_CANDIDATE_MADE = FaultPoint("ha.candidate-made", "a master's node is among the candidates, it has not looked yet")
_GRANTED = FaultPoint("ha.leadership-granted", "a master is elected, nothing of it has started")


class ZooKeeperElection:
    """Contends as long as it lives.

    :param client: a connected client.
    :param contender: is told of its terms, on the event loop.
    :param latch: decides.
    :param address: of this master, for whoever looks into ZooKeeper.
    :param session_timeout_s: how long a session lasts without a connection.
    :param new_term: makes a term of the path of its node, and what to call when ZooKeeper refuses its writes.
    """

    def __init__(
        self,
        client: ZooKeeperClient,
        contender: LeaderContender,
        latch: Latch,
        address: str,
        session_timeout_s: float,
        new_term: Callable[[str, Callable[[], None]], ZooKeeperLeadership],
    ) -> None:
        self._client = client
        self._contender = contender
        self._latch = latch
        identity = {"address": address, "pid": os.getpid(), "host": socket.gethostname()}
        self._identity = json.dumps(identity).encode()
        self._session_timeout_s = session_timeout_s
        self._new_term = new_term
        self._term: ZooKeeperLeadership | None = None
        self._is_granted = False
        self._closed = False
        self._look = asyncio.Event()
        self._suspension: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._campaign())
        self._ends = [client.listen(self._session_changed), client.watch(paths.LATCH, self._look.set)]
        self._session_changed(client.state)

    async def close(self) -> None:
        """Contend no more. The contender is not told; the node goes with the session, or is the client's to end."""
        if self._closed:
            return
        self._closed = True
        for end in self._ends:
            end()
        if self._suspension is not None:
            self._suspension.cancel()
        if self._term is not None:
            self._term.end("the master has ended")
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _session_changed(self, state: SessionState) -> None:
        if self._suspension is not None:
            self._suspension.cancel()
            self._suspension = None
        if state is SessionState.SUSPENDED:
            self._suspension = self._loop.call_later(
                self._session_timeout_s, lambda: self._decided(self._latch.suspended_for_too_long())
            )
        self._decided(self._latch.session_changed(state))

    def _decided(self, actions: list[Action]) -> None:
        """Do what needs no waiting; nothing else comes of what is not a listing."""
        for action in actions:
            if isinstance(action, Look):
                self._look.set()
            elif isinstance(action, Revoke):
                self._revoke(action.reason)

    async def _campaign(self) -> None:
        """Look at the candidates whenever there may be others, and do what the latch says of them."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                for action in self._latch.listed(await self._candidates()):
                    await self._carry_out(action)
            except ZooKeeperConnectionError as error:
                logger.info("The election waits for ZooKeeper: %s", error)
            except MillstreamError as error:
                logger.warning("The election in ZooKeeper does not go on; trying again: %s", error)
            else:
                pause = _FIRST_PAUSE_S
                continue
            self._look.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _candidates(self) -> list[str]:
        await self._client.sync()
        try:
            return await self._client.children(paths.LATCH)
        except NodeMissingError:
            return []

    async def _carry_out(self, action: Action) -> None:
        if isinstance(action, MakeCandidate):
            await self._client.create(f"{paths.LATCH}/{action.prefix}", self._identity, ephemeral=True, sequential=True)
            _CANDIDATE_MADE.reach()
            self._look.set()
        elif isinstance(action, DeleteCandidate):
            try:
                await self._client.delete(f"{paths.LATCH}/{action.name}")
            except NodeMissingError:
                pass  # as it shall be
            self._look.set()
        elif isinstance(action, Grant):
            await self._begin(action.name)
        else:
            self._decided([action])

    async def _begin(self, name: str) -> None:
        term = self._new_term(f"{paths.LATCH}/{name}", lambda: self._decided(self._latch.term_is_refused(name)))
        self._term = term
        try:
            await term.clear_former_leaders()
        except MillstreamError as error:
            if term.is_valid:  # then each will be replaced when there is another
                logger.warning("Leaders of earlier terms can still be found: %s", error)
        if term.is_valid:
            logger.info("This master leads from now on (%s, %s)", name, self._client.description)
            self._is_granted = True
            _GRANTED.reach()
            self._loop.call_soon(self._tell, self._contender.granted, term)

    def _revoke(self, reason: str) -> None:
        term, self._term = self._term, None
        if term is None:
            return
        term.end(reason)
        if self._is_granted:
            self._is_granted = False
            logger.warning("This master does not lead any more: %s", reason)
            self._loop.call_soon(self._tell, self._contender.revoked, reason)

    def _tell(self, told: Callable[..., None], what: object) -> None:
        if not self._closed:
            told(what)
