"""Where a task's time goes, and how much went through it."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from time import perf_counter_ns

from millstream.common.wire.cluster_pb2 import TaskMetrics
from millstream.taskmanager.exchange import InputGate, ResultWriter
from millstream.taskmanager.operators.operator import OperatorInfo

__all__ = ["Arrival", "TaskTimes", "build_metrics"]

_MS = 1_000_000
_NOTHING, _INPUT, _ROOM = range(3)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a checkpoint came to the task.

    :ivar start_delay_ms: from the trigger to the first barrier.
    :ivar alignment_ns: from the first barrier to the last.
    :ivar bytes_processed: came over the network meanwhile.
    """

    start_delay_ms: int = 0
    alignment_ns: int = 0
    bytes_processed: int = 0


class TaskTimes:
    """Divides a task's time into busy, idle and back-pressured.

    Time between :meth:`resume` and :meth:`pause` is busy. What the loop spends on other tasks counts nowhere.

    :ivar resumed_at: when the task last got the loop, or gave it away, ``perf_counter_ns``.
    :ivar longest_backpressure_ns: the longest time in one piece, since somebody last set it to 0.
    :ivar records_in: records that came from input gates.
    :ivar records_out: records that went to output edges.
    """

    __slots__ = (
        "_waits_for",
        "backpressured_ns",
        "busy_ns",
        "idle_ns",
        "longest_backpressure_ns",
        "records_in",
        "records_out",
        "resumed_at",
    )

    def __init__(self) -> None:
        self.resumed_at = perf_counter_ns()
        self.busy_ns = 0
        self.idle_ns = 0
        self.backpressured_ns = 0
        self.longest_backpressure_ns = 0
        self.records_in = 0
        self.records_out = 0
        self._waits_for = _NOTHING

    def pause(self) -> int:
        """The task gives the loop away; returns the time."""
        now = perf_counter_ns()
        self.busy_ns += now - self.resumed_at
        self.resumed_at = now
        return now

    def resume(self) -> None:
        """The task has the loop again, and its absence counts nowhere."""
        self.resumed_at = perf_counter_ns()

    def pause_idle(self) -> int:
        """The task begins to wait for input; returns the time."""
        self._waits_for = _INPUT
        return self.pause()

    def resume_idle(self, paused_at: int) -> None:
        """The task has waited for input."""
        self._waits_for = _NOTHING
        self.resumed_at = perf_counter_ns()
        self.idle_ns += self.resumed_at - paused_at

    def pause_backpressured(self) -> int:
        """The task begins to wait for room downstream; returns the time."""
        self._waits_for = _ROOM
        return self.pause()

    def resume_backpressured(self, paused_at: int) -> None:
        """The task has waited for room downstream."""
        self._waits_for = _NOTHING
        self.resumed_at = perf_counter_ns()
        waited = self.resumed_at - paused_at
        self.backpressured_ns += waited
        if waited > self.longest_backpressure_ns:
            self.longest_backpressure_ns = waited

    def end(self) -> None:
        """The task does nothing any more, whatever it did when it was cancelled."""
        now = perf_counter_ns()
        passed = now - self.resumed_at
        if self._waits_for == _INPUT:
            self.idle_ns += passed
        elif self._waits_for == _ROOM:
            self.backpressured_ns += passed
        else:
            self.busy_ns += passed
        self.resumed_at = now
        self._waits_for = _NOTHING

    @property
    def is_backpressured(self) -> bool:
        """It waits for room now."""
        return self._waits_for == _ROOM

    def waits_for_input_ns(self) -> int:
        """How long it has been waiting for input; 0 if it does not."""
        return perf_counter_ns() - self.resumed_at if self._waits_for == _INPUT else 0

    def waits_for_room_ns(self) -> int:
        """How long it has been waiting for room downstream; 0 if it does not."""
        return perf_counter_ns() - self.resumed_at if self._waits_for == _ROOM else 0

    def idle_so_far_ns(self) -> int:
        """All time of waiting for input, with the wait that is under way."""
        return self.idle_ns + self.waits_for_input_ns()

    def backpressured_so_far_ns(self) -> int:
        """All time of waiting for room, with the wait that is under way."""
        return self.backpressured_ns + self.waits_for_room_ns()


def build_metrics(
    times: TaskTimes,
    gate: InputGate | None,
    writers: Iterable[ResultWriter],
    operators: Iterable[tuple[OperatorInfo, int]],
    late_records_dropped: Iterable[tuple[OperatorInfo, int]] = (),
    arrival: Arrival | None = None,
) -> TaskMetrics:
    """Return the running totals.

    :param arrival: how the latest checkpoint came.
    """
    writers = list(writers)
    metrics = TaskMetrics(
        records_in=times.records_in,
        records_out=times.records_out,
        bytes_in=gate.bytes_in if gate is not None else 0,
        bytes_out=sum(writer.bytes_out for writer in writers),
        busy_ms=times.busy_ns // _MS,
        idle_ms=times.idle_so_far_ns() // _MS,
        backpressured_ms=times.backpressured_so_far_ns() // _MS,
        serialize_ms=sum(writer.serialize_ns for writer in writers) // _MS,
        deserialize_ms=gate.deserialize_ns // _MS if gate is not None else 0,
    )
    if arrival is not None:
        metrics.checkpoint_alignment_ns = arrival.alignment_ns
        metrics.checkpoint_start_delay_ns = arrival.start_delay_ms * _MS
    _add_up(metrics.operator_records_out, operators)
    _add_up(metrics.operator_late_records_dropped, late_records_dropped)
    return metrics


def _add_up(totals: MutableMapping[str, int], operators: Iterable[tuple[OperatorInfo, int]]) -> None:
    for info, records in operators:
        name = info.name
        number = 2
        while name in totals:  # two operators of one name in one chain
            name = f"{info.name} ({number})"
            number += 1
        totals[name] = records
