"""The loop of the operator for sessions, generated for its kind of sessions and the user's functions.

In the common case an element costs its key, a look into the dictionary of sessions, two comparisons with the bounds
of the key's newest session, and the user's function. The first element of a key sets a timer besides. Whatever else
there is (sessions that merge, elements out of order, late ones) is done by the operator's ``place``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millstream.common.records import MIN_TIMESTAMP
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.generated import GeneratedFunction, Line
from millstream.taskmanager.operators.window.aligned_loops import HASH, KEY, KEY_OF_ALL, CallNames, WindowCalls
from millstream.taskmanager.operators.window.held_contents import held_fold_lines
from millstream.taskmanager.operators.window.sessions import Session, Sessions

__all__ = ["GAP", "PLACE", "STAMP", "Gap", "Place", "compile_adding_to_sessions"]

GAP = "gap"
STAMP = "stamp"
PLACE = "place"

Place = Callable[[Any, Any, int, int], "Session | None"]
"""``(key, value, timestamp, end)``: the session that an element belongs to; ``None``: it is late and has been dealt
with."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How long after an element its session ends.

    :ivar fixed: ms.
    :ivar extract: ``None``, or gives the gap of each element.
    :ivar check: raises an error for a gap that is none.
    """

    fixed: int = 0
    extract: Callable[[Any], Any] | None = None
    check: Callable[[Any], None] | None = None


def compile_adding_to_sessions(
    calls: WindowCalls, gap: Gap, sessions: Sessions, place: Place, *, stamped: bool, kept: bool, keyed_batch: bool
) -> GeneratedFunction:
    """Return the loop ``(values, it, rows, over, timestamp) -> (key, session) or None``.

    ``it`` iterates over ``values``, and ``rows`` over ``it`` together with the timestamps and keys, if there are any.
    Sessions that end by ``over`` have fired. When an element has been added to such a one the loop ends early and
    returns it; call it again with the same ``rows`` to go on.

    :param stamped: elements have timestamps; else ``timestamp`` is that of all.
    :param kept: sessions are kept after they have fired.
    :param keyed_batch: the elements' keys are known.
    """
    names = CallNames(calls.inline)
    key = str(KEY_OF_ALL) if calls.key is None or keyed_batch else names.call("key_of", calls.key, "value")
    taken = ["value", *(["timestamp"] if stamped else []), *(["key"] if keyed_batch else [])]
    lines = [Line(f"    for {', '.join(taken)} in rows:")]
    if not keyed_batch:
        lines.append(Line(f"        key = {key}", KEY))
    gap_text = str(gap.fixed)
    if gap.extract is not None:
        gap_text = "gap"
        lines += [
            Line(f"        gap = {names.call('gap_of', gap.extract, 'value')}", GAP),
            Line("        if type(gap) is not int or gap <= 0:", GAP),
            Line("            check_gap(gap)", GAP),
        ]
    lines += [
        Line("        session = get(key)", HASH),
        Line("        if session is None:"),
        Line(f"            end = timestamp + {gap_text}", STAMP),
        *_begin_lines(stamped, in_memory=sessions.stored.in_memory),
        Line(f"        elif session[0] <= timestamp <= session[1]{' and session[1] > over' if kept else ''}:", STAMP),
        Line(f"            end = timestamp + {gap_text}"),
        Line("            if end > session[1]:"),
        Line("                session[1] = end"),
        *_follow_lines(gap_text, kept=kept),
        Line("        else:"),
        Line(f"            session = place(key, value, timestamp, timestamp + {gap_text})", PLACE),
        Line("            if session is None:"),
        Line("                continue"),
    ]
    lines += held_fold_lines(calls, names, "session[2]")
    if kept:
        lines += [Line("        if session[1] <= over:"), Line("            return key, session")]
    namespace = {
        **names.namespace,
        "get": sessions.by_key.get,
        "by_key": sessions.by_key,
        "buckets": sessions.timers.buckets if sessions.stored.in_memory else None,
        "open_bucket": sessions.timers.open_bucket,
        "register": sessions.timers.register,
        "follow": sessions.follow_and_schedule if kept else sessions.follow,
        "place": place,
        "check_gap": gap.check,
        "detached": detached,
        "IMMUTABLE": IMMUTABLE,
    }
    bound = ["get", "by_key", "buckets", "follow", "place", "IMMUTABLE"]
    parameters = [*(f"{name}={name}" for name in bound), *names.parameters]
    head = Line(f"def generated(values, it, rows, over, timestamp, {', '.join(parameters)}):")
    return GeneratedFunction("sessions", [head, *lines, Line("    return None")], namespace)


def _begin_lines(stamped: bool, *, in_memory: bool) -> list[Line]:
    """Open the only session of a key, from ``timestamp`` to ``end``."""
    begin = ["session = by_key[key] = [timestamp, end, None, None]"]
    if in_memory:
        begin += [
            "time = end - 1",
            "if time in buckets:",
            "    buckets[time][key] = None",
            "else:",
            "    open_bucket(time)[key] = None",
        ]
    else:
        begin.append("register(end - 1, key)")
    if not stamped:
        return [Line(f"            {text}") for text in begin]
    return [
        Line(f"            if end > over and timestamp > {MIN_TIMESTAMP}:"),
        *(Line(f"                {text}") for text in begin),
        Line("            else:"),
        Line("                session = place(key, value, timestamp, end)", PLACE),
        Line("                if session is None:"),
        Line("                    continue"),
    ]


def _follow_lines(gap: str, *, kept: bool) -> list[Line]:
    """Open a session after all others of its key. It is not late: neither is one before it, or its own end."""
    over = f" and timestamp + {gap} > over" if kept else ""
    return [
        Line(f"        elif timestamp > session[1]{over}:"),
        Line(f"            session = follow(key, session, timestamp, timestamp + {gap})"),
    ]
