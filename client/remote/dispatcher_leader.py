"""Which Dispatcher leads, as far as this process knows, for all clients that share a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation

__all__ = ["DISPATCHER", "AnotherLeaderError", "DispatcherLeader"]

T = TypeVar("T")

DISPATCHER: Final = "dispatcher"
"""The Dispatcher's endpoint."""


class AnotherLeaderError(MillstreamError):
    """Another Dispatcher leads since the call went out: what became of the call is not known."""


class DispatcherLeader:
    """Looks the leader up when it is wanted, and follows it from then on. All methods belong to the event loop.

    :param leaders: not owned.
    :param changes: there may be another leader in time. If not, who does not answer is not there.
    """

    def __init__(self, leaders: LeaderDirectory, *, changes: bool) -> None:
        self._leaders = leaders
        self.changes = changes
        self._known: LeaderInformation | None = None
        self._told = asyncio.Event()
        self._end_watch: Callable[[], None] | None = None

    @property
    def description(self) -> str:
        """Where it is looked up."""
        return self._leaders.description

    @property
    def known(self) -> LeaderInformation | None:
        """The leader that :meth:`find` would return without asking."""
        return self._known

    async def find(self) -> LeaderInformation:
        """Return the leader.

        :raises NoLeaderError: there is none at present.
        :raises MillstreamError: whoever should know cannot be reached.
        """
        if self._end_watch is None:
            self._end_watch = self._leaders.watch(DISPATCHER, self._on_leader)
        if self._known is None:
            self._known = await self._leaders.current(DISPATCHER)
        return self._known

    def forget(self, leader: LeaderInformation) -> None:
        """It does not answer, or says that it leads no more."""
        if self._known == leader:
            self._known = None

    async def unless_another_leads(self, leader: LeaderInformation, call: Coroutine[Any, Any, T]) -> T:
        """Return what a call to the leader returns.

        :raises AnotherLeaderError: the directory named another leader before there was an answer.
        """
        calling = asyncio.ensure_future(call)
        try:
            while not calling.done():
                if self._known is not None and self._known != leader:
                    raise AnotherLeaderError(f"the master at {self._known.address} leads since the call went out")
                await self._wait(calling, None)
            return calling.result()
        finally:
            if not calling.done():
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)

    async def wait_for_news(self, seconds: float) -> None:
        """Return when the directory names another leader, after so many seconds at the latest."""
        await self._wait(None, seconds)

    def close(self) -> None:
        """Follow no more."""
        if self._end_watch is not None:
            self._end_watch()
            self._end_watch = None

    async def _wait(self, work: asyncio.Future[Any] | None, seconds: float | None) -> None:
        telling = asyncio.ensure_future(self._told.wait())
        ends: set[asyncio.Future[Any]] = {telling} if work is None else {telling, work}
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()

    def _on_leader(self, leader: LeaderInformation | None) -> None:
        if leader is None or leader == self._known:
            return
        self._known = leader
        told, self._told = self._told, asyncio.Event()
        told.set()
