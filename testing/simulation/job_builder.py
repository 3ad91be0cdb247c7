"""Makes a program of a job's description."""

from __future__ import annotations

from typing import Any

from millstream.common.config import Configuration
from millstream.common.serialization import Encoder
from millstream.common.time import Time
from millstream.connectors.file_system import FileSink, RollingPolicy
from millstream.datastream import OutputTag, StreamExecutionEnvironment
from millstream.datastream.connectors.file_system import BucketAssigner
from millstream.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssigner,
)
from millstream.testing.simulation import stage_functions as functions
from millstream.testing.simulation.checked_functions import Check, CheckBoth, CheckWhole, Copies, Keep, Mine, key_of
from millstream.testing.simulation.event_source import event_source, watermarks
from millstream.testing.simulation.job_spec import (
    BroadcastStage,
    CoTotalsStage,
    IntervalJoinStage,
    JobSpec,
    ReduceStage,
    SinkKind,
    StreamSpec,
    TimersStage,
    TotalsStage,
    WindowStage,
)
from millstream.testing.simulation.ledger_sinks import LedgerSink, LedgerTransactions, LedgerWriteAhead

__all__ = ["build_job"]

_LATE = OutputTag("late")


def build_job(spec: JobSpec, env: StreamExecutionEnvironment, output: str) -> None:
    """Define the job in an environment.

    :param output: the directory of its file sink, a URI.
    """
    env.configure(Configuration.from_map(dict(spec.settings)))
    env.set_parallelism(spec.parallelism)
    streams = [_steps(stream, env) for stream in spec.streams]
    lines = _stage(spec, streams)
    for kind in spec.sinks:
        _add_sink(lines, kind, output)


def _steps(stream: StreamSpec, env: StreamExecutionEnvironment) -> Any:
    name = stream.name
    events: Any = (
        env.from_source(event_source(stream), watermarks(stream), f"events {name}")
        .uid(f"events {name}")
        .set_parallelism(stream.parallelism)
    )
    if stream.exchange != "forward":
        events = getattr(events, stream.exchange)()
    if stream.exchange == "broadcast":
        events = events.filter(Mine()).uid(f"mine {name}")
    events = events.map(CheckWhole()).uid(f"whole {name}")
    if stream.keep_of_ten < 10:
        events = events.filter(Keep(stream)).uid(f"keep {name}")
    if stream.copies > 1:
        events = events.flat_map(Copies(stream)).uid(f"copies {name}")
    return events


def _checked(spec: JobSpec, streams: list[Any], names: tuple[StreamSpec, ...]) -> Any:
    """The events of streams behind a check, by key."""
    known = {stream.name: (stream, spec.is_ordered(stream)) for stream in names}
    uid = " ".join(["check", *known])
    if len(streams) == 2 and spec.parallelism % 2:
        # Both ways to bring streams together have their turn.
        first, second = (stream.key_by(key_of) for stream in streams)
        checked = first.connect(second).process(CheckBoth(known, spec.fail_after))
    else:
        first, *others = streams
        checked = first.union(*others).key_by(key_of).process(Check(known, spec.fail_after))
    return checked.uid(uid).name(uid).key_by(key_of)


def _stage(spec: JobSpec, streams: list[Any]) -> Any:
    stage = spec.stage
    if isinstance(stage, TotalsStage | ReduceStage | TimersStage | WindowStage):
        return _one_stream_stage(stage, _checked(spec, streams, spec.streams), _has_late_events(spec))
    first = _checked(spec, streams[:1], spec.streams[:1])
    if isinstance(stage, BroadcastStage):
        return first.connect(streams[1].broadcast(functions.RULES)).process(functions.Ruled()).uid("stage")
    second = _checked(spec, streams[1:], spec.streams[1:])
    if isinstance(stage, CoTotalsStage):
        return first.connect(second).process(functions.CoBucketTotals(stage.bucket_ms)).uid("stage")
    if isinstance(stage, IntervalJoinStage):
        between = first.interval_join(second).between(
            Time.milliseconds(stage.lower_ms), Time.milliseconds(stage.upper_ms)
        )
        return between.process(functions.JoinLine()).uid("stage")
    windows = TumblingEventTimeWindows.of(Time.milliseconds(stage.size_ms))
    return first.join(second).where(key_of).equal_to(key_of).window(windows).apply(functions.PairLine()).uid("stage")


def _one_stream_stage(stage: TotalsStage | ReduceStage | TimersStage | WindowStage, events: Any, late: bool) -> Any:
    if isinstance(stage, TotalsStage):
        return events.process(functions.RunningTotals(stage.every)).uid("stage")
    if isinstance(stage, TimersStage):
        return events.process(functions.BucketTotals(stage.bucket_ms)).uid("stage")
    if isinstance(stage, ReduceStage):
        amounts = events.map(functions.amount_of).key_by(lambda amount: amount[0])
        return amounts.reduce(functions.SumOfTwo()).uid("stage").map(functions.rolled_line)
    lines = _windows(stage, events, late)
    if not late:
        return lines
    return lines.union(lines.get_side_output(_LATE).map(functions.late_line))


def _windows(stage: WindowStage, events: Any, late: bool) -> Any:
    def windowed(stream: Any) -> Any:
        windows = stream.window(_assigner(stage))
        if stage.lateness_ms:
            windows = windows.allowed_lateness(stage.lateness_ms)
        return windows.side_output_late_data(_LATE) if late else windows

    if stage.fold == "aggregate":
        return windowed(events).aggregate(functions.Folding(), functions.FoldedLine()).uid("stage")
    if stage.fold == "process":
        return windowed(events).process(functions.WindowLine()).uid("stage")
    counted = events.map(functions.counted).key_by(lambda one: one[3])
    return windowed(counted).reduce(functions.SumOfCounted(), functions.FoldedLine()).uid("stage")


def _assigner(stage: WindowStage) -> WindowAssigner[Any, Any]:
    size = Time.milliseconds(stage.size_ms)
    if stage.kind == "tumbling":
        return TumblingEventTimeWindows.of(size)
    if stage.kind == "sliding":
        return SlidingEventTimeWindows.of(size, Time.milliseconds(stage.slide_ms))
    return EventTimeSessionWindows.with_gap(size)


def _has_late_events(spec: JobSpec) -> bool:
    return any(stream.late_every for stream in spec.streams)


class _OneBucket(BucketAssigner):
    def get_bucket_id(self, element: Any, context: Any) -> str:
        return ""


def _add_sink(lines: Any, kind: SinkKind, output: str) -> None:
    if kind == "two-phase":
        lines.add_sink(LedgerTransactions()).uid(kind).name(kind)
    elif kind == "committer":
        lines.sink_to(LedgerSink()).uid(kind).name(kind)
    elif kind == "write-ahead":
        lines.add_sink(LedgerWriteAhead()).uid(kind).name(kind)
    else:
        files = (
            FileSink.for_row_format(output, Encoder.simple_string_encoder())
            .with_bucket_assigner(_OneBucket())
            .with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1 << 20, rollover_interval=1_000))
            .build()
        )
        lines.sink_to(files).uid(kind).name(kind)
