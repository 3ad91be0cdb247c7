"""What happened in a simulated cluster, in order: what one reads to understand a seed, and what two runs are compared
by.

Everything that takes part notes its events here: processes that start and end, packets that are lost, faults, writes
to ZooKeeper, statuses of jobs. The time is the true virtual time, whatever the clocks of the processes say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["FAULT", "Timeline", "TimelineEvent"]

FAULT = "fault"
"""The kind of what the nemesis does."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One thing that happened.

    :ivar at: virtual seconds since the simulation began.
    :ivar process: in which process; ``""``: outside of all (the network, the nemesis).
    :ivar kind: a word to select by: ``process``, ``rpc``, ``fault``, ``zookeeper``, ``job``.
    :ivar text: what, for a reader; the same in every run of the seed, so without addresses of objects and the like.
    """

    at: float
    process: str
    kind: str
    text: str


class Timeline:
    """The events of one simulation.

    :param now: the virtual seconds since the beginning.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._events: list[TimelineEvent] = []
        self._listeners: list[Callable[[TimelineEvent], None]] = []
        self._hash = hashlib.sha256()

    def record(self, kind: str, text: str, process: str = "") -> None:
        """Note that something happens now."""
        event = TimelineEvent(self._now(), process, kind, text)
        self._events.append(event)
        self._hash.update(f"{event.at:.6f}\0{process}\0{kind}\0{text}\n".encode())
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[TimelineEvent], None]) -> Callable[[], None]:
        """Call the listener with each event from now on. Returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def events(self) -> list[TimelineEvent]:
        """All events so far, as a list of one's own."""
        return list(self._events)

    def of_kind(self, *kinds: str) -> Iterator[TimelineEvent]:
        """The events of some kinds so far."""
        return (event for event in self._events if event.kind in kinds)

    def digest(self) -> str:
        """Return a hash of all events so far: two runs of one seed have the same."""
        return self._hash.hexdigest()

    def __len__(self) -> int:
        return len(self._events)
