"""Gives records their timestamps and makes the watermarks: after ``assign_timestamps_and_watermarks``, and right behind
the reader of a source with a watermark strategy.

Watermarks that are made periodically are made when the operator's alarm goes off, between two batches, so that they
come after all that they cover. One that follows a certain record splits its batch there.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable

from millstream.common.graph.operator_spec import TimestampsSpec
from millstream.common.records import MAX_WATERMARK, MIN_TIMESTAMP, RecordBatch, Watermark, WatermarkStatus
from millstream.common.watermark_strategy import (
    NoWatermarksGenerator,
    WatermarkAlignment,
    WatermarkGenerator,
    WatermarkGeneratorContext,
    WatermarkOutput,
    WatermarkStrategy,
    WatermarksWithIdleness,
)
from millstream.common.watermark_strategy.assigner_with_periodic_watermarks import PeriodicAssignerWatermarks
from millstream.common.watermark_strategy.assigner_with_punctuated_watermarks import PunctuatedAssignerWatermarks
from millstream.common.watermark_strategy.bounded_out_of_orderness_timestamp_extractor import ExtractorWatermarks
from millstream.common.watermark_strategy.conversion import takes_highest_only
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock
from millstream.taskmanager.operators.generated import frame_variables, record_at
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.split_watermarks import SplitWatermarks
from millstream.taskmanager.operators.timestamp_extraction import EXTRACT, TimestampExtraction
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission

__all__ = ["TimestampsOperator"]

_log = logging.getLogger(__name__)

_ON_EVENT = 0
_PERIODIC = 1


class TimestampsOperator(Operator):
    """Runs a watermark strategy in one subtask.

    :ivar emission: what went downstream.
    :ivar activity: the clock of idleness; whoever holds the input up stops it meanwhile.
    :ivar emit_lag_ms: of a source: how old the last records were when they came by; ``None``: none had a timestamp.
    """

    def __init__(self, spec: TimestampsSpec, context: OperatorContext, *, of_source: bool = False) -> None:
        """:param of_source: it is a part of the source, which counts the records."""
        self.infos = (context.info,)
        self._info = context.info
        self._context = context
        self._of_source = of_source
        self._batch = spec.batch
        self._strategy: WatermarkStrategy = spec.watermark_strategy
        assigner = self._strategy.create_timestamp_assigner()
        self._extraction = None if assigner is None else TimestampExtraction(assigner, context)
        self.emission = WatermarkEmission()
        self.activity = InputActivityClock(context.processing_time.now_ms)
        self._generator: WatermarkGenerator = NoWatermarksGenerator()
        self._output: WatermarkOutput = self.emission  # what the generator says goes there
        self._splits: SplitWatermarks | None = None
        self._phases = ("on_event", "on_periodic_emit")
        self._by_batch = True
        self._periodic = False
        self._interval_ms = context.auto_watermark_interval_ms
        self._due = 0
        self._records = 0
        self.emit_lag_ms: int | None = None

    def alignment(self) -> WatermarkAlignment | None:
        """How far the source may run ahead of others; there are no watermarks to compare in a batch job."""
        return None if self._batch else self._strategy.get_alignment()

    def open(self) -> None:
        if self._extraction is not None:
            self._extraction.open()
        if self._batch:
            return
        if self.alignment() is not None and not self._of_source:
            _log.warning(
                "operator %s: watermark alignment holds for sources only; give the strategy to from_source()",
                self._info.name,
            )
        self._generator = self._create_generator()
        self._by_batch = takes_highest_only(self._generator)
        self._periodic = self._interval_ms > 0 and type(self._generator) is not NoWatermarksGenerator
        if self._periodic:
            self._due = self._context.processing_time.now_ms() + self._interval_ms
            self._context.processing_time.wake_at(self._due)

    def _create_generator(self) -> WatermarkGenerator:
        context = WatermarkGeneratorContext(self._context.metric_group, self.activity)
        generator = self._strategy.create_watermark_generator(context)
        self._phases = _phases(generator)
        timeout = self._strategy.get_idle_timeout()
        return generator if timeout is None else WatermarksWithIdleness(generator, timeout, self.activity)

    def begin_split(self, split_id: Hashable) -> None:
        """The records that come next are from this split. Once it was called, it is to be called for all."""
        if self._batch:
            return
        if self._splits is None:
            self._splits = SplitWatermarks(self._create_generator, self.emission)
        split = self._splits.of(split_id)
        self._generator, self._output = split.generator, split

    def end_split(self, split_id: Hashable) -> None:
        """No more records come from this split."""
        if self._splits is not None:
            self._splits.end(split_id)

    def close(self) -> None:
        if self._extraction is not None:
            self._extraction.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._records += len(batch.values)
        if not self._by_batch:
            return self._by_record(batch)
        values = batch.values
        timestamps = batch.timestamps
        if not values:
            return ()
        if self._extraction is not None:
            extracted, highest = self._extraction.of_batch(values, timestamps)
            batch = RecordBatch(values, extracted, batch.keys)  # type: ignore[arg-type]  # ints are ints or None
        elif timestamps is None:
            highest = MIN_TIMESTAMP
        else:
            highest = max((each for each in timestamps if each is not None), default=MIN_TIMESTAMP)
        if self._of_source and highest > MIN_TIMESTAMP:
            self.emit_lag_ms = self._context.processing_time.now_ms() - highest
        emission = self.emission
        self._generator.on_event(None, highest, self._output)
        if emission.pending:
            return (batch, *emission.take())
        return (batch,)

    def _by_record(self, batch: RecordBatch) -> tuple[Output, ...]:
        """Let the generator see each record right after it got its timestamp, as some know both."""
        values = batch.values
        before = batch.timestamps
        keys = batch.keys
        extraction = self._extraction
        of_one = None if extraction is None else extraction.of_one
        output = self._output
        pending = self.emission.pending
        on_event = self._generator.on_event
        outputs: list[Output] = []
        timestamps: list[int | None] = []
        start = 0
        it = iter(values)
        extracting = False  # read from the frame by locate()
        for end, value in enumerate(it, 1):
            timestamp = None if before is None else before[end - 1]
            moment = MIN_TIMESTAMP if timestamp is None else timestamp
            if of_one is not None:
                extracting = True
                moment = of_one(value, moment)
                if type(moment) is not int:
                    moment = extraction.checked(value, moment)  # type: ignore[union-attr]  # it has of_one
                timestamp = moment
                extracting = False
            timestamps.append(timestamp)
            on_event(value, moment, output)
            if pending:
                outputs.append(
                    RecordBatch(values[start:end], timestamps[start:end], None if keys is None else keys[start:end])
                )
                outputs.extend(pending)
                pending.clear()
                start = end
        del extracting
        if self._of_source and timestamps and timestamps[-1] is not None:
            self.emit_lag_ms = self._context.processing_time.now_ms() - timestamps[-1]
        if start == 0:
            outputs.append(RecordBatch(values, timestamps, keys))
        elif start < len(values):
            outputs.append(RecordBatch(values[start:], timestamps[start:], None if keys is None else keys[start:]))
        return tuple(outputs)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        """Watermarks from before say nothing about the timestamps given here; but nothing follows the last one."""
        if watermark.timestamp < MAX_WATERMARK.timestamp:
            return ()
        self.emission.emit_watermark(MAX_WATERMARK)
        return self.emission.take()

    def process_status(self, status: WatermarkStatus) -> Iterable[Output]:
        """Whether the stream is idle is found out here."""
        return ()

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if not self._periodic:
            return ()
        if now_ms >= self._due:
            self._emit_periodically()
            self._due = now_ms + self._interval_ms
        self._context.processing_time.wake_at(self._due)
        return self.emission.take()

    def finish(self) -> Iterable[Output]:
        if not self._batch:
            self._emit_periodically()  # no last watermark came if the job is only stopped
        return self.emission.take()

    def _emit_periodically(self) -> None:
        if self._splits is None:
            self._generator.on_periodic_emit(self._output)
        else:
            self._splits.on_periodic_emit()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase == "finish":
            return FailureSite(self._info, self._phases[_PERIODIC])
        if phase is not None:
            return FailureSite(self._info, phase)
        site = None if self._extraction is None else self._extraction.locate(error)
        if site is not None:
            return site
        found = frame_variables(error, TimestampsOperator._by_record.__code__)
        if not found:
            return FailureSite(self._info, self._phases[_PERIODIC])
        method = EXTRACT if found.get("extracting") else self._phases[_ON_EVENT]
        return FailureSite(self._info, method, record_at(found.get("values"), found.get("it")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        if not self._of_source:
            yield self._info, self._records


def _phases(generator: WatermarkGenerator) -> tuple[str, str]:
    """The names of the user's two methods."""
    if isinstance(generator, PunctuatedAssignerWatermarks):
        return "check_and_get_next_watermark", "on_periodic_emit"
    if isinstance(generator, (PeriodicAssignerWatermarks, ExtractorWatermarks)):
        return "on_event", "get_current_watermark"
    return "on_event", "on_periodic_emit"
