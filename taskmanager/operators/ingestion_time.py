"""Ingestion time: a source's records get the time at which they came, and the watermarks follow the clock."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.records import MAX_WATERMARK, MIN_TIMESTAMP, RecordBatch, Watermark, WatermarkStatus
from millstream.taskmanager.operators.operator import FailureSite, Operator, OperatorContext, OperatorInfo, Output
from millstream.taskmanager.operators.watermark_emission import WatermarkEmission

__all__ = ["IngestionTimeOperator"]


class IngestionTimeOperator(Operator):
    """A part of each source of a job whose time characteristic is ``IngestionTime``.

    Event time goes on while no records come, as it is the clock's, but not while the source says that it is idle.
    """

    def __init__(self, context: OperatorContext, *, batch: bool = False) -> None:
        """:param batch: timestamps only."""
        self.infos = (context.info,)
        self._info = context.info
        self._time = context.processing_time
        self._interval_ms = 0 if batch else context.auto_watermark_interval_ms
        self._emission = WatermarkEmission()
        self._latest = MIN_TIMESTAMP

    def open(self) -> None:
        self._sleep()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        now = self._now()
        stamped = RecordBatch(batch.values, [now] * len(batch.values), batch.keys)
        self._emission.mark_active()
        return (*self._emission.take(), stamped)

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if watermark.timestamp < MAX_WATERMARK.timestamp:
            return ()
        self._emission.emit_watermark(MAX_WATERMARK)
        return self._emission.take()

    def process_status(self, status: WatermarkStatus) -> Iterable[Output]:
        if status.idle:
            self._emission.mark_idle()
        else:
            self._emission.mark_active()
        return self._emission.take()

    def on_wake(self, now_ms: int) -> Iterable[Output]:
        if self._interval_ms <= 0:
            return ()
        self._sleep()
        if not self._emission.idle:
            # A record of this very millisecond may follow.
            self._emission.emit_watermark(Watermark(self._now() - 1))
        return self._emission.take()

    def _now(self) -> int:
        """The time of day, which may be set back while the job runs; event time may not."""
        self._latest = max(self._latest, self._time.now_ms())
        return self._latest

    def _sleep(self) -> None:
        if self._interval_ms > 0:
            self._time.wake_at(self._time.now_ms() + self._interval_ms)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return FailureSite(self._info, phase or "ingestion time")

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        return ()
