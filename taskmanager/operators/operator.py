"""What a task runs: operators that turn batches into batches.

A task pulls: it hands an operator a batch and takes the output batches one by one, and between two of them it looks
at the room downstream and at the clock. So an operator never waits, never knows who comes after it, and one that
makes much out of little (a flat_map over a generator) does it piece by piece.

Nothing is recorded per record. When a user's function raises, :meth:`Operator.locate` finds out afterwards, from the
frames of the traceback, which operator it was and on which record.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from millstream.common.clock import Clock, SystemClock
from millstream.common.records import RecordBatch, Watermark

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup

__all__ = ["NO_RECORD", "FailureSite", "Operator", "OperatorContext", "OperatorInfo", "TaskInfo"]


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
    """

    info: OperatorInfo
    task: TaskInfo = field(default_factory=TaskInfo)
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    inline: bool = False
    fetch_timeout_s: float = 180.0
    metric_group: MetricGroup | None = None


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
    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        """Process a batch. The outputs are to be taken one after the other; an empty one may be left out."""

    def process_watermark(self, watermark: Watermark) -> None:  # noqa: B027  # optional hook
        """Event time has advanced; the watermark goes on downstream afterwards."""

    def finish(self) -> Iterable[RecordBatch]:
        """The input has ended: give what is still held. Not called after a failure or a cancellation."""
        return ()

    def idle(self) -> None:  # noqa: B027  # optional hook
        """The task has nothing to do now: let out what is buffered for efficiency only."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Close the user's functions; called once if :meth:`open` was, whatever happened."""

    @abstractmethod
    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        """Say where ``error``, which came out of this operator, happened.

        :param phase: ``open``, ``finish`` or ``close``; ``None``: while a batch was processed.
        """

    @abstractmethod
    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        """How many records each of :attr:`infos` has put out so far."""
