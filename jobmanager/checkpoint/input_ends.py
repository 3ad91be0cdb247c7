"""Which tasks have processed all of their input, and which of those may finish.

Such a task waits for a checkpoint that makes its end final: a complete one in which it says that it has nothing left to
do. An *earlier* checkpoint that says so also tells that the end of the task is in front of any later barrier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from millstream.common.ids import AttemptId
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint
from millstream.jobmanager.execution_graph import ExecutionGraph

__all__ = ["InputEnds"]


class InputEnds:
    """What is known of the ends of one job's tasks.

    :param graph: read only.
    """

    __slots__ = ("_ended", "_graph", "_released")

    def __init__(self, graph: ExecutionGraph) -> None:
        self._graph = graph
        self._ended: set[AttemptId] = set()
        # By which checkpoint, its id.
        self._released: dict[AttemptId, int] = {}

    @property
    def ended(self) -> Collection[AttemptId]:
        """Attempts that have processed all of their input, and have not finished."""
        return self._ended

    def runs(self, attempt_id: AttemptId) -> bool:
        """Whether the attempt is its subtask's current one, and has not come to an end."""
        vertex = self._graph.vertex_of_attempt(attempt_id)
        return vertex is not None and not vertex.state.is_terminal()

    def reported(self, attempt_id: AttemptId) -> None:
        """A task says that it has processed all of its input."""
        if self.runs(attempt_id):
            self._ended.add(attempt_id)

    def all_ended(self, attempts: Iterable[AttemptId]) -> bool:
        """Whether all of these have processed all of their input."""
        return all(attempt in self._ended for attempt in attempts)

    def all_released(self, attempts: Iterable[AttemptId]) -> bool:
        """Whether all of these may finish."""
        return all(attempt in self._released for attempt in attempts)

    def completed(self, pending: PendingCheckpoint) -> None:
        """A checkpoint is complete: those may finish that have said in it that they have nothing left to do."""
        for attempt, snapshot in pending.snapshots.items():
            if snapshot.finished:
                self._released.setdefault(attempt, pending.id)

    def released_before(self, pending: PendingCheckpoint, attempt_id: AttemptId) -> bool:
        """Whether a checkpoint that began earlier and is complete says that the task had nothing left to do."""
        return self._released.get(attempt_id, pending.id) < pending.id

    def forget_ended(self) -> None:
        """Tasks may have come to their end."""
        self._ended = set(filter(self.runs, self._ended))

    def forget_replaced(self) -> None:
        """Tasks may have been started anew."""
        vertex_of = self._graph.vertex_of_attempt
        self._released = {attempt: by for attempt, by in self._released.items() if vertex_of(attempt) is not None}

    def clear(self) -> None:
        """The job has ended."""
        self._ended.clear()
        self._released.clear()
