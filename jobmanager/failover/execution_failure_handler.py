"""Decides what a failure leads to: a restart of some subtasks after a while, or the end of the job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from millstream.common.failure import STATE, FailureInfo
from millstream.jobmanager.execution_graph import ExecutionVertexID
from millstream.jobmanager.failover.exception_history import ExceptionHistory
from millstream.jobmanager.failover.failover_strategy import FailoverStrategy
from millstream.jobmanager.failover.restart_strategy import RestartBackoffTimeStrategy

__all__ = ["ExecutionFailureHandler", "FailureHandlingResult"]


@dataclass(frozen=True, slots=True)
class FailureHandlingResult:
    """The decision.

    :ivar tasks_to_restart: the subtasks to cancel and start anew; ``None``: the job fails for good.
    :ivar delay_ms: how long to wait before that.
    """

    tasks_to_restart: frozenset[ExecutionVertexID] | None
    delay_ms: int = 0


class ExecutionFailureHandler:
    """A restart strategy, a failover strategy and the history of failures."""

    __slots__ = ("_failover", "_restart", "history")

    def __init__(
        self, failover: FailoverStrategy, restart: RestartBackoffTimeStrategy, history: ExceptionHistory
    ) -> None:
        self._failover = failover
        self._restart = restart
        self.history = history

    def graph_changed(self) -> None:
        """The job has other subtasks now."""
        self._failover.graph_changed()

    def handle(
        self, failure: FailureInfo, failed: Iterable[ExecutionVertexID], now_ms: int, *, restarting: bool = False
    ) -> FailureHandlingResult:
        """Take note of a failure and decide.

        :param failed: the subtasks that failed; empty if the job failed as a whole.
        :param restarting: the job waits for its restart after an earlier failure.
        """
        self._restart.notify_failure(now_ms)
        if failure.kind == STATE or not self._restart.can_restart(now_ms):
            self.history.add(failure)
            return FailureHandlingResult(None)
        if restarting and len(self.history):
            self.history.add_concurrent(failure)
        else:
            self.history.add(failure)
        return FailureHandlingResult(self._failover.tasks_to_restart(failed), self._restart.backoff_time_ms(now_ms))
