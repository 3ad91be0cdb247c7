"""Descriptions of jobs, small enough to draw by a seed, to shrink, and to compute by hand what they must give.

A job reads one or two streams of numbered events. Each stream goes through steps without state, perhaps through an
exchange; the events are checked per key, go through one stage with state, and into sinks that write each line exactly
once. What a job gives is a function of its description: no line depends on when what happened.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = [
    "BroadcastStage",
    "CoTotalsStage",
    "IntervalJoinStage",
    "JobSpec",
    "ReduceStage",
    "SinkKind",
    "Stage",
    "StreamSpec",
    "TimersStage",
    "TotalsStage",
    "WindowJoinStage",
    "WindowStage",
    "draw_job",
]

SinkKind: TypeAlias = Literal["files", "two-phase", "committer", "write-ahead"]
Exchange: TypeAlias = Literal["forward", "rebalance", "rescale", "shuffle", "broadcast"]


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One source and what its events pass before they meet others.

    :ivar count: events, numbered from 0.
    :ivar keys: an event's key is its number modulo this; a multiple of ``splits``, so that a key is in one split.
    :ivar splits: the source's input is divided into so many.
    :ivar parallelism: of the source.
    :ivar per_second: the pace of all splits together, in virtual time.
    :ivar step_ms: event time between two numbers.
    :ivar disorder_ms: how far back an event's time may be, by its number.
    :ivar late_every: each so many events one is so far back that it is late; 0: none is. Watermarks follow each event
        then, so that it is the same events whenever what happens; it takes one split and no exchange.
    :ivar keep_of_ten: the filter lets so many of ten pass; 10: there is no filter.
    :ivar copies: the flat map gives so many of each; 1: there is no flat map.
    :ivar exchange: how the events get from the source to the steps; of a broadcast each subtask keeps its share.
    :ivar padding: bytes more in each event.
    :ivar enumerated: an enumerator deals the splits out, and not a rule.
    :ivar pause_at: after the event of this number its reader has nothing for a while, and says that it is idle;
        ``None``: it always has.
    """

    name: str
    count: int
    keys: int = 6
    splits: int = 3
    parallelism: int = 1
    per_second: float = 100.0
    step_ms: int = 10
    disorder_ms: int = 20
    late_every: int = 0
    keep_of_ten: int = 10
    copies: int = 1
    exchange: Exchange = "forward"
    padding: int = 0
    enumerated: bool = False
    pause_at: int | None = None

    def __post_init__(self) -> None:
        if self.keys % self.splits:
            raise ValueError(f"stream {self.name!r}: {self.keys} keys do not divide among {self.splits} splits")
        if self.late_every and (self.splits, self.parallelism, self.exchange) != (1, 1, "forward"):
            raise ValueError(f"stream {self.name!r} has late events: it needs one split, one reader and no exchange")


@dataclass(frozen=True, slots=True)
class TotalsStage:
    """Running totals per key and stream, told each ``every`` events; the events must come in order."""

    every: int = 3


@dataclass(frozen=True, slots=True)
class ReduceStage:
    """A rolling reduce per key, told with each event; one stream whose events must come in order."""


@dataclass(frozen=True, slots=True)
class TimersStage:
    """Totals per key and bucket of event time, told by a timer at the bucket's end."""

    bucket_ms: int = 200


@dataclass(frozen=True, slots=True)
class WindowStage:
    """Windows of event time per key.

    :ivar kind: ``sliding`` has ``slide_ms`` besides; the size of ``session`` is its gap.
    :ivar fold: by which function.
    :ivar lateness_ms: allowed; of a late event within it the window tells again.
    """

    kind: Literal["tumbling", "sliding", "session"] = "tumbling"
    size_ms: int = 200
    slide_ms: int = 100
    fold: Literal["aggregate", "reduce", "process"] = "aggregate"
    lateness_ms: int = 0


@dataclass(frozen=True, slots=True)
class WindowJoinStage:
    """Pairs of events of two streams with the same key in the same tumbling window."""

    size_ms: int = 150


@dataclass(frozen=True, slots=True)
class IntervalJoinStage:
    """Pairs of events of two streams with the same key whose times lie apart by the interval."""

    lower_ms: int = -60
    upper_ms: int = 60


@dataclass(frozen=True, slots=True)
class CoTotalsStage:
    """Totals per key and bucket over two connected streams, told by a timer."""

    bucket_ms: int = 300


@dataclass(frozen=True, slots=True)
class BroadcastStage:
    """Totals per key of the first stream and of all that the second has said to everybody, told at the end."""


OneStreamStage: TypeAlias = TotalsStage | ReduceStage | TimersStage | WindowStage
TwoStreamStage: TypeAlias = WindowJoinStage | IntervalJoinStage | CoTotalsStage | BroadcastStage
Stage: TypeAlias = OneStreamStage | TwoStreamStage


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job.

    :ivar streams: one or two; two in a stage for one are united before it.
    :ivar parallelism: of everything but the sources.
    :ivar sinks: all get all lines.
    :ivar fail_after: the check's subtask 0 fails in attempt ``i`` after so many events.
    :ivar settings: configuration of the job.
    """

    streams: tuple[StreamSpec, ...]
    stage: Stage
    sinks: tuple[SinkKind, ...] = ("two-phase",)
    parallelism: int = 2
    fail_after: tuple[int, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        needed = 2 if isinstance(self.stage, TwoStreamStage) else 1
        if not needed <= len(self.streams) <= 2:
            raise ValueError(f"a job of {type(self.stage).__name__} has {needed} or 2 streams, not {len(self.streams)}")
        if isinstance(self.stage, ReduceStage) and len(self.streams) > 1:
            raise ValueError("a rolling reduce takes one stream")
        if isinstance(self.stage, TotalsStage | ReduceStage) and not all(map(self.is_ordered, self.streams)):
            raise ValueError(f"{type(self.stage).__name__} needs events in order: no exchange, one parallelism")
        if not all(stream.pause_at is None or self.may_pause(stream) for stream in self.streams):
            raise ValueError("a stream whose event time others do not wait for would make its own events late")
        alone = len(self.streams) == 1 and isinstance(self.stage, WindowStage) and self.parallelism == 1
        if not alone and any(stream.late_every for stream in self.streams):
            raise ValueError("late events are for a job of one stream and parallelism 1 before its windows")

    def is_ordered(self, stream: StreamSpec) -> bool:
        """Each key's events stay in the order of their numbers."""
        return stream.exchange == "forward" and stream.parallelism == self.parallelism

    def may_pause(self, stream: StreamSpec) -> bool:
        """Nothing becomes late when others do not wait for a stream's event time."""
        return self._is_timeless or (len(self.streams) == 1 and stream.parallelism == 1)

    @property
    def may_rescale(self) -> bool:
        """It gives the same at another parallelism, of its sources too."""
        return not any(
            stream.late_every or (stream.pause_at is not None and not self._is_timeless) for stream in self.streams
        )

    @property
    def _is_timeless(self) -> bool:
        """No result depends on when event time passes what."""
        return isinstance(self.stage, TotalsStage | ReduceStage)

    @property
    def slots(self) -> int:
        """How many slots the job needs at once."""
        return max(self.parallelism, *(stream.parallelism for stream in self.streams))


def draw_job(source: random.Random, *, events: int = 120, most_parallelism: int = 2) -> JobSpec:
    """Draw a job.

    :param events: about so many per stream.
    :param most_parallelism: of any of its vertices.
    """
    parallelism = source.randint(1, most_parallelism)
    stage = _draw_stage(source)
    ordered = isinstance(stage, TotalsStage | ReduceStage)
    two = isinstance(stage, TwoStreamStage) or (not isinstance(stage, ReduceStage) and source.random() < 0.3)
    late = not two and isinstance(stage, WindowStage) and source.random() < 0.4
    if late:
        parallelism = 1
    streams = tuple(
        _draw_stream(source, name, events, parallelism, most_parallelism, ordered=ordered, late=late)
        for name in (("left", "right") if two else ("left",))
    )
    kinds: list[SinkKind] = ["files", "two-phase", "committer", "write-ahead"]
    sinks = tuple(source.sample(kinds, source.choice([1, 1, 2])))
    fail_after = tuple(source.randint(5, events // 2) for _ in range(source.choice([0, 0, 0, 1, 2])))
    job = JobSpec(streams, stage, sinks, parallelism, fail_after, tuple(sorted(_draw_settings(source).items())))
    if source.random() < 0.25 and not late and job.may_pause(streams[0]):
        pausing = replace(streams[0], pause_at=source.randrange(streams[0].count * 3 // 4))
        job = replace(job, streams=(pausing, *streams[1:]))
    return job


def _draw_stream(
    source: random.Random, name: str, events: int, parallelism: int, most: int, *, ordered: bool, late: bool
) -> StreamSpec:
    splits = 1 if late else source.choice([1, 2, 3, 4])
    exchanges: list[Exchange] = ["forward", "rebalance", "rescale", "shuffle", "broadcast"]
    return StreamSpec(
        name,
        count=source.randint(events // 2, events),
        keys=splits * source.choice([1, 2, 3, 8]),
        splits=splits,
        parallelism=parallelism if ordered or late else source.randint(1, most),
        per_second=float(source.choice([25, 50, 100])),
        step_ms=source.choice([5, 10, 20]),
        disorder_ms=source.choice([0, 15, 40]),
        late_every=source.choice([5, 9]) if late else 0,
        keep_of_ten=source.choice([10, 10, 7]),
        copies=source.choice([1, 1, 2]),
        exchange="forward" if ordered or late else source.choice(exchanges),
        padding=source.choice([0, 0, 200, 5_000, 15_000]),
        enumerated=not late and source.random() < 0.3,
    )


def _draw_stage(source: random.Random) -> Stage:
    window = WindowStage(
        source.choice(["tumbling", "sliding", "session"]),
        source.choice([90, 200]),
        source.choice([60, 100]),
        source.choice(["aggregate", "reduce", "process"]),
        source.choice([0, 0, 150]),
    )
    stages: list[Stage] = [
        TotalsStage(source.choice([1, 2])),
        ReduceStage(),
        TimersStage(source.choice([100, 350])),
        window,
        window,
        WindowJoinStage(source.choice([80, 150])),
        IntervalJoinStage(-source.choice([0, 50]), source.choice([0, 70])),
        CoTotalsStage(source.choice([100, 400])),
        BroadcastStage(),
    ]
    return source.choice(stages)


def _draw_settings(source: random.Random) -> dict[str, str]:
    return {
        "execution.checkpointing.interval": f"{source.choice([60, 200, 400, 800])} ms",
        # More than one at a time: what is due with one must not be taken for what is due with the next.
        "execution.checkpointing.max-concurrent-checkpoints": source.choice(["1", "1", "3"]),
        "execution.checkpointing.incremental": source.choice(["true", "false"]),
        "execution.checkpointing.num-retained": source.choice(["1", "2"]),
        "execution.checkpointing.unaligned.enabled": source.choice(["true", "false"]),
        "execution.checkpointing.aligned-checkpoint-timeout": source.choice(["0 ms", "50 ms"]),
        "execution.checkpointing.data-inline-threshold": source.choice(["0 b", "20 kb"]),
        "execution.checkpointing.snapshot-compression": source.choice(["true", "false"]),
        "execution.buffer-timeout": source.choice(["0 ms", "20 ms", "100 ms"]),
        "state.backend.type": source.choice(["hashmap", "hashmap", "rocksdb"]),
        "pipeline.operator-chaining.enabled": source.choice(["true", "true", "false"]),
        # Fewer key groups than keys, or many more.
        "pipeline.max-parallelism": source.choice(["4", "128"]),
        "taskmanager.memory.segment-size": source.choice(["1 kb", "4 kb", "4 kb"]),
        "taskmanager.network.memory.buffers-per-channel": source.choice(["1", "2"]),
        "taskmanager.network.memory.floating-buffers-per-gate": source.choice(["0", "1", "8"]),
    }
