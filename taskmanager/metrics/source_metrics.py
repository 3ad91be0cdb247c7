"""What sources have besides what all operators have, as far as a source knows it."""

from __future__ import annotations

from millstream.common.metrics import MetricGroup
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.taskmanager.task.reader_source import ReaderSource
from millstream.taskmanager.task.source_driver import SourceDriver
from millstream.taskmanager.task.task_parts import TaskParts

__all__ = ["register_source_metrics"]

_MS_NS = 1_000_000


def register_source_metrics(group: MetricGroup, parts: TaskParts, source: SourceDriver) -> None:
    """Register them in the group of the source's operator."""
    if not isinstance(source, ReaderSource):
        return
    group.counter("numRecordsInErrors")  # a record that cannot be read is no number: the job fails with it
    group.counter_view("numSplitsProcessed", lambda: source.splits_processed)
    group.gauge("pendingRecords", source.pending_records)
    group.gauge("pendingBytes", source.pending_bytes)
    group.gauge("currentEmitEventTimeLag", source.emit_event_time_lag_ms)
    group.gauge("sourceIdleTime", lambda: parts.times.waits_for_input_ns() // _MS_NS)
    watermarks = parts.chain.source_targets

    def watermark_lag() -> int | None:
        now = source.now_ms()
        return now - watermarks.watermark if MIN_TIMESTAMP < watermarks.watermark < MAX_TIMESTAMP else None

    group.gauge("watermarkLag", watermark_lag)
    if source.alignment is not None:
        group.gauge("watermarkAlignmentDrift", source.alignment.drift_ms)
