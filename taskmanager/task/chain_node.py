"""One operator of a chain with what comes after it.

:meth:`ChainNode.process` is the spine of the hot path. It is a generator that yields, without a value, wherever the
task may stop for a moment: after each piece of work, so that the task can look at the room downstream and at the
clock. How much one piece is, the node learns from the time that its operator takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import perf_counter_ns

from millstream.common.records import LatencyMarker, Marker, RecordBatch, Watermark
from millstream.taskmanager.operators.batch_sizer import BatchSizer
from millstream.taskmanager.operators.operator import FailureSite, Operator
from millstream.taskmanager.task.edge_output import EdgeOutput
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["ChainNode", "Targets"]


class Targets:
    """Where a node's (or a source's) output goes: further nodes of the chain and output edges."""

    __slots__ = ("edges", "nodes")

    def __init__(self) -> None:
        self.nodes: list[ChainNode] = []
        self.edges: list[EdgeOutput] = []

    def emit(self, batch: RecordBatch) -> Iterator[None]:
        """Pass a batch on."""
        copies = len(self.nodes) + len(self.edges) - 1
        for edge in self.edges:
            edge.emit(batch if copies <= 0 else RecordBatch(batch.values[:], batch.timestamps and batch.timestamps[:]))
            yield
        for node in self.nodes:
            yield from node.process(batch)

    def marker(self, marker: Marker) -> None:
        """Pass a marker on, at once."""
        for edge in self.edges:
            edge.broadcast(marker)
        for node in self.nodes:
            node.marker(marker)


class ChainNode:
    """Drives one operator."""

    __slots__ = ("_section", "_sizer", "opened", "operator", "targets")

    def __init__(self, operator: Operator, section: UserCodeSection) -> None:
        self.operator = operator
        self.targets = Targets()
        self.opened = False
        self._section = section
        self._sizer = BatchSizer()

    def open(self) -> None:
        """Open the operator."""
        self.opened = True
        call_user_code(self._section, self.operator.open, lambda error: self._locate(error, "open"))

    def close(self) -> None:
        """Close the operator if it was opened, or began to be."""
        if self.opened:
            self.opened = False
            call_user_code(self._section, self.operator.close, lambda error: self._locate(error, "close"))

    def process(self, batch: RecordBatch) -> Iterator[None]:
        """Run a batch through this operator and all after it."""
        total = len(batch.values)
        operator = self.operator
        if operator.slices_itself:
            yield from self._pieces(operator.process_batch(batch), None)
            return
        section = self._section
        sizer = self._sizer
        start = 0
        while start < total:
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
                outputs = operator.process_batch(part)
            except TaskInterrupted:
                section.leave()
                raise
            except BaseException as error:  # noqa: BLE001  # user code may raise anything
                failure = error
            else:
                section.leave()
                elapsed = perf_counter_ns() - began
                if type(outputs) is tuple:
                    sizer.update(count, elapsed, len(outputs[0].values) if outputs else 0)
                    for output in outputs:
                        yield from self.targets.emit(output)
                    yield
                else:
                    sizer.update(count, elapsed)
                    yield from self._pieces(outputs, None)
                continue
            section.leave()
            raise UserCodeError(self._locate(failure, None), failure) from failure

    def finish(self) -> Iterator[None]:
        """The input has ended: pass on what the operator still holds, then finish those after it."""
        outputs = call_user_code(self._section, self.operator.finish, lambda error: self._locate(error, "finish"))
        yield from self._pieces(outputs, "finish")
        for node in self.targets.nodes:
            yield from node.finish()

    def marker(self, marker: Marker) -> None:
        """Let the operator see a marker and pass it on."""
        if isinstance(marker, Watermark):
            watermark = marker
            call_user_code(
                self._section,
                lambda: self.operator.process_watermark(watermark),
                lambda error: self._locate(error, "process_watermark"),
            )
        if isinstance(marker, LatencyMarker) and not self.targets.nodes and not self.targets.edges:
            return
        self.targets.marker(marker)

    def idle(self) -> None:
        """The task has nothing to do now."""
        self.operator.idle()

    def walk(self) -> Iterator[ChainNode]:
        """This node and all after it, parents first."""
        yield self
        for node in self.targets.nodes:
            yield from node.walk()

    def _pieces(self, outputs: Iterable[RecordBatch], phase: str | None) -> Iterator[None]:
        """Take outputs one by one; making the next one runs user code."""
        pieces = iter(outputs)
        while True:
            output = call_user_code(self._section, lambda: next(pieces, None), lambda error: self._locate(error, phase))
            if output is None:
                return
            if output.values:
                yield from self.targets.emit(output)
            yield

    def _locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return self.operator.locate(error, phase)


def _slice(batch: RecordBatch, start: int, end: int) -> RecordBatch:
    timestamps = batch.timestamps
    keys = batch.keys
    return RecordBatch(
        batch.values[start:end],
        None if timestamps is None else timestamps[start:end],
        None if keys is None else keys[start:end],
    )
