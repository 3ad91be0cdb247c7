"""What a failure leads to: a restart, or the end of the job."""

from __future__ import annotations

import pytest

from millstream.common.failure import STATE, USER_CODE, engine_failure
from millstream.common.ids import VertexId
from millstream.jobmanager.execution_graph import ExecutionVertexID
from millstream.jobmanager.failover.exception_history import ExceptionHistory
from millstream.jobmanager.failover.execution_failure_handler import ExecutionFailureHandler
from millstream.jobmanager.failover.fixed_delay_strategy import FixedDelayRestartBackoffTimeStrategy


class WholeJob:
    """A failover strategy."""

    def tasks_to_restart(self, failed: object) -> frozenset[ExecutionVertexID]:
        return frozenset({ExecutionVertexID(VertexId("v"), 0)})

    def graph_changed(self) -> None:
        """It always is the same."""


@pytest.mark.parametrize(("kind", "restarts"), [(USER_CODE, True), (STATE, False)])
def test_state_that_does_not_fit_the_program_is_no_reason_to_try_again(kind: str, restarts: bool) -> None:
    history = ExceptionHistory(3)
    handler = ExecutionFailureHandler(WholeJob(), FixedDelayRestartBackoffTimeStrategy(9, 1), history)
    result = handler.handle(engine_failure(kind, "boom"), (), 0)
    assert (result.tasks_to_restart is not None) is restarts
    assert [failure.message for failure in history] == ["boom"]
