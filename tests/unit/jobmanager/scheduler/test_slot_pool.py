"""The slot pool: what it takes, gives out again and forgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from millstream.common.errors import InvalidProgramError
from millstream.common.ids import AllocationId, ResourceId
from millstream.jobmanager.execution_graph import PhysicalSlot, TaskManagerLocation
from millstream.jobmanager.scheduler.slot_pool import SlotPool
from millstream.jobmanager.scheduler.slot_sharing import ExecutionSlotSharingGroup, SlotSharing
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex


def _slot(allocation: str, task_manager: str = "tm", index: int = 0) -> PhysicalSlot:
    return PhysicalSlot(
        AllocationId(allocation), index, TaskManagerLocation(ResourceId(task_manager)), "127.0.0.1", 4000 + index
    )


def _group(slot: int) -> ExecutionSlotSharingGroup:
    return ExecutionSlotSharingGroup("default", slot)


def test_slots_needed_are_the_sum_of_the_groups_widest_vertices() -> None:
    sharing = SlotSharing(
        execution_graph(
            job_graph([vertex("a", 2), vertex("b", 4), vertex("c", 3, group="heavy"), vertex("d", 1, group="heavy")])
        )
    )
    assert sharing.slots_needed == 7
    assert sharing.parallelism == {"default": 4, "heavy": 3}
    assert [member.subtask_index for member in sharing.members(_group(1))] == [1, 1]


def test_co_located_subtasks_share_a_slot_or_are_refused() -> None:
    graph = execution_graph(job_graph([vertex("a", 2, co_location="x"), vertex("b", 2, co_location="x")]))
    sharing = SlotSharing(graph)
    a, b = graph.job_vertices.values()
    for index in range(2):
        assert sharing.group_of(a.subtasks[index].id) == sharing.group_of(b.subtasks[index].id)
    with pytest.raises(InvalidProgramError, match="co-located"):
        SlotSharing(
            execution_graph(job_graph([vertex("a", co_location="x"), vertex("b", group="other", co_location="x")]))
        )


def test_no_more_slots_are_taken_than_needed() -> None:
    pool = SlotPool()
    pool.requirement = 1
    assert pool.offer(_slot("a"), 0)
    assert not pool.offer(_slot("b"), 0)
    # The first answer got lost: offered again, taken again, held once.
    assert pool.offer(_slot("a"), 0)
    assert len(pool) == 1


def test_all_groups_get_slots_or_none_does() -> None:
    pool = SlotPool()
    pool.requirement = 2
    pool.offer(_slot("a"), 0)
    assert not pool.assign([_group(0), _group(1)])
    assert pool.free_count == 1
    pool.offer(_slot("b"), 0)
    assert pool.assign([_group(0), _group(1)])
    assert pool.free_count == 0


def test_neighbours_come_onto_one_task_manager_whatever_the_order_of_the_offers() -> None:
    pool = SlotPool()
    pool.requirement = 4
    for slot in (_slot("d", "tm-2", 1), _slot("a", "tm-1", 0), _slot("c", "tm-2", 0), _slot("b", "tm-1", 1)):
        pool.offer(slot, 0)
    assert pool.assign(map(_group, range(4)))
    assert [pool.slot_of(_group(group)) for group in range(4)] == sorted(
        pool.slots(), key=lambda one: one.allocation_id
    )


def test_a_group_gets_its_old_slot_back_else_one_near_by() -> None:
    pool = SlotPool()
    pool.requirement = 4
    for slot in (_slot("a", "tm-1"), _slot("b", "tm-2", 0), _slot("c", "tm-2", 1)):
        pool.offer(slot, 0)
    pool.assign([_group(0), _group(1)])
    pool.release(_group(0), 0)
    pool.release(_group(1), 0)
    assert pool.assign([_group(1)])
    assert pool.slot_of(_group(1)) == _slot("b", "tm-2", 0)
    pool.remove(AllocationId("b"))
    assert pool.slot_of(_group(1)) is None
    assert pool.assign([_group(1)])
    assert pool.slot_of(_group(1)) == _slot("c", "tm-2", 1)


def test_groups_that_lost_their_slots_go_back_to_their_task_managers_whatever_the_order_of_the_offers() -> None:
    pool = SlotPool()
    pool.requirement = 3
    for slot in (_slot("a", "tm-1"), _slot("b", "tm-2"), _slot("c", "tm-3")):
        pool.offer(slot, 0)
    pool.assign(map(_group, range(3)))
    pool.remove(AllocationId("a"))
    pool.remove(AllocationId("c"))
    # Of the two that come, one is on a TaskManager that nobody has been on: it is for whom there is no better one.
    for slot in (_slot("d", "tm-0"), _slot("e", "tm-3")):
        pool.offer(slot, 0)
    assert pool.assign(map(_group, range(3)))
    assert [str(slot.allocation_id) for slot in map(pool.slot_of, map(_group, range(3))) if slot] == ["d", "b", "e"]


def test_idle_slots_expire() -> None:
    pool = SlotPool()
    pool.requirement = 2
    pool.offer(_slot("a"), 0)
    pool.offer(_slot("b"), 30)
    pool.assign([_group(0)])
    assert pool.next_idle_expiry_ms(50) == 80
    assert pool.expired(79, 50) == []
    pool.release(_group(0), 60)
    assert [slot.allocation_id for slot in pool.expired(80, 50)] == ["b"]
    assert [slot.allocation_id for slot in pool.expired(110, 50)] == ["b", "a"]


class SlotPoolMachine(RuleBasedStateMachine):
    """Whatever happens, every slot is either free or with one group, and the pool holds no more than were needed."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = SlotPool()
        self.offered = 0
        self.most = 0

    @rule(slots=st.integers(0, 5))
    def require(self, slots: int) -> None:
        self.pool.requirement = slots
        self.most = max(slots, len(self.pool))

    @rule(task_manager=st.sampled_from(["tm-1", "tm-2"]))
    def offer(self, task_manager: str) -> None:
        self.offered += 1
        before = len(self.pool)
        taken = self.pool.offer(_slot(str(self.offered), task_manager, self.offered), 0)
        assert taken == (before < self.pool.requirement)

    @rule(groups=st.sets(st.integers(0, 4)))
    def assign(self, groups: set[int]) -> None:
        missing = [group for group in groups if self.pool.slot_of(_group(group)) is None]
        free = self.pool.free_count
        assert self.pool.assign(map(_group, groups)) == (len(missing) <= free)

    @rule(group=st.integers(0, 4))
    def release(self, group: int) -> None:
        self.pool.release(_group(group), 0)
        assert self.pool.slot_of(_group(group)) is None

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.pool.slots():
            slot = data.draw(st.sampled_from(self.pool.slots()))
            self.pool.remove(slot.allocation_id)
            assert slot.allocation_id not in self.pool

    @invariant()
    def slots_are_conserved(self) -> None:
        assigned = [slot.allocation_id for group in range(5) if (slot := self.pool.slot_of(_group(group)))]
        assert len(assigned) == len(set(assigned))
        assert len(assigned) + self.pool.free_count == len(self.pool)
        assert len(self.pool) <= self.most


TestSlotPoolMachine = SlotPoolMachine.TestCase


@given(st.permutations(range(4)))
def test_assignment_does_not_depend_on_the_order_of_offers(order: list[int]) -> None:
    pool = SlotPool()
    pool.requirement = 4
    for index in order:
        pool.offer(_slot(f"a{index}", f"tm-{index % 2}", index), 0)
    pool.assign(map(_group, range(4)))
    given_out = [slot.slot_index for group in range(4) if (slot := pool.slot_of(_group(group)))]
    assert given_out == [0, 2, 1, 3]
