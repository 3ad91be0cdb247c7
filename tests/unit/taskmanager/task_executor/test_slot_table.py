"""The slot table: who has which slot, whatever is asked in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.ids import AllocationId, JobID
from millstream.taskmanager.task_executor.slot_table import SlotAllocationError, SlotState, SlotTable

A, B = AllocationId("a"), AllocationId("b")
JOB, OTHER = JobID("1" * 32), JobID("2" * 32)


def test_the_life_of_an_allocation() -> None:
    table = SlotTable(2)
    assert table.allocate(1, JOB, A)
    assert table.state(A) is SlotState.ALLOCATED
    assert table.activate(A)
    assert table.state(A) is SlotState.ACTIVE
    assert table.begin_release(A)
    assert table.state(A) is SlotState.RELEASING
    assert table.released(A) == 1
    assert table.state(A) is SlotState.FREE
    assert table.allocate(1, OTHER, B)


def test_a_repeated_request_changes_nothing() -> None:
    table = SlotTable(1)
    assert table.allocate(0, JOB, A)
    table.activate(A)
    assert not table.allocate(0, JOB, A)
    assert table.state(A) is SlotState.ACTIVE


def test_a_slot_is_refused_with_the_reason() -> None:
    table = SlotTable(2)
    table.allocate(0, JOB, A)
    with pytest.raises(SlotAllocationError, match=f"slot 0 is allocated by allocation a of job {JOB}"):
        table.allocate(0, OTHER, B)
    with pytest.raises(SlotAllocationError, match="has slot 0"):
        table.allocate(1, JOB, A)
    with pytest.raises(SlotAllocationError, match="no slot 2: this TaskManager has 2"):
        table.allocate(2, JOB, B)
    table.begin_release(A)
    with pytest.raises(SlotAllocationError, match="just being released"):
        table.allocate(0, JOB, A)
    with pytest.raises(SlotAllocationError, match="is being released by"):
        table.allocate(0, JOB, B)


def test_late_messages_are_without_effect() -> None:
    table = SlotTable(1)
    assert not table.activate(A)
    assert not table.begin_release(A)
    table.allocate(0, JOB, A)
    assert table.begin_release(A)
    assert not table.begin_release(A)
    assert not table.activate(A)


def test_reports() -> None:
    table = SlotTable(3)
    table.allocate(0, JOB, A)
    table.allocate(2, OTHER, B)
    assert [(s.slot_index, s.allocation_id, s.job_id) for s in table.report()] == [
        (0, "a", JOB),
        (1, "", ""),
        (2, "b", OTHER),
    ]
    assert [s.slot_index for s in table.report(OTHER)] == [2]
    assert table.allocations_of(JOB) == [A]


_OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["allocate", "activate", "begin_release", "released"]),
        st.integers(0, 3),
        st.sampled_from([JOB, OTHER]),
        st.sampled_from(["a", "b", "c", "d"]).map(AllocationId),
    )
)


@given(_OPERATIONS)
def test_a_slot_has_one_allocation_and_an_allocation_one_slot(
    operations: list[tuple[str, int, JobID, AllocationId]],
) -> None:
    table = SlotTable(3)
    for operation, index, job_id, allocation_id in operations:
        if operation == "allocate":
            before = [str(status) for status in table.report()]
            try:
                fresh = table.allocate(index, job_id, allocation_id)
            except SlotAllocationError:
                fresh = False
            assert fresh == ([str(status) for status in table.report()] != before)
        elif operation == "activate":
            table.activate(allocation_id)
        elif operation == "begin_release":
            table.begin_release(allocation_id)
        elif table.state(allocation_id) is SlotState.RELEASING:
            table.released(allocation_id)
        held = [status.allocation_id for status in table.report() if status.allocation_id]
        assert len(held) == len(set(held))
        for allocation in "abcd":
            assert (table.state(AllocationId(allocation)) is SlotState.FREE) == (allocation not in held)
        for status in table.report():
            assert bool(status.allocation_id) == bool(status.job_id)
