"""A checkpoint that is under way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

from millstream.common.ids import AttemptId
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, CheckpointOptions, TaskSnapshot
from millstream.jobmanager.checkpoint.checkpoint_plan import CheckpointPlan
from millstream.jobmanager.checkpoint.completed_checkpoint import CHECKPOINT
from millstream.jobmanager.checkpoint.events import SavepointMode
from millstream.jobmanager.execution_graph import ExecutionVertexID

__all__ = ["PendingCheckpoint", "Phase"]


class Phase(Enum):
    """How far it is."""

    PREPARING = "PREPARING"
    """Its directory is being made, or that of an older one, which must begin before it."""
    TRIGGERED = "TRIGGERED"
    """Tasks take their snapshots."""
    WRITING = "WRITING"
    """All snapshots are there; the metadata is being written."""
    KEEPING = "KEEPING"
    """The metadata is there; the pointer is being kept that makes it complete. It may be kept already."""
    WITHDRAWING = "WITHDRAWING"
    """Nobody could tell in time whether its pointer was kept; the pointer is being removed."""


@dataclass(slots=True, eq=False)
class PendingCheckpoint:
    """One that is neither complete nor given up.

    :ivar mode: of a savepoint; ``None``: it is a checkpoint.
    :ivar request_id: who is to be told; empty: nobody.
    :ivar options: what its barriers carry. The directories are set when they are known.
    :ivar located: its directory is there, or it needs none.
    :ivar final: when it was triggered, every task had processed all of its input.
    :ivar snapshots: what the tasks have acknowledged with; paths are absolute.
    :ivar awaited: attempts that have not acknowledged it and will.
    :ivar metadata: what is being written.
    """

    id: int
    mode: SavepointMode | None
    request_id: str
    options: CheckpointOptions
    phase: Phase = Phase.PREPARING
    located: bool = False
    final: bool = False
    plan: CheckpointPlan = field(default_factory=lambda: CheckpointPlan({}, (), frozenset()))
    triggered: set[AttemptId] = field(default_factory=set)
    snapshots: dict[AttemptId, TaskSnapshot] = field(default_factory=dict)
    awaited: set[AttemptId] = field(default_factory=set)
    metadata: CheckpointMetadata | None = None

    @property
    def directory(self) -> str:
        """URI of its own directory; empty: not known yet, or all state stays in memory."""
        return self.options.directory

    @property
    def is_savepoint(self) -> bool:
        return self.options.kind != CHECKPOINT

    @property
    def ends_job(self) -> bool:
        """The job stops when it is complete."""
        return self.mode in (SavepointMode.STOP, SavepointMode.DRAIN)

    @property
    def is_recovery_point(self) -> bool:
        """When it is complete, the job restores from it and tasks are told, so that what they hold back is committed.

        A savepoint that the job outlives belongs to its user alone: nothing of the job may depend on it.
        """
        return not self.is_savepoint or self.ends_job

    @property
    def in_doubt(self) -> bool:
        """A later leader might go on from it, and might not."""
        return self.phase in (Phase.KEEPING, Phase.WITHDRAWING)

    def begin(self, plan: CheckpointPlan, end_of_data: Collection[AttemptId]) -> None:
        """The tasks of the plan are told now."""
        self.phase = Phase.TRIGGERED
        self.plan = plan
        self.triggered = set(plan.triggered)
        self.awaited = set(plan.tasks)
        self.final = all(attempt in end_of_data for attempt in plan.tasks)

    def is_missing(self, attempt_id: AttemptId) -> bool:
        """Whether the attempt can still acknowledge it, be it awaited or not."""
        return self.phase is Phase.TRIGGERED and attempt_id in self.plan.tasks and attempt_id not in self.snapshots

    def acknowledge(self, attempt_id: AttemptId, snapshot: TaskSnapshot) -> None:
        """A task has handed over its part."""
        self.snapshots[attempt_id] = snapshot
        self.awaited.discard(attempt_id)

    def leave(self, attempt_ids: set[AttemptId]) -> None:
        """These have finished, and take part as such."""
        self.awaited -= attempt_ids

    def all_acknowledged(self) -> bool:
        """Nobody's snapshot is awaited any more."""
        return self.phase is Phase.TRIGGERED and not self.awaited

    def finished_subtasks(self) -> set[ExecutionVertexID]:
        """The subtasks that have nothing left to do at this point of the stream."""
        ended = {attempt for attempt, snapshot in self.snapshots.items() if snapshot.finished}
        return {self.plan.tasks[attempt] for attempt in ended} | self.absent_subtasks()

    def absent_subtasks(self) -> set[ExecutionVertexID]:
        """The subtasks that finished without handing over anything. Asked when nobody is awaited any more."""
        gone = self.plan.tasks.keys() - self.snapshots.keys() - self.awaited
        return {self.plan.tasks[attempt] for attempt in gone} | self.plan.finished
