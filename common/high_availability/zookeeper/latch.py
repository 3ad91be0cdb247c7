"""Who of several masters leads, as a state machine: events in, actions out.

Each master that contends has a node below :data:`~millstream.common.high_availability.zookeeper.paths.LATCH`; the
one with the smallest number leads. A node's name begins with 32 random digits that only its master knows, so that a
master finds its node also when it never heard whether it was made. Each term has a node of its own: once a term is
over, its node is never led with again, so whatever was still under way in that term is refused by its fence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from millstream.common.high_availability.zookeeper.client import SessionState

__all__ = ["Action", "DeleteCandidate", "Grant", "Latch", "Look", "MakeCandidate", "Revoke"]

_CANDIDATE = re.compile(r"([0-9a-f]{32})-(-?\d{10,})")


@dataclass(frozen=True, slots=True)
class Look:
    """List the candidates, with all that was written before, and tell :meth:`Latch.listed`."""


@dataclass(frozen=True, slots=True)
class MakeCandidate:
    """Make an ephemeral, sequential node of this name; then look, whatever came of it."""

    prefix: str


@dataclass(frozen=True, slots=True)
class DeleteCandidate:
    """Delete the node of this name, if it is there; then look."""

    name: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A term begins, with the node of this name as its fence."""

    name: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """The term is over, or may be."""

    reason: str


Action: TypeAlias = Look | MakeCandidate | DeleteCandidate | Grant | Revoke


class Latch:
    """One master's view of the election.

    :param new_prefix: makes 32 random hexadecimal digits.
    :param tolerates_suspension: a broken connection ends a term only when the session has expired, or must have.
    """

    def __init__(self, new_prefix: Callable[[], str], tolerates_suspension: bool) -> None:
        self._new_prefix = new_prefix
        self._tolerates_suspension = tolerates_suspension
        self._session = SessionState.SUSPENDED
        self._prefix = new_prefix()
        self._former: set[str] = set()
        """Prefixes of earlier candidacies whose nodes may still be there."""
        self._term: str | None = None

    @property
    def leads_with(self) -> str | None:
        """The name of the present term's node; ``None``: this master does not lead."""
        return self._term

    def session_changed(self, state: SessionState) -> list[Action]:
        """The connection is there, or broken, or the session has expired."""
        self._session = state
        if state is SessionState.CONNECTED:
            return [Look()]
        if state is SessionState.SUSPENDED:
            return [] if self._tolerates_suspension else self._end("the connection to ZooKeeper is lost")
        actions = self._end("the session with ZooKeeper has expired")
        self._prefix = self._new_prefix()
        self._former.clear()  # all nodes of that session are gone
        return actions

    def suspended_for_too_long(self) -> list[Action]:
        """There was no connection for as long as a session lasts without one."""
        if self._session is SessionState.CONNECTED:
            return []
        return self._end("the connection to ZooKeeper is lost for longer than a session lasts")

    def term_is_refused(self, name: str) -> list[Action]:
        """A write was refused because the node of this name is gone."""
        if name != self._term:
            return []
        return [*self._end("its node in ZooKeeper is gone"), Look()]

    def listed(self, names: Sequence[str]) -> list[Action]:
        """These are the candidates."""
        if self._session is not SessionState.CONNECTED:
            return []
        candidates = sorted((int(found[2]), found[1], name) for name in names if (found := _CANDIDATE.fullmatch(name)))
        actions: list[Action] = []
        if self._term is not None:
            if self._term in names:
                return []
            actions = self._end("its node in ZooKeeper is gone")
        # A term of before must be over for ZooKeeper too before there is another.
        former = [name for _, prefix, name in candidates if prefix in self._former]
        if former:
            return [*actions, *map(DeleteCandidate, former)]
        own = [name for _, prefix, name in candidates if prefix == self._prefix]
        if not own:
            return [*actions, MakeCandidate(f"{self._prefix}-")]
        if len(own) > 1:
            return [*actions, *map(DeleteCandidate, own[1:])]
        if candidates[0][2] == own[0]:
            self._term = own[0]
            return [*actions, Grant(own[0])]
        return actions

    def _end(self, reason: str) -> list[Action]:
        if self._term is None:
            return []
        self._term = None
        self._former.add(self._prefix)
        self._prefix = self._new_prefix()
        return [Revoke(reason)]
