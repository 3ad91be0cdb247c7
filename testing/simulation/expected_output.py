"""What a job must give, computed from its description alone, in plain Python.

It knows nothing of the engine: events in the order of their numbers, and for each stage the definition of what it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from millstream.testing.simulation.events import Event, event, survivors
from millstream.testing.simulation.job_spec import (
    BroadcastStage,
    CoTotalsStage,
    IntervalJoinStage,
    JobSpec,
    ReduceStage,
    StreamSpec,
    TimersStage,
    TotalsStage,
    WindowJoinStage,
    WindowStage,
)
from millstream.testing.simulation.stage_functions import next_total

__all__ = ["expected_lines"]

_NEVER = -(2**63)


def expected_lines(spec: JobSpec) -> list[str]:
    """Return all lines that each sink of the job has in the end, sorted."""
    return sorted(_lines(spec))


def _lines(spec: JobSpec) -> Iterable[str]:
    stage = spec.stage
    if isinstance(stage, WindowStage):
        late = next((stream for stream in spec.streams if stream.late_every), None)
        return _window_lines(stage, spec) if late is None else _lines_with_late_events(stage, late)
    if isinstance(stage, TotalsStage):
        return [line for stream in spec.streams for line in _totals(stream, stage.every)]
    if isinstance(stage, ReduceStage):
        return _reduced(spec.streams[0])
    if isinstance(stage, TimersStage | CoTotalsStage):
        return _bucket_lines(spec, stage.bucket_ms)
    if isinstance(stage, BroadcastStage):
        return _ruled(spec.streams[0], spec.streams[1])
    if isinstance(stage, WindowJoinStage):
        size = stage.size_ms
        return _pairs(spec.streams, lambda a, b: a.timestamp // size == b.timestamp // size)
    interval: IntervalJoinStage = stage
    return _pairs(spec.streams, lambda a, b: interval.lower_ms <= b.timestamp - a.timestamp <= interval.upper_ms)


def _all(spec: JobSpec) -> Iterable[Event]:
    return (one for stream in spec.streams for one in survivors(stream))


def _totals(stream: StreamSpec, every: int) -> Iterable[str]:
    totals: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in survivors(stream):
        count, total = totals[one.key]
        count, total = count + 1, next_total(total, one.amount)
        totals[one.key] = count, total
        if count % every == 0:
            yield f"total {stream.name} {one.key} {count} {total}"


def _reduced(stream: StreamSpec) -> Iterable[str]:
    totals: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in survivors(stream):
        count, total = totals[one.key]
        totals[one.key] = count + 1, total + one.amount
        yield f"reduced {one.key} {count + 1} {total + one.amount}"


def _bucket_lines(spec: JobSpec, size_ms: int) -> Iterable[str]:
    totals: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in _all(spec):
        bucket = one.key, one.timestamp - one.timestamp % size_ms + size_ms
        count, total = totals[bucket]
        totals[bucket] = count + 1, total + one.amount
    return (f"bucket {key} {end} {count} {total}" for (key, end), (count, total) in totals.items())


def _ruled(events: StreamSpec, rules: StreamSpec) -> Iterable[str]:
    amounts = [one.amount for one in survivors(rules)]
    by_key: dict[int, list[int]] = defaultdict(list)
    for one in survivors(events):
        by_key[one.key].append(one.amount)
    return (f"ruled {key} {len(own)} {sum(own)} {len(amounts)} {sum(amounts)}" for key, own in by_key.items())


def _pairs(streams: Sequence[StreamSpec], fits: Callable[[Event, Event], bool]) -> Iterable[str]:
    left, right = streams
    by_key: dict[int, list[Event]] = defaultdict(list)
    for one in survivors(right):
        by_key[one.key].append(one)
    for first in survivors(left):
        for second in by_key[first.key]:
            if fits(first, second):
                yield f"pair {first.key} {first.number} {first.copy} {second.number} {second.copy}"


@dataclass(slots=True)
class _Window:
    start: int
    end: int
    count: int = 0
    total: int = 0

    @property
    def last(self) -> int:
        return self.end - 1

    def line(self, key: int) -> str:
        return f"window {key} {self.start} {self.end} {self.count} {self.total}"


def _windows_of(stage: WindowStage, timestamp: int) -> list[_Window]:
    """The windows that an event is assigned to, before any merging."""
    if stage.kind == "session":
        return [_Window(timestamp, timestamp + stage.size_ms)]
    slide = stage.slide_ms if stage.kind == "sliding" else stage.size_ms
    latest = timestamp - timestamp % slide
    return [_Window(start, start + stage.size_ms) for start in range(latest, timestamp - stage.size_ms, -slide)]


def _add(windows: list[_Window], new: _Window, merging: bool) -> _Window:
    """Find the window that is the same, or merge those of a session, and return it; it is among the others then."""
    together = [
        window
        for window in windows
        if (window.start <= new.end and new.start <= window.end if merging else window.start == new.start)
    ]
    for window in together:
        windows.remove(window)
        new = _Window(
            min(new.start, window.start),
            max(new.end, window.end),
            new.count + window.count,
            new.total + window.total,
        )
    windows.append(new)
    return new


def _window_lines(stage: WindowStage, spec: JobSpec) -> Iterable[str]:
    windows: dict[int, list[_Window]] = defaultdict(list)
    for one in _all(spec):
        for new in _windows_of(stage, one.timestamp):
            window = _add(windows[one.key], new, stage.kind == "session")
            window.count, window.total = window.count + 1, window.total + one.amount
    return (window.line(key) for key, of_key in windows.items() for window in of_key)


def _lines_with_late_events(stage: WindowStage, stream: StreamSpec) -> Iterable[str]:
    """The same where a watermark follows each event, and some events are behind it."""
    windows: dict[int, list[_Window]] = defaultdict(list)
    watermark = _NEVER
    out: dict[int, list[Event]] = defaultdict(list)
    for one in survivors(stream):
        out[one.number].append(one)
    lines: list[str] = []

    def pass_on(to: int) -> None:
        nonlocal watermark
        for key, of_key in windows.items():
            lines.extend(window.line(key) for window in of_key if watermark < window.last <= to)
            of_key[:] = [window for window in of_key if window.last + stage.lateness_ms > to]
        watermark = max(watermark, to)

    for number in range(stream.count):
        for one in out[number]:
            in_time = False
            for new in _windows_of(stage, one.timestamp):
                of_key = windows[one.key]
                before = list(of_key)
                window = _add(of_key, new, stage.kind == "session")
                if window.last + stage.lateness_ms <= watermark:
                    of_key[:] = before
                    continue
                in_time = True
                window.count, window.total = window.count + 1, window.total + one.amount
                if window.last <= watermark:
                    lines.append(window.line(one.key))
            if not in_time and one.timestamp + stage.lateness_ms <= watermark:
                lines.append(f"late {stream.name} {one.number} {one.copy}")
        pass_on(max(watermark, event(stream, number).timestamp - stream.disorder_ms - 1))
    pass_on(2**63 - 1)
    return lines
