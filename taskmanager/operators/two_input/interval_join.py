"""Joins records of two keyed inputs whose timestamps are not too far from one another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort_right
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter_ns
from types import CodeType
from typing import Any, cast

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import IntervalJoinSpec
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.datastream.functions import ProcessJoinFunction
from millstream.datastream.output_tag import OutputTag
from millstream.taskmanager.operators.detached import owned
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.key_selection import failed_record, keys_of
from millstream.taskmanager.operators.operator import (
    NO_RECORD,
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
)
from millstream.taskmanager.operators.restored_watermark import keep_watermark, restored_watermark
from millstream.taskmanager.operators.result_collector import ResultCollector, result_iterator, takes_collector
from millstream.taskmanager.operators.two_input.join_buffer import JoinBuffer
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.plain_types import PLAIN

__all__ = ["IntervalJoinOperator"]

_PHASE = "process_element"
_KEY = "key_by"


class IntervalJoinOperator(Operator):
    """Gives each pair to the user's function as soon as the later-coming one of the two is there.

    A record behind the watermark is late: it joins nothing. All pairs of records that are not late are found.
    """

    slices_itself = True

    def __init__(self, spec: IntervalJoinSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._key1 = UserFunction(spec.key_selector1, "get_key", context, _KEY)
        self._key2 = UserFunction(spec.key_selector2, "get_key", context, _KEY)
        self._function = UserFunction(spec.function, _PHASE, context)
        self._collects = takes_collector(self._function.call, 3)
        self._collector = ResultCollector(spec.output_type)
        self._context = _JoinContext(self._collector)
        self._lower_ms = spec.lower_bound_ms
        self._upper_ms = spec.upper_bound_ms
        span = max(0, spec.upper_bound_ms - spec.lower_bound_ms)
        self._states = context.state
        self._backend = context.state.keyed()
        self._left = JoinBuffer(self._backend, " left-buffer", spec.upper_bound_ms, span)
        self._right = JoinBuffer(self._backend, " right-buffer", -spec.lower_bound_ms, span)
        self._late_left_tag = spec.late_left_tag
        self._late_right_tag = spec.late_right_tag
        self._late_dropped = 0
        self._watermark = MIN_TIMESTAMP

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def initialize_state(self) -> None:
        self._watermark = restored_watermark(self._states)
        super().initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        super().prepare_snapshot(checkpoint)
        keep_watermark(self._states, self._watermark)

    def open(self) -> None:
        self._key1.open()
        self._key2.open()
        self._function.open()

    def close(self) -> None:
        try:
            self._function.close()
        finally:
            try:
                self._key2.close()
            finally:
                self._key1.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._join(batch, self._key1.call, from_left=True)

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        return self._join(batch, self._key2.call, from_left=False)

    def _join(self, batch: RecordBatch, key_of: Callable[[Any], Any], *, from_left: bool) -> Iterator[Output]:
        """Match each record with the other side's, then keep it. One loop: a call per record would cost more."""
        if from_left:
            own, other, lower, upper = self._left, self._right, self._lower_ms, self._upper_ms
            late_tag = self._late_left_tag
        else:
            own, other, lower, upper = self._right, self._left, -self._upper_ms, -self._lower_ms
            late_tag = self._late_right_tag
        own_keys, other_keys, reach = own.keys(), other.keys(), own.reach_ms
        watermark = self._watermark
        call = self._function.call
        convert = self._collector.convert
        context = self._context
        collector = self._collector
        collects = self._collects
        sizer = collector.sizer
        out, stamps = collector.values, collector.timestamps
        limit = sizer.limit
        began = perf_counter_ns()
        done = 0
        left = right = None
        timestamps = _timestamps(batch, self._info.name, "left" if from_left else "right")
        keys = batch.keys
        if keys is None:
            keys = keys_of(key_of, batch.values)
        fetched: dict[Any, None] | None = None
        if not own.records.in_memory:
            fetched = dict.fromkeys(keys)
            own.records.fetch(fetched)
            other.records.fetch(fetched)
        for value, timestamp, key in zip(batch.values, timestamps, keys, strict=True):
            if timestamp < watermark:
                if late_tag:
                    collector.late(late_tag, value, timestamp)
                else:
                    self._late_dropped += 1
                continue
            found = other_keys.get(key)
            if found is not None:
                times, records = found
                start = bisect_left(times, timestamp + lower)
                end = bisect_right(times, timestamp + upper, start)
                if start < end:
                    for match_time, match in zip(times[start:end], records[start:end], strict=True):
                        stamp = timestamp if timestamp > match_time else match_time  # noqa: FURB136  # max() is a call
                        if from_left:
                            left, right = value, match
                            context.left, context.right = timestamp, match_time
                        else:
                            left, right = match, value
                            context.left, context.right = match_time, timestamp
                        collector.timestamp = stamp
                        results = call(left, right, context, collector) if collects else call(left, right, context)
                        if results is not None:
                            for result in result_iterator(results):
                                if type(result) is tuple and result and type(result[0]) is OutputTag:
                                    collector.output(result[0], result[1])
                                else:
                                    if type(result) not in PLAIN:
                                        result = owned(result)
                                    out.append(result if convert is None else convert(result))
                                    stamps.append(stamp)
                                if len(out) >= limit:
                                    sizer.update(max(done, len(out)), perf_counter_ns() - began)
                                    yield from collector.pieces()
                                    out, stamps = collector.values, collector.timestamps
                                    limit, began, done = sizer.limit, perf_counter_ns(), 0
            kept = own_keys.get(key)
            if kept is None:
                if timestamp + reach >= watermark:
                    own_keys[key] = ([timestamp], [value])
                    own.expire_with(key, timestamp)
            else:
                times, records = kept
                if timestamp >= times[-1]:
                    times.append(timestamp)
                    records.append(value)
                else:
                    records.insert(bisect_right(times, timestamp), value)
                    insort_right(times, timestamp)
            done += 1
            if done >= limit or len(out) >= limit:
                sizer.update(max(done, len(out)), perf_counter_ns() - began)
                yield from collector.pieces()
                out, stamps = collector.values, collector.timestamps
                limit, began, done = sizer.limit, perf_counter_ns(), 0
        if fetched is not None:
            own.records.keep(fetched)
        yield from collector.pieces()

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        if watermark.timestamp <= self._watermark:
            return (watermark,)  # after a restore: event time had come farther before
        self._watermark = watermark.timestamp
        if watermark.timestamp >= MAX_TIMESTAMP:
            self._backend.forget_keys()
            return (watermark,)
        return self._expire(watermark)

    def _expire(self, watermark: Watermark) -> Iterator[Output]:
        for buffer in (self._left, self._right):
            for _ in buffer.expire(watermark.timestamp):
                yield RecordBatch([])
        yield watermark

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        unkeyed = failed_record(error)
        if unkeyed is not NO_RECORD:
            return FailureSite(self._info, _KEY, unkeyed)
        join = IntervalJoinOperator._join.__code__
        found = frame_variables(error, join)
        if _raised_in(error) is join and "results" not in found:
            return FailureSite(self._info, _KEY, found.get("value"))  # a key that cannot be hashed
        return FailureSite(self._info, _PHASE, (found.get("left"), found.get("right")))

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._collector.records_out

    def late_records_dropped(self) -> int:
        return self._late_dropped


def _timestamps(batch: RecordBatch, operator: str, side: str) -> list[int]:
    """Return the timestamp of each record.

    :raises MillstreamError: one has none.
    """
    timestamps = batch.timestamps
    if timestamps is None or None in timestamps:
        raise MillstreamError(
            f"operator {operator!r}: records of its {side} input have no timestamps, and it joins them by these; call "
            "assign_timestamps_and_watermarks() on the stream before key_by()"
        )
    return cast("list[int]", timestamps)


def _raised_in(error: BaseException) -> CodeType | None:
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return None if entry is None else entry.tb_frame.f_code


class _JoinContext(ProcessJoinFunction.Context):
    """The only context object of an operator; its loop sets the timestamps."""

    __slots__ = ("_collector", "left", "right")

    def __init__(self, collector: ResultCollector) -> None:
        self._collector = collector
        self.left = MIN_TIMESTAMP
        self.right = MIN_TIMESTAMP

    def get_left_timestamp(self) -> int:
        return self.left

    def get_right_timestamp(self) -> int:
        return self.right

    def get_timestamp(self) -> int:
        return max(self.left, self.right)

    def output(self, output_tag: Any, value: Any) -> None:
        self._collector.output(output_tag, value)
