"""What a task runs: operators that turn batches into batches.

A task pulls: it hands an operator a batch (or a marker, or says that a time has come) and takes the outputs one by
one, and between two of them it looks at the room downstream and at the clock. So an operator never knows who comes
after it, and one that makes much out of little (a flat_map over a generator, a watermark that fires a million windows)
does it piece by piece. One that cannot go on before something outside has happened says so with a :class:`Pause`.

All methods of an operator are called from one coroutine of its task, one after the other, and the outputs of one call
are all taken before the next call: nothing here needs a lock, and timers, records and snapshots never interleave.

Nothing is recorded per record. When a user's function raises, :meth:`Operator.locate` finds out afterwards, from the
frames of the traceback, which operator it was and on which record.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from millstream.common.clock import Clock, SystemClock
from millstream.common.records import LatencyMarker, RecordBatch, Watermark, WatermarkStatus
from millstream.taskmanager.operators.accumulator_registry import AccumulatorRegistry
from millstream.taskmanager.operators.processing_time import ManualProcessingTime, ProcessingTimeService
from millstream.taskmanager.state.operator_states import OperatorStates

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup

__all__ = [
    "NO_RECORD",
    "CheckpointInfo",
    "CheckpointedCalls",
    "FailureSite",
    "Operator",
    "OperatorContext",
    "OperatorInfo",
    "Output",
    "Pause",
    "SideOutput",
    "TaskInfo",
]


class _NoRecord:
    __slots__ = ()

    def __repr__(self) -> str:
        return "NO_RECORD"


NO_RECORD: Any = _NoRecord()
"""Stands for "no record was being processed" where any object could be a record."""


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """The subtask that an operator belongs to."""

    task_name: str = "task"
    vertex_id: str = ""
    job_id: str = ""
    attempt_id: str = ""
    subtask_index: int = 0
    parallelism: int = 1
    max_parallelism: int = 128
    attempt_number: int = 0
    task_manager: str = ""


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """Who an operator is, for messages and metrics."""

    name: str
    operator_id: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class OperatorContext:
    """What an operator is built with.

    :ivar job_parameters: the job's global parameters, which functions read through their RuntimeContext.
    :ivar inline: put simple user functions into the generated code of an operator instead of calling them.
    :ivar fetch_timeout_s: how long collected results wait for a client that does not fetch them.
    :ivar processing_time: the operator's own clock and alarm.
    :ivar auto_watermark_interval_ms: how often periodic watermarks are made; 0: never.
    :ivar state: where the operator keeps its state.
    :ivar checkpointing: the job takes checkpoints: what must not happen twice waits for one. Without, there will be no
        call of :meth:`Operator.notify_checkpoint_complete`, unless for a savepoint.
    :ivar accumulators: where the operator's functions register theirs.
    """

    info: OperatorInfo
    task: TaskInfo = field(default_factory=TaskInfo)
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    inline: bool = False
    fetch_timeout_s: float = 180.0
    metric_group: MetricGroup | None = None
    processing_time: ProcessingTimeService = field(default_factory=ManualProcessingTime)
    auto_watermark_interval_ms: int = 200
    state: OperatorStates = field(default_factory=OperatorStates)
    checkpointing: bool = False
    accumulators: AccumulatorRegistry = field(default_factory=AccumulatorRegistry)


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """Which snapshot is being taken.

    :ivar timestamp: when it was triggered, ms.
    :ivar savepoint: it belongs to the user.
    :ivar final: the task takes no further input after it: it has ended, or is being stopped.
    """

    checkpoint_id: int
    timestamp: int = 0
    savepoint: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class SideOutput:
    """Records for those who asked for the side output ``tag``; dropped if nobody did."""

    tag: str
    batch: RecordBatch


@dataclass(frozen=True, slots=True)
class Pause:
    """The operator cannot go on now: the task takes the next output when ``wait()`` has returned.

    Meanwhile the slot's loop serves others, and the task can be cancelled. Not user code: what it raises is a fault
    of the engine.
    """

    wait: Callable[[], Awaitable[None]]


Output: TypeAlias = RecordBatch | SideOutput | Watermark | WatermarkStatus | LatencyMarker | Pause
"""What an operator gives, in this order, to those after it. Empty batches may be left out."""


class CheckpointedCalls(Protocol):
    """A user's function that may take part in checkpoints."""

    def initialize_state(self) -> None: ...

    def snapshot_state(self, checkpoint: CheckpointInfo) -> None: ...

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None: ...

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None: ...


@dataclass(slots=True)
class FailureSite:
    """Where user code failed.

    :ivar phase: the method that failed (``map``, ``open``, ...).
    :ivar record: the record that it was given, or :data:`NO_RECORD`.
    :ivar replay: calls the user's function once more in the same way, for its own traceback, where it had been put
        into generated code.
    """

    info: OperatorInfo
    phase: str
    record: Any = NO_RECORD
    replay: Callable[[], Any] | None = None


class Operator(ABC):
    """One operator of a chain, or several that were fused into one.

    :ivar infos: the operators that this one stands for, first to last.
    :ivar slices_itself: hands its output over in bounded pieces whatever the size of the input.
    """

    infos: tuple[OperatorInfo, ...]
    slices_itself: bool = False

    def open(self) -> None:  # noqa: B027  # optional hook
        """Open the user's functions; called once before the first batch."""

    @abstractmethod
    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        """Process a batch, of the first input if there are two.

        The outputs are to be taken one after the other. A ``tuple`` says that all the work has been done already; with
        any other iterable the work is done while it is iterated.
        """

    def process_second_batch(self, batch: RecordBatch) -> Iterable[Output]:
        """Process a batch of the second input."""
        raise NotImplementedError(f"{type(self).__name__} has one input")

    def process_watermark(self, watermark: Watermark) -> Iterable[Output]:
        """Event time has advanced. What is to go on downstream is among the outputs: as a rule, at last, the watermark.

        With two inputs it is the watermark of both together. ``MAX_WATERMARK`` comes once, before :meth:`finish`.
        """
        return (watermark,)

    def process_status(self, status: WatermarkStatus) -> Iterable[Output]:
        """The input became idle or active; as a rule that goes on downstream."""
        return (status,)

    def process_latency_marker(self, marker: LatencyMarker) -> Iterable[Output]:
        """A mark in the stream came by; it goes on behind the records that came before it."""
        return (marker,)

    def on_wake(self, now_ms: int) -> Iterable[Output]:  # for those who asked to be woken
        """The alarm of ``context.processing_time`` went off, or its ``wake()`` was called. It may come for nothing.

        Not called any more from :meth:`finish` on.
        """
        return ()

    def finish(self) -> Iterable[Output]:
        """The input has ended: give what is still held. Not called after a failure or a cancellation."""
        return ()

    def functions(self) -> Iterable[CheckpointedCalls]:
        """The user's functions that are to take part in checkpoints, in a fixed order."""
        return ()

    def initialize_state(self) -> None:
        """The backends of ``context.state`` hold what was restored, if anything was: get ready to go on from it.

        Called once, before :meth:`open`, whether or not there was a restore. User code that initialises state runs
        here.
        """
        for function in self.functions():
            function.initialize_state()

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        """Put what a snapshot must hold and the backends do not have yet into them.

        Called between two other calls, never inside one, right before the snapshot of the backends is taken; all
        outputs so far have been handed on. With it the barrier goes downstream. User code that snapshots state runs
        here; if it raises, the checkpoint is declined.
        """
        for function in self.functions():
            function.snapshot_state(checkpoint)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        """The checkpoint, and with it all earlier ones, is complete and will be restored from: make its effects final.

        Called at most once per checkpoint, in order, perhaps not for each one; also after :meth:`finish`.
        """
        for function in self.functions():
            function.notify_checkpoint_complete(checkpoint_id)
        return ()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        """The checkpoint will never be complete; a later one will hold what it held."""
        for function in self.functions():
            function.notify_checkpoint_aborted(checkpoint_id)

    def idle(self) -> None:  # noqa: B027  # optional hook
        """The task has nothing to do now: let out what is buffered for efficiency only."""

    async def stop(self) -> None:  # noqa: B027  # optional hook
        """End what runs in the background (coroutines). Called once before :meth:`close`, whatever happened."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Close the user's functions; called once if :meth:`open` was, whatever happened."""

    @abstractmethod
    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        """Say where ``error``, which came out of this operator, happened.

        :param phase: ``open``, ``finish`` or ``close``; ``None``: in any other method, a timer's function included.
        """

    @abstractmethod
    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        """How many records each of :attr:`infos` has put out so far."""

    def timers_fired(self) -> int:
        """What came due so far and is not a timer of a backend, as the windows of an operator that needs none."""
        return 0

    def register_metrics(self, group: MetricGroup) -> None:  # noqa: B027  # optional hook
        """Add what this operator knows of itself to the metrics that every operator has. Before :meth:`open`."""

    def late_records_dropped(self) -> int:
        """How many records came too late for everything and went nowhere (``numLateRecordsDropped``)."""
        return 0
