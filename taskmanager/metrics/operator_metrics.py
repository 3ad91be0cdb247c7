"""The metrics of one operator of a task.

What an operator has put out it counts itself, what it got is what the one before it has put out: operators that are
fused into one step have figures of their own all the same.
"""

from __future__ import annotations

from collections.abc import Callable

from millstream.common.metrics import MetricGroup, MetricScope
from millstream.common.wire.metrics_pb2 import MetricGroupDump
from millstream.taskmanager.metrics.merged_dump import merged_dump
from millstream.taskmanager.metrics.source_metrics import register_source_metrics
from millstream.taskmanager.metrics.state_property_metrics import StatePropertyMetrics
from millstream.taskmanager.operators.operator import Operator
from millstream.taskmanager.task.chain_node import ChainNode
from millstream.taskmanager.task.task_parts import TaskParts

__all__ = ["OperatorMetrics"]


class OperatorMetrics:
    """Of the operator with a certain index in the vertex."""

    def __init__(self, parts: TaskParts, index: int, scope: MetricScope, properties: StatePropertyMetrics) -> None:
        self._properties = properties
        self._parts = parts
        self._index = index
        self._scope = scope
        self._group = MetricGroup()
        self._user = parts.chain.metric_groups[index] if index < len(parts.chain.metric_groups) else None
        if index == 0 and parts.chain.source is not None:
            self._register_source()
        else:
            found = _find(parts, index)
            if found is not None:
                self._register(*found)

    def update(self, now: float) -> None:
        """Bring rates up to date."""
        self._group.update(now)
        if self._user is not None:
            self._user.update(now)

    def dump(self) -> MetricGroupDump:
        """Everything as it stands."""
        parts = self._parts
        if parts.initialization_ms is not None and self._index < len(parts.chain.states):  # nobody restores it now
            self._properties.register(self._group, parts.chain.states[self._index][1].properties())
        return merged_dump(self._scope, self._group, self._user)

    def _register_source(self) -> None:
        chain = self._parts.chain
        source = chain.source
        assert source is not None, "asked before"
        behind = chain.source_targets
        self._register_counts(lambda: source.records_out, lambda: source.records_out)
        self._group.gauge("currentOutputWatermark", lambda: behind.watermark)
        register_source_metrics(self._group, self._parts, source)

    def _register(self, node: ChainNode, position: int) -> None:
        """:param position: of the operator among those that the node runs in one step."""
        operator, group = node.operator, self._group

        def records_out() -> int:
            return _records_out(operator, position)

        records_in = (lambda: node.records_in) if position == 0 else (lambda: _records_out(operator, position - 1))
        self._register_counts(records_in, records_out)
        group.gauge("currentInputWatermark", lambda: node.watermark)
        is_last = position == len(operator.infos) - 1
        group.gauge("currentOutputWatermark", lambda: node.targets.watermark if is_last else node.watermark)
        if self._index == 0:
            self._register_watermarks_by_input()
        if is_last:
            if type(operator).late_records_dropped is not Operator.late_records_dropped:
                group.counter_view("numLateRecordsDropped", operator.late_records_dropped)
            operator.register_metrics(group)

    def _register_watermarks_by_input(self) -> None:
        gate, parts = self._parts.gate, self._parts
        inputs = sorted({channel.input_index for channel in gate.channels}) if gate is not None else []
        if len(inputs) < 2:
            return
        for each in inputs:
            self._group.gauge(
                f"currentInput{each + 1}Watermark",
                lambda each=each: None if parts.inputs is None else parts.inputs.watermark_of_input(each),  # type: ignore[misc]  # a default binds the loop's variable
            )

    def _register_counts(self, records_in: Callable[[], int], records_out: Callable[[], int]) -> None:
        """Records of this operator; bytes, where its input or output leaves the task."""
        gate, index = self._parts.gate, self._index
        edges = [edge for edge in self._parts.chain.edges if edge.info is self._parts.chain.infos[index]]

        def bytes_in() -> int:
            return gate.bytes_in if gate is not None and index == 0 else 0

        def bytes_out() -> int:
            return sum(edge.writer.bytes_out for edge in edges)

        for name, total in (
            ("numRecordsIn", records_in),
            ("numRecordsOut", records_out),
            ("numBytesIn", bytes_in),
            ("numBytesOut", bytes_out),
        ):
            self._group.counter_view(name, total)
            self._group.meter_view(f"{name}PerSecond", total)


def _find(parts: TaskParts, index: int) -> tuple[ChainNode, int] | None:
    """The node that runs an operator, and the operator's place in it."""
    info = parts.chain.infos[index]
    for node in parts.chain.nodes:
        for position, each in enumerate(node.operator.infos):
            if each is info:
                return node, position
    return None


def _records_out(operator: Operator, position: int) -> int:
    for at, (_, records) in enumerate(operator.records_out()):
        if at == position:
            return records
    return 0
