"""One operator of a chain with what comes after it.

:meth:`ChainNode.process` is the spine of the hot path. It is a generator that yields wherever the task may stop for a
moment: after each piece of work, so that the task can look at the room downstream and at the clock; or a
:class:`~millstream.taskmanager.operators.operator.Pause`, where it must. How much one piece is, the node learns from
the time that its operator takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter_ns
from typing import TypeAlias

from millstream.common.records import MIN_TIMESTAMP, LatencyMarker, Marker, RecordBatch, Watermark, WatermarkStatus
from millstream.taskmanager.metrics.latency_stats import LatencyStats
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.operator import CheckpointInfo, FailureSite, Operator, Output, Pause, SideOutput
from millstream.taskmanager.task.edge_output import EdgeOutput
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["ChainNode", "Steps", "Targets"]

Steps: TypeAlias = Iterator[Pause | None]
"""Work in pieces: after each one the task looks around, or waits if it is told to."""


class Targets:
    """Where a node's (or a source's) output goes: further nodes of the chain and output edges.

    :ivar side: the same for each side output that somebody takes.
    :ivar watermark: the last one that went there, ms.
    """

    __slots__ = ("edges", "nodes", "side", "watermark")

    def __init__(self) -> None:
        self.watermark = MIN_TIMESTAMP
        self.nodes: list[ChainNode] = []
        self.edges: list[EdgeOutput] = []
        self.side: dict[str, Targets] = {}

    def emit(self, batch: RecordBatch) -> Steps:
        """Pass a batch on."""
        copies = len(self.nodes) + len(self.edges) - 1
        for edge in self.edges:
            edge.emit(batch if copies <= 0 else RecordBatch(batch.values[:], batch.timestamps and batch.timestamps[:]))
            yield None
        for node in self.nodes:
            yield from node.process(batch)

    def marker(self, marker: Marker) -> Steps:
        """Pass a marker on, to those who take side outputs too."""
        if type(marker) is Watermark:
            self.watermark = marker.timestamp
        for edge in self.edges:
            if type(marker) is LatencyMarker:
                edge.sample(marker)
            else:
                edge.broadcast(marker)
        for node in self.nodes:
            yield from node.marker(marker)
        for targets in self.side.values():
            yield from targets.marker(marker)

    def output(self, output: Output) -> Steps:
        """Pass on what an operator gave."""
        kind = type(output)
        if kind is RecordBatch:
            if output.values:  # type: ignore[union-attr]  # mypy does not narrow by the exact type
                yield from self.emit(output)  # type: ignore[arg-type]  # the same
        elif isinstance(output, SideOutput):
            targets = self.side.get(output.tag)
            if targets is not None and output.batch.values:
                yield from targets.emit(output.batch)
        elif isinstance(output, Pause):
            yield output
        else:
            yield from self.marker(output)  # type: ignore[arg-type]  # nothing else is left

    def finish(self) -> Steps:
        """The input has ended: finish the nodes."""
        for node in self.nodes:
            yield from node.finish()
        for targets in self.side.values():
            yield from targets.finish()


class ChainNode:
    """Drives one operator.

    :ivar interrupted: stop between two pieces of a batch: something waits that must not wait for the whole of it.
    :ivar rest: what was not processed then.
    :ivar records_in: records that it was given, but for that rest.
    :ivar watermark: the last one that came, ms.
    """

    __slots__ = (
        "_latencies",
        "_section",
        "_sizer",
        "interrupted",
        "opened",
        "operator",
        "records_in",
        "rest",
        "targets",
        "watermark",
    )

    def __init__(self, operator: Operator, section: UserCodeSection, latencies: LatencyStats | None = None) -> None:
        """:param latencies: told of latency markers."""
        self.operator = operator
        self.targets = Targets()
        self.opened = False
        self.interrupted = False
        self.rest: RecordBatch | None = None
        self.records_in = 0
        self.watermark = MIN_TIMESTAMP
        self._section = section
        self._latencies = latencies
        self._sizer = BatchSizer()

    def initialize_state(self) -> None:
        """Let the operator get ready to go on from its state."""
        call_user_code(
            self._section, self.operator.initialize_state, lambda error: self._locate(error, "initialize_state")
        )

    def open(self) -> None:
        """Open the operator."""
        self.opened = True
        call_user_code(self._section, self.operator.open, lambda error: self._locate(error, "open"))

    def close(self) -> None:
        """Close the operator if it was opened, or began to be."""
        if self.opened:
            self.opened = False
            call_user_code(self._section, self.operator.close, lambda error: self._locate(error, "close"))

    def process(self, batch: RecordBatch, *, second: bool = False) -> Steps:
        """Run a batch through this operator and all after it.

        :param second: it came from the operator's second input.
        """
        total = len(batch.values)
        self.records_in += total
        operator = self.operator
        process_batch = operator.process_second_batch if second else operator.process_batch
        if operator.slices_itself:
            yield from self._pieces(process_batch(batch), None)
            return
        section = self._section
        sizer = self._sizer
        targets = self.targets
        start = 0
        while start < total:
            if self.interrupted and start:
                self.rest = _slice(batch, start, total)
                self.records_in -= total - start
                return
            limit = sizer.limit
            if start == 0 and total <= limit:
                part = batch
            else:
                part = _slice(batch, start, start + limit)
            count = len(part.values)
            start += count
            began = perf_counter_ns()
            section.enter(began)
            try:
                outputs = process_batch(part)
            except TaskInterrupted:
                section.leave()
                raise
            except BaseException as error:  # noqa: BLE001  # user code may raise anything
                failure = error
            else:
                section.leave()
                elapsed = perf_counter_ns() - began
                if type(outputs) is tuple:
                    sizer.update(count, elapsed, _produced(outputs))
                    for output in outputs:
                        if type(output) is RecordBatch:
                            yield from targets.emit(output)
                        else:
                            yield from targets.output(output)
                    yield None
                else:
                    sizer.update(count, elapsed)
                    yield from self._pieces(outputs, None)
                continue
            section.leave()
            raise UserCodeError(self._locate(failure, None), failure) from failure

    def finish(self) -> Steps:
        """The input has ended: pass on what the operator still holds, then finish those after it."""
        yield from self._called(self.operator.finish, "finish")
        yield from self.targets.finish()

    def wake(self, now_ms: int) -> Steps:
        """The operator's alarm went off."""
        operator = self.operator
        yield from self._called(lambda: operator.on_wake(now_ms), None)

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        """Let the operator put what it remembers into its state."""
        call_user_code(
            self._section,
            lambda: self.operator.prepare_snapshot(checkpoint),
            lambda error: self._locate(error, "snapshot_state"),
        )

    def checkpoint_complete(self, checkpoint_id: int) -> Steps:
        """Tell the operator that a checkpoint is complete; pass on what it makes of it."""
        operator = self.operator
        yield from self._called(
            lambda: operator.notify_checkpoint_complete(checkpoint_id), "notify_checkpoint_complete"
        )

    def checkpoint_aborted(self, checkpoint_id: int) -> None:
        """Tell the operator that a checkpoint will never be complete."""
        call_user_code(
            self._section,
            lambda: self.operator.notify_checkpoint_aborted(checkpoint_id),
            lambda error: self._locate(error, "notify_checkpoint_aborted"),
        )

    def marker(self, marker: Marker) -> Steps:
        """Let the operator see a marker; pass on what it makes of it, or the marker itself."""
        operator = self.operator
        if isinstance(marker, Watermark):
            watermark = marker
            self.watermark = marker.timestamp
            yield from self._called(lambda: operator.process_watermark(watermark), None)
        elif isinstance(marker, WatermarkStatus):
            status = marker
            yield from self._called(lambda: operator.process_status(status), None)
        elif isinstance(marker, LatencyMarker):
            mark = marker
            if self._latencies is not None:
                self._latencies.record(mark, operator.infos)
            yield from self._called(lambda: operator.process_latency_marker(mark), None)
        else:
            yield from self.targets.marker(marker)

    async def stop(self) -> None:
        """End what the operator has running in the background."""
        await self.operator.stop()

    def idle(self) -> None:
        """The task has nothing to do now."""
        self.operator.idle()

    def _called(self, call: Callable[[], Iterable[Output]], phase: str | None) -> Steps:
        """Call a method of the operator and pass on what it gives."""
        outputs = call_user_code(self._section, call, lambda error: self._locate(error, phase))
        if type(outputs) is tuple:
            for output in outputs:
                yield from self.targets.output(output)
        else:
            yield from self._pieces(outputs, phase)

    def _pieces(self, outputs: Iterable[Output], phase: str | None) -> Steps:
        """Take outputs one by one; making the next one runs user code."""
        pieces = iter(outputs)
        while True:
            output = call_user_code(self._section, lambda: next(pieces, None), lambda error: self._locate(error, phase))
            if output is None:
                return
            yield from self.targets.output(output)
            yield None

    def _locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return self.operator.locate(error, phase)


def _produced(outputs: tuple[Output, ...]) -> int:
    """How many records came out, as far as the size of the pieces depends on it."""
    first = outputs[0] if outputs else None
    return len(first.values) if type(first) is RecordBatch else 0


def _slice(batch: RecordBatch, start: int, end: int) -> RecordBatch:
    timestamps = batch.timestamps
    keys = batch.keys
    return RecordBatch(
        batch.values[start:end],
        None if timestamps is None else timestamps[start:end],
        None if keys is None else keys[start:end],
    )
