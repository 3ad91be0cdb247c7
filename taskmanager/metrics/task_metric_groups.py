"""All metrics of one task: its own, and those of each of its operators."""

from __future__ import annotations

from millstream.common.metrics import MetricGroup
from millstream.common.wire.metrics_pb2 import MetricGroupDump
from millstream.taskmanager.metrics.exchange_metrics import ExchangeMetrics
from millstream.taskmanager.metrics.merged_dump import merged_dump
from millstream.taskmanager.metrics.metric_place import MetricPlace
from millstream.taskmanager.metrics.operator_metrics import OperatorMetrics
from millstream.taskmanager.metrics.state_property_metrics import StatePropertyMetrics
from millstream.taskmanager.metrics.time_shares import TimeShares
from millstream.taskmanager.task.task_parts import TaskParts

__all__ = ["TaskMetricGroups"]

_MS_NS = 1_000_000


class TaskMetricGroups:
    """Of a task whose chain is built.

    :param now: seconds on a clock that never goes backwards.
    :param properties: what is shown of the databases of states.
    :param detailed: queues of single gates and partitions too.
    """

    def __init__(
        self, parts: TaskParts, place: MetricPlace, now: float, properties: StatePropertyMetrics, *, detailed: bool
    ) -> None:
        self._parts = parts
        self._scope = place.task_scope(parts.info)
        self._group = MetricGroup()
        self._shares = TimeShares(parts.times, now)
        self.exchange = ExchangeMetrics(parts, self._group, detailed=detailed)
        self._register_times()
        self._register_progress()
        self._register_mailbox()
        self._operators = [
            OperatorMetrics(parts, index, place.operator_scope(parts.info, info), properties)
            for index, info in enumerate(parts.chain.infos)
        ]

    def update(self, now: float) -> None:
        """Bring rates up to date; to be called every five seconds."""
        self.exchange.look()
        self._shares.update(now)
        self._group.update(now)
        for operator in self._operators:
            operator.update(now)

    def dump(self) -> list[MetricGroupDump]:
        """Everything as it stands: the task first, then its operators."""
        self.exchange.look()
        return [merged_dump(self._scope, self._group), *(operator.dump() for operator in self._operators)]

    def _register_times(self) -> None:
        group, shares, times = self._group, self._shares, self._parts.times
        group.gauge("busyTimeMsPerSecond", lambda: shares.busy_ms)
        group.gauge("idleTimeMsPerSecond", lambda: shares.idle_ms)
        group.gauge("backPressuredTimeMsPerSecond", lambda: shares.backpressured_ms)
        # A task waits for room, it is never stopped in the midst of a record for want of it: that is all soft.
        group.gauge("softBackPressuredTimeMsPerSecond", lambda: shares.backpressured_ms)
        group.gauge("hardBackPressuredTimeMsPerSecond", lambda: 0.0)
        group.gauge("maxSoftBackPressureTimeMs", lambda: shares.longest_backpressure_ms)
        group.gauge("maxHardBackPressureTimeMs", lambda: 0)
        group.gauge("accumulateBusyTimeMs", lambda: times.busy_ns // _MS_NS)
        group.gauge("accumulateIdleTimeMs", lambda: times.idle_so_far_ns() // _MS_NS)
        group.gauge("accumulateBackPressuredTimeMs", lambda: times.backpressured_so_far_ns() // _MS_NS)
        group.gauge("isBackPressured", lambda: times.is_backpressured)

    def _register_progress(self) -> None:
        group, parts = self._group, self._parts
        checkpoints = parts.checkpoints
        group.gauge("initializationTime", lambda: parts.initialization_ms)
        group.gauge(
            "checkpointStartDelayNanos",
            lambda: checkpoints.last_arrival.start_delay_ms * _MS_NS if checkpoints.last_arrival is not None else 0,
        )
        if parts.gate is not None:
            group.gauge(
                "checkpointAlignmentTime",
                lambda: checkpoints.last_arrival.alignment_ns if checkpoints.last_arrival is not None else 0,
            )
        if parts.chain.source is None and parts.chain.nodes:
            head = parts.chain.nodes[0]
            group.gauge("currentInputWatermark", lambda: head.watermark)
        group.counter_view("numFiredTimers", self._fired_timers)
        group.meter_view("numFiredTimersPerSecond", self._fired_timers)

    def _register_mailbox(self) -> None:
        group, mailbox = self._group, self._parts.mailbox
        group.gauge("mailboxQueueSize", lambda: len(mailbox.letters))
        group.meter_view("mailboxMailsPerSecond", lambda: mailbox.received)
        group.add("mailboxLatencyMs", mailbox.latency_ms)

    def _fired_timers(self) -> int:
        chain = self._parts.chain
        of_backends = sum(states.timers_fired() for _, states in chain.states)
        return of_backends + sum(node.operator.timers_fired() for node in chain.nodes)
