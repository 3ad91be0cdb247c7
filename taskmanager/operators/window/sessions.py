"""Which sessions of which keys are open, what is in them, and when their time comes.

The sessions of a key do not touch, so they lie one after the other, and nearly every element belongs to the newest. A
key's entry in the table is that one, which holds the list of the earlier ones, if there are any.

An element that makes a session longer sets no timer: one stands where the session would have ended when it was opened
(or restored), and when it goes off too early it is set anew. What counts is that each key has a timer that goes off
not after the next thing that is to be done for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from math import inf
from typing import Any, TypeAlias

from millstream.common.records import MAX_TIMESTAMP
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.loaded_values import LoadedValues
from millstream.taskmanager.state.timer_queue import TimerQueue

__all__ = ["CONTENTS", "EARLIER", "END", "START", "DueSession", "Session", "Sessions"]

Session: TypeAlias = list[Any]
"""``[start, end, contents, earlier]``; ``contents`` is ``None``: nothing; ``earlier`` is the list of the key's earlier
sessions, oldest first, ``None``: it has none, or this is one of them itself."""
START, END, CONTENTS, EARLIER = range(4)
DueSession: TypeAlias = tuple[Any, Session | None, bool, bool]
"""Key and session, whether it is to be evaluated, and whether nothing may remain of it afterwards. Without a session:
nothing is to be done, but it took a while to find that out."""

_BREATH = 1024
"""So many timers that went off too early take about a millisecond."""


def _start(session: Session) -> int:
    start: int = session[START]
    return start


def _end(session: Session) -> int:
    end: int = session[END]
    return end


class Sessions:
    """The sessions of one operator.

    :ivar stored: where they are kept.
    :ivar by_key: the newest session of each key.
    :ivar timers: entries are keys.
    :ivar over: a session that ends by then has fired. Nothing does with processing time, before its timer goes off.
    """

    __slots__ = ("_late", "_lateness", "_merge", "by_key", "over", "stored", "timers")

    def __init__(
        self, stored: LoadedValues, timers: TimerQueue, lateness: int, merge: Callable[[Any, Any], Any]
    ) -> None:
        """
        :param lateness: how long sessions are kept after they have fired.
        :param merge: makes one of the contents of two sessions.
        """
        self.stored = stored
        self.by_key: dict[Any, Session] = stored.by_key
        self.timers = timers
        self._lateness = lateness
        self._merge = merge
        self.over: float = -inf
        self._late: float = -inf

    def advance(self, watermark: int) -> None:
        """Event time has come so far; see :meth:`due`."""
        self.over = watermark + 1
        self._late = self.over - self._lateness if watermark < MAX_TIMESTAMP else inf

    def fire_again(self) -> None:
        """Have all sessions fire that are not over: keys have come together of which some had come farther. Those that
        had fired give their result once more, as they do for late elements.
        """
        for piece in self.stored.pieces():
            for key, newest in piece.items():
                for session in [*(newest[EARLIER] or ()), newest]:
                    if session[END] > self.over:
                        self.timers.register(session[END] - 1, key)

    # ------------------------------------------------------------------------------------------------ records

    def place(self, key: Any, timestamp: int, end: int) -> Session | None:
        """Return the session that an element's own one, from ``timestamp`` to ``end``, is a part of now.

        ``None``: it is too late.
        """
        newest = self.by_key.get(key)
        if newest is None:
            return None if end <= self._late else self._begin(key, timestamp, end)
        earlier: list[Session] = newest[EARLIER] or []
        first = bisect_left(earlier, timestamp, key=_end)
        after = bisect_right(earlier, end, lo=first, key=_start)
        touched = earlier[first:after]
        if newest[START] <= end and newest[END] >= timestamp:
            touched.append(newest)
        if touched:
            return self._extend(key, touched, timestamp, end)
        if end <= self._late:
            return None
        if timestamp > newest[END]:
            session = self.follow(key, newest, timestamp, end)
        else:
            session = [timestamp, end, None, None]
            earlier.insert(first, session)
            newest[EARLIER] = earlier
        self._schedule(key, session)
        return session

    def follow(self, key: Any, newest: Session, timestamp: int, end: int) -> Session:
        """Return a new session that is the newest one of its key.

        No timer is set: if sessions are removed when they fire, there is one for the session before it.
        """
        earlier = newest[EARLIER]
        if earlier is None:
            earlier = [newest]
        else:
            earlier.append(newest)
            newest[EARLIER] = None
        session = self.by_key[key] = [timestamp, end, None, earlier]
        return session

    def follow_and_schedule(self, key: Any, newest: Session, timestamp: int, end: int) -> Session:
        """The same where sessions are kept after they have fired; the new one must not be over."""
        self.timers.register(end - 1, key)
        return self.follow(key, newest, timestamp, end)

    def _begin(self, key: Any, timestamp: int, end: int) -> Session:
        session = self.by_key[key] = [timestamp, end, None, None]
        self._schedule(key, session)
        return session

    def _extend(self, key: Any, touched: list[Session], timestamp: int, end: int) -> Session:
        """Make one session of some that are neighbours, and an element's."""
        session, last = touched[0], touched[-1]
        if last is not session:
            self._join(key, touched)
        session[START] = min(session[START], timestamp)
        session[END] = max(last[END], end)
        if self._lateness:
            self._schedule(key, session)  # it may have fired, and so have a timer for its removal only
        return session

    def _join(self, key: Any, touched: list[Session]) -> None:
        """Put the contents of sessions that are neighbours into the oldest, and drop the others."""
        session, last = touched[0], touched[-1]
        merged: Any = None
        for each in touched[1:]:
            contents = each[CONTENTS]
            if contents is not None:
                merged = contents if merged is None else self._merge(merged, contents)
        if merged is not None:
            contents = session[CONTENTS]
            session[CONTENTS] = merged if contents is None else self._merge(contents, merged)
        newest = self.by_key[key]
        earlier: list[Session] = newest[EARLIER]
        first = bisect_left(earlier, session[START], key=_start)
        if last is newest:
            del earlier[first:]
            session[EARLIER] = earlier or None
            self.by_key[key] = session
        else:
            del earlier[first + 1 : first + len(touched)]

    @staticmethod
    def was_merging(error: BaseException) -> bool:
        """Whether ``error`` came out of the function that makes one of two contents."""
        return bool(frame_variables(error, Sessions._join.__code__))

    # ------------------------------------------------------------------------------------------------ time

    def _schedule(self, key: Any, session: Session) -> None:
        last = session[END] - 1
        if session[END] > self.over:
            self.timers.register(last, key)
        elif last + self._lateness < MAX_TIMESTAMP:
            self.timers.register(last + self._lateness, key)

    def due(self, now: float) -> Iterator[DueSession]:
        """Give the sessions whose time has come at ``now``, earliest first. What ends has been removed already."""
        by_key = self.by_key
        timers = self.timers
        in_memory = self.stored.in_memory
        buckets = timers.buckets if in_memory else {}
        register = timers.register
        lateness = self._lateness
        idle = 0
        while (popped := timers.pop_bucket(now)) is not None:
            time, keys = popped
            if not in_memory:
                self.stored.fetch(keys)
            for key in keys:
                newest = by_key[key]
                if lateness:
                    found = self._due_of(key, newest, time)
                    yield from found
                    idle += not found
                    if not found and not idle % _BREATH:
                        yield None, None, False, False
                    continue
                earlier = newest[EARLIER]
                session = newest if earlier is None else earlier[0]
                last = session[END] - 1
                if last == time:
                    if earlier is None:
                        del by_key[key]
                        yield key, newest, True, True
                        continue
                    del earlier[0]
                    if earlier:
                        last = earlier[0][END] - 1
                    else:
                        newest[EARLIER] = None
                        last = newest[END] - 1
                    yield key, session, True, True
                else:
                    idle += 1
                    if not idle % _BREATH:
                        yield None, None, False, False
                if last in buckets:
                    buckets[last][key] = None
                else:
                    register(last, key)
            if not in_memory:
                self.stored.keep(keys)

    def _due_of(self, key: Any, newest: Session, time: int) -> list[DueSession]:
        """The same for a timer of a key, where sessions are kept after they have fired."""
        earlier: list[Session] = newest[EARLIER] or []
        found: list[DueSession] = []
        removal = (earlier[0] if earlier else newest)[END] - 1 + self._lateness
        if removal == time < MAX_TIMESTAMP:
            oldest = earlier[0] if earlier else newest
            found.append((key, oldest, False, True))
            self._remove(key, oldest)
            if oldest is newest:
                return found
        index = bisect_right(earlier, time, key=_end) if earlier else 0
        session = earlier[index] if index < len(earlier) else newest
        if session[END] - 1 == time:
            found.append((key, session, True, time == MAX_TIMESTAMP))
            if time == MAX_TIMESTAMP:
                self._remove(key, session)
                return found
            index += 1
            session = earlier[index] if index < len(earlier) else newest
        # What comes next: a session fires, or the oldest that has fired is removed.
        last = session[END] - 1
        removal = (earlier[0] if earlier else newest)[END] - 1 + self._lateness
        if last > time and last <= removal:
            self.timers.register(last, key)
        elif removal < MAX_TIMESTAMP:
            self.timers.register(removal, key)
        elif last > time:
            self.timers.register(last, key)
        return found

    def _remove(self, key: Any, session: Session) -> None:
        newest = self.by_key[key]
        earlier = newest[EARLIER]
        if earlier is None:
            del self.by_key[key]
            return
        if session is newest:
            self.by_key[key] = newest = earlier.pop()
            session[EARLIER] = None
        else:
            del earlier[bisect_left(earlier, session[START], key=_start)]
        newest[EARLIER] = earlier or None
