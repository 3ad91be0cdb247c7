"""The task table: each attempt is taken once and ends once, whatever arrives late or twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.ids import AllocationId, AttemptId
from millstream.common.states import ExecutionState
from millstream.common.wire.graph_pb2 import JobVertex, TaskDeployment
from millstream.taskmanager.task_executor.task_table import CancelVerdict, TaskTable

SLOT = AllocationId("slot")


def _task(attempt: str, allocation: str = SLOT) -> TaskDeployment:
    return TaskDeployment(
        attempt_id=attempt, allocation_id=allocation, subtask_index=1, vertex=JobVertex(name="map", parallelism=4)
    )


def test_the_life_of_an_attempt() -> None:
    table = TaskTable()
    attempt = AttemptId("x")
    assert table.submit(_task(attempt))
    entry = table.find(attempt)
    assert entry is not None
    assert (entry.name, entry.allocation_id) == ("map (2/4)", SLOT)
    assert table.transition(attempt, ExecutionState.RUNNING)
    assert entry.state is ExecutionState.RUNNING
    assert table.cancel(attempt) is CancelVerdict.LIVE
    assert table.transition(attempt, ExecutionState.CANCELED)
    assert table.find(attempt) is None
    assert table.cancel(attempt) is CancelVerdict.ENDED


def test_a_deployment_that_comes_after_its_cancellation_is_refused() -> None:
    table = TaskTable()
    assert table.cancel(AttemptId("x")) is CancelVerdict.UNKNOWN
    assert not table.submit(_task("x"))
    assert table.cancel(AttemptId("x")) is CancelVerdict.ENDED


def test_a_lost_slot_takes_its_tasks_along() -> None:
    table = TaskTable()
    for attempt, slot in (("x", "one"), ("y", "two"), ("z", "one")):
        table.submit(_task(attempt, slot))
    assert [entry.attempt_id for entry in table.live_in(AllocationId("one"))] == ["x", "z"]
    assert [entry.attempt_id for entry in table.slot_lost(AllocationId("one"))] == ["x", "z"]
    assert table.live_in(AllocationId("one")) == []
    assert not table.transition(AttemptId("x"), ExecutionState.RUNNING)
    assert table.transition(AttemptId("y"), ExecutionState.RUNNING)


def test_what_is_remembered_of_ended_attempts_is_bounded() -> None:
    table = TaskTable()
    for i in range(10_000):
        table.submit(_task(str(i)))
        table.transition(AttemptId(str(i)), ExecutionState.FINISHED)
    assert table.cancel(AttemptId("9999")) is CancelVerdict.ENDED
    assert table.cancel(AttemptId("0")) is CancelVerdict.UNKNOWN


@given(
    st.lists(
        st.tuples(
            st.sampled_from("xyz").map(AttemptId),
            st.one_of(st.sampled_from(["submit", "cancel"]), st.sampled_from(ExecutionState)),
        )
    )
)
def test_an_attempt_is_taken_at_most_once_and_ends_at_most_once(
    steps: list[tuple[AttemptId, str | ExecutionState]],
) -> None:
    table = TaskTable()
    taken: list[AttemptId] = []
    ended: list[AttemptId] = []
    for attempt, step in steps:
        if step == "submit":
            if table.submit(_task(attempt)):
                taken.append(attempt)
        elif isinstance(step, ExecutionState):
            if table.transition(attempt, step) and step.is_terminal():
                ended.append(attempt)
        elif table.cancel(attempt) is CancelVerdict.UNKNOWN:
            ended.append(attempt)
        assert len(set(taken)) == len(taken)
        assert len(set(ended)) == len(ended)
        assert {entry.attempt_id for entry in table.live_in(SLOT)} == set(taken) - set(ended)
