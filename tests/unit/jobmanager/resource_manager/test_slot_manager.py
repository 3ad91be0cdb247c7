"""The SlotManager: slots go to jobs that want them, never to two, and none gets lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from millstream.common.ids import AllocationId, IdFactory, JobID, LeaderSessionId, ResourceId
from millstream.jobmanager.resource_manager.actions import (
    FreeSlot,
    RequestSlot,
    SlotManagerAction,
    StartJobMasterGrace,
    StartRetryDelay,
)
from millstream.jobmanager.resource_manager.events import (
    JobMasterDisconnected,
    JobMasterGraceOver,
    JobMasterLost,
    JobMasterRegistered,
    ResourcesDeclared,
    RetryDelayOver,
    SlotAvailable,
    SlotManagerEvent,
    SlotReport,
    SlotReported,
    SlotRequestAccepted,
    SlotRequestRefused,
    TaskManagerGone,
    TaskManagerRegistered,
)
from millstream.jobmanager.resource_manager.slot_manager import SlotManager
from millstream.jobmanager.resource_manager.slot_matching import SlotMatching

JOB_1, JOB_2 = JobID("1" * 32), JobID("2" * 32)
JM = LeaderSessionId("jm")
TM_1, TM_2 = ResourceId("tm-1"), ResourceId("tm-2")
S = LeaderSessionId("s")


def _manager(matching: SlotMatching = SlotMatching.FILL_FIRST) -> SlotManager:
    return SlotManager(IdFactory(random.Random(5)), grace_ms=1000, matching=matching)


def _task_manager(resource_id: ResourceId, slots: int, session: LeaderSessionId = S) -> TaskManagerRegistered:
    return TaskManagerRegistered(resource_id, session, tuple(SlotReport(index) for index in range(slots)))


def _want(manager: SlotManager, job: JobID, slots: int) -> list[SlotManagerAction]:
    manager.handle(JobMasterRegistered(job, JM, "address"))
    return manager.handle(ResourcesDeclared(job, JM, slots))


def _requests(actions: list[SlotManagerAction]) -> list[RequestSlot]:
    return [action for action in actions if isinstance(action, RequestSlot)]


def test_free_slots_go_to_the_job_that_wants_them() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 2))
    requests = _requests(_want(manager, JOB_1, 3))
    assert [(one.resource_id, one.slot_index, one.job_id) for one in requests] == [(TM_1, 0, JOB_1), (TM_1, 1, JOB_1)]
    assert (manager.slots_registered, manager.slots_free) == (2, 0)
    # The rest comes as soon as there is more.
    (request,) = _requests(manager.handle(_task_manager(TM_2, 1)))
    assert (request.resource_id, request.job_master_address) == (TM_2, "address")


def _allocated(resource_id: ResourceId, *allocations: str, job: JobID = JOB_1) -> TaskManagerRegistered:
    reports = (SlotReport(index, AllocationId(one), job) for index, one in enumerate(allocations))
    return TaskManagerRegistered(resource_id, S, tuple(reports))


def test_what_a_job_held_under_an_earlier_leader_goes_to_nobody_before_it_is_free() -> None:
    manager = _manager()
    manager.handle(_allocated(TM_1, "old-1", "old-2"))
    assert _requests(_want(manager, JOB_2, 1)) == []
    actions = _want(manager, JOB_1, 2)
    assert _requests(actions) == []
    # It is the job's, but not this JobMaster's; and the answer is not waited for twice.
    freed = [FreeSlot(TM_1, AllocationId(f"old-{number}"), "another JobMaster leads the job now") for number in (1, 2)]
    manager = _manager()
    manager.handle(_allocated(TM_1, "old-1", "old-2"))
    assert manager.handle(JobMasterRegistered(JOB_1, JM, "address")) == freed
    assert manager.handle(ResourcesDeclared(JOB_1, JM, 2)) == []
    (request,) = _requests(manager.handle(SlotAvailable(TM_1, S, 1, AllocationId("old-2"))))
    assert (request.slot_index, request.job_master_id) == (1, JM)
    # A heartbeat tells the same.
    report = SlotReported(TM_1, S, (SlotReport(0), SlotReport(1, request.allocation_id, JOB_1)), manager.revision)
    (other,) = _requests(manager.handle(report))
    assert other.slot_index == 0


def test_a_job_need_not_wait_for_its_old_slots_if_there_are_others() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_2, 2))
    manager.handle(_allocated(TM_1, "old-1", "old-2"))
    assert [one.resource_id for one in _requests(_want(manager, JOB_1, 2))] == [TM_2, TM_2]


def test_a_job_that_would_go_back_waits_for_its_old_slots() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_2, 1))
    manager.handle(_allocated(TM_1, "old"))
    manager.handle(JobMasterRegistered(JOB_1, JM, "address"))
    assert manager.handle(ResourcesDeclared(JOB_1, JM, 1, prefer_former=True)) == []
    (request,) = _requests(manager.handle(SlotAvailable(TM_1, S, 0, AllocationId("old"))))
    assert request.resource_id == TM_1


def test_a_task_manager_that_comes_later_gives_the_old_slots_back_as_well() -> None:
    manager = _manager()
    _want(manager, JOB_1, 1)
    assert manager.handle(_allocated(TM_1, "old")) == [
        FreeSlot(TM_1, AllocationId("old"), "another JobMaster leads the job now")
    ]


def test_a_task_manager_that_comes_back_keeps_what_the_present_job_master_has() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    manager.handle(TaskManagerGone(TM_1, S))
    assert manager.handle(_allocated(TM_1, request.allocation_id)) == []
    # Nor is it taken from a JobMaster that was thought dead.
    manager.handle(JobMasterLost(JOB_1, JM))
    manager.handle(JobMasterGraceOver(JOB_1, JM))
    assert _want(manager, JOB_1, 1) == []


@pytest.mark.parametrize("matching", list(SlotMatching))
@pytest.mark.parametrize(("prefer_former", "expected"), [(True, TM_2), (False, TM_1)])
def test_a_lost_slot_is_replaced_where_it_was_if_the_job_would_go_back_there(
    matching: SlotMatching, prefer_former: bool, expected: ResourceId
) -> None:
    manager = _manager(matching)
    manager.handle(_task_manager(TM_2, 1))
    manager.handle(JobMasterRegistered(JOB_1, JM, "address"))
    (request,) = _requests(manager.handle(ResourcesDeclared(JOB_1, JM, 1, prefer_former)))
    manager.handle(SlotRequestAccepted(TM_2, request.allocation_id))
    manager.handle(_task_manager(TM_1, 2 if matching is SlotMatching.SPREAD_EVENLY else 1))
    (again,) = _requests(manager.handle(SlotAvailable(TM_2, S, 0, request.allocation_id)))
    assert again.resource_id == expected


def test_a_job_goes_elsewhere_if_there_is_no_slot_where_it_was() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_2, 1))
    manager.handle(JobMasterRegistered(JOB_1, JM, "address"))
    (first,) = _requests(manager.handle(ResourcesDeclared(JOB_1, JM, 1, prefer_former=True)))
    manager.handle(SlotRequestAccepted(TM_2, first.allocation_id))
    manager.handle(_task_manager(TM_1, 1))
    (again,) = _requests(manager.handle(SlotAvailable(TM_2, S, 0, first.allocation_id)))
    # Its worker cannot be started a second time.
    (elsewhere,) = _requests(manager.handle(SlotRequestRefused(TM_2, again.allocation_id, in_doubt=False)))
    assert elsewhere.resource_id == TM_1
    # It has what it wants: what it wants later has nothing to do with the slot that was lost.
    manager.handle(SlotRequestAccepted(TM_1, elsewhere.allocation_id))
    manager.handle(RetryDelayOver(TM_2, S, 0))
    manager.handle(TaskManagerRegistered(TM_1, S, (SlotReport(0, elsewhere.allocation_id, JOB_1), SlotReport(1))))
    (more,) = _requests(manager.handle(ResourcesDeclared(JOB_1, JM, 2, prefer_former=True)))
    assert more.resource_id == TM_1


def test_declaring_is_idempotent() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 4))
    assert len(_requests(_want(manager, JOB_1, 2))) == 2
    assert _requests(_want(manager, JOB_1, 2)) == []
    assert len(_requests(_want(manager, JOB_1, 3))) == 1
    assert _requests(_want(manager, JOB_1, 0)) == []


@pytest.mark.parametrize(
    ("matching", "expected"),
    [(SlotMatching.FILL_FIRST, [TM_1, TM_1]), (SlotMatching.SPREAD_EVENLY, [TM_1, TM_2])],
)
def test_matching(matching: SlotMatching, expected: list[ResourceId]) -> None:
    manager = _manager(matching)
    manager.handle(_task_manager(TM_2, 2))
    manager.handle(_task_manager(TM_1, 2))
    assert [one.resource_id for one in _requests(_want(manager, JOB_1, 2))] == expected


def test_a_slot_that_is_free_again_goes_to_the_next() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (first,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotRequestAccepted(TM_1, first.allocation_id))
    assert _requests(_want(manager, JOB_2, 1)) == []
    manager.handle(ResourcesDeclared(JOB_1, JM, 0))
    (second,) = _requests(manager.handle(SlotAvailable(TM_1, S, 0, first.allocation_id)))
    assert second.job_id == JOB_2
    # What is still said of the old allocation changes nothing.
    assert manager.handle(SlotAvailable(TM_1, S, 0, first.allocation_id)) == []
    assert manager.slots_free == 0


def test_a_lost_slot_of_a_running_job_is_replaced() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    (again,) = _requests(manager.handle(SlotAvailable(TM_1, S, 0, request.allocation_id)))
    assert again.allocation_id != request.allocation_id


def test_refusals_are_tried_again_after_a_growing_pause() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    pauses = []
    for _ in range(3):
        (pause,) = manager.handle(SlotRequestRefused(TM_1, request.allocation_id, in_doubt=False))
        assert isinstance(pause, StartRetryDelay)
        pauses.append(pause.delay_ms)
        (request,) = _requests(manager.handle(RetryDelayOver(TM_1, S, 0)))
    assert pauses == [100, 200, 400]


def test_another_slot_is_tried_at_once_after_a_refusal() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(_task_manager(TM_2, 1))
    actions = manager.handle(SlotRequestRefused(TM_1, request.allocation_id, in_doubt=False))
    assert [one.resource_id for one in _requests(actions)] == [TM_2]


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_request_in_doubt_is_settled_by_the_next_report(carried_out: bool) -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    asked_before = manager.revision
    assert manager.handle(SlotRequestRefused(TM_1, request.allocation_id, in_doubt=True)) == []
    # A report from before the answer went missing settles nothing.
    assert manager.handle(SlotReported(TM_1, S, (SlotReport(0),), asked_before)) == []
    report = SlotReport(0, request.allocation_id, JOB_1) if carried_out else SlotReport(0)
    actions = manager.handle(SlotReported(TM_1, S, (report,), manager.revision))
    assert len(_requests(actions)) == (0 if carried_out else 1)


def test_an_old_report_does_not_free_a_slot_that_was_given_since() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    as_of = manager.revision
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    manager.handle(SlotReported(TM_1, S, (SlotReport(0),), as_of))
    assert manager.slots_free == 0


def test_a_new_leader_learns_from_registrations_what_is_given_away() -> None:
    manager = _manager()
    manager.handle(TaskManagerRegistered(TM_1, S, (SlotReport(0, AllocationId("a"), JOB_1), SlotReport(1))))
    assert manager.slots_free == 1
    assert len(_requests(_want(manager, JOB_1, 2))) == 1


def test_a_restarted_task_manager_replaces_the_old_one() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    new = LeaderSessionId("new")
    (again,) = _requests(manager.handle(_task_manager(TM_1, 1, new)))
    assert again.resource_id == TM_1
    # The old process's end is no news.
    manager.handle(TaskManagerGone(TM_1, S))
    assert manager.slots_registered == 1
    manager.handle(TaskManagerGone(TM_1, new))
    assert manager.slots_registered == 0


def test_registering_twice_keeps_what_is_under_way() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    assert manager.handle(_task_manager(TM_1, 1)) == []
    manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    assert manager.slots_free == 0


def test_a_lost_task_manager_is_replaced_by_others() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    _want(manager, JOB_1, 1)
    manager.handle(_task_manager(TM_2, 1))
    assert [one.resource_id for one in _requests(manager.handle(TaskManagerGone(TM_1, S)))] == [TM_2]


def test_a_lost_job_master_has_time_to_come_back() -> None:
    manager = _manager()
    _want(manager, JOB_1, 1)
    (grace,) = manager.handle(JobMasterLost(JOB_1, JM))
    assert grace == StartJobMasterGrace(JOB_1, JM, 1000)
    assert manager.handle(_task_manager(TM_1, 1)) == []
    (request,) = _requests(manager.handle(JobMasterRegistered(JOB_1, JM, "address")))
    assert request.job_id == JOB_1
    manager.handle(JobMasterGraceOver(JOB_1, JM))
    assert manager.knows_job_master(JOB_1, JM)


def test_the_requirement_of_a_job_master_that_stays_away_is_dropped() -> None:
    manager = _manager()
    _want(manager, JOB_1, 1)
    manager.handle(JobMasterLost(JOB_1, JM))
    manager.handle(JobMasterGraceOver(JOB_1, JM))
    assert not manager.knows_job_master(JOB_1, JM)
    assert manager.handle(_task_manager(TM_1, 1)) == []


def test_a_slot_for_a_job_that_went_meanwhile_is_freed() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(JobMasterDisconnected(JOB_1, JM))
    (free,) = manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    assert free == FreeSlot(TM_1, request.allocation_id, "the job has ended")
    manager.handle(SlotAvailable(TM_1, S, 0, request.allocation_id))
    assert manager.slots_free == 1


def test_a_request_under_way_is_decided_by_its_answer_and_not_by_a_report() -> None:
    manager = _manager()
    manager.handle(_task_manager(TM_1, 1))
    (request,) = _requests(_want(manager, JOB_1, 1))
    manager.handle(SlotReported(TM_1, S, (SlotReport(0, request.allocation_id, JOB_1),), manager.revision))
    manager.handle(JobMasterDisconnected(JOB_1, JM))
    actions = manager.handle(SlotRequestAccepted(TM_1, request.allocation_id))
    assert actions == [FreeSlot(TM_1, request.allocation_id, "the job has ended")]


class SlotManagerMachine(RuleBasedStateMachine):
    """A SlotManager against a model of TaskManagers whose answers may get lost or come late."""

    def __init__(self) -> None:
        super().__init__()
        self.manager = _manager()
        # What the TaskManagers really have: (resource id, slot) -> (allocation, job) or None.
        self.truth: dict[tuple[ResourceId, int], tuple[AllocationId, JobID] | None] = {}
        self.sessions: dict[ResourceId, LeaderSessionId] = {}
        self.in_flight: list[RequestSlot] = []
        self.answers: list[SlotManagerEvent] = []
        self.retries: list[StartRetryDelay] = []
        self.required: dict[JobID, int] = {}
        self.sessions_made = 0

    def _send(self, event: SlotManagerEvent) -> None:
        for action in self.manager.handle(event):
            match action:
                case RequestSlot():
                    self.in_flight.append(action)
                case FreeSlot():
                    self._free(action.allocation_id)
                case StartRetryDelay():
                    self.retries.append(action)
                case StartJobMasterGrace():
                    pass

    def _free(self, allocation_id: AllocationId) -> None:
        for (resource_id, index), bound in list(self.truth.items()):
            if bound is not None and bound[0] == allocation_id:
                self.truth[resource_id, index] = None
                self.answers.append(SlotAvailable(resource_id, self.sessions[resource_id], index, allocation_id))

    @rule(resource_id=st.sampled_from([TM_1, TM_2]), slots=st.integers(1, 3))
    def task_manager_starts(self, resource_id: ResourceId, slots: int) -> None:
        self._forget(resource_id)
        self.sessions_made += 1
        self.sessions[resource_id] = LeaderSessionId(f"session-{self.sessions_made}")
        for index in range(slots):
            self.truth[resource_id, index] = None
        self._send(_task_manager(resource_id, slots, self.sessions[resource_id]))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def task_manager_dies(self, data: st.DataObject) -> None:
        resource_id = data.draw(st.sampled_from(sorted(self.sessions)))
        session = self.sessions[resource_id]
        self._forget(resource_id)
        self._send(TaskManagerGone(resource_id, session))

    def _forget(self, resource_id: ResourceId) -> None:
        self.sessions.pop(resource_id, None)
        self.in_flight = [one for one in self.in_flight if one.resource_id != resource_id]
        for key in [key for key in self.truth if key[0] == resource_id]:
            del self.truth[key]

    @rule(job=st.sampled_from([JOB_1, JOB_2]), slots=st.integers(0, 4))
    def declare(self, job: JobID, slots: int) -> None:
        self._send(JobMasterRegistered(job, JM, "address"))
        self._send(ResourcesDeclared(job, JM, slots))
        self.required[job] = slots

    @rule(job=st.sampled_from([JOB_1, JOB_2]))
    def job_ends(self, job: JobID) -> None:
        self._send(JobMasterDisconnected(job, JM))
        self.required.pop(job, None)
        for bound in list(self.truth.values()):
            if bound is not None and bound[1] == job:
                self._free(bound[0])

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), fate=st.sampled_from(["carried out", "refused", "answer lost", "request lost"]))
    def request_arrives(self, data: st.DataObject, fate: str) -> None:
        request = self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1)))
        key = (request.resource_id, request.slot_index)
        if fate in ("carried out", "answer lost") and self.truth[key] is None:
            self.truth[key] = (request.allocation_id, request.job_id)
        elif fate in ("carried out", "answer lost"):
            fate = "refused"
        match fate:
            case "carried out":
                self.answers.append(SlotRequestAccepted(request.resource_id, request.allocation_id))
            case "refused":
                self.answers.append(SlotRequestRefused(request.resource_id, request.allocation_id, in_doubt=False))
            case _:
                self.answers.append(SlotRequestRefused(request.resource_id, request.allocation_id, in_doubt=True))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer_arrives(self, data: st.DataObject) -> None:
        self._send(self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1))))

    @precondition(lambda self: self.retries)
    @rule()
    def retry(self) -> None:
        pause = self.retries.pop(0)
        self._send(RetryDelayOver(pause.resource_id, pause.session_id, pause.slot_index))

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        resource_id = data.draw(st.sampled_from(sorted(self.sessions)))
        self._report(resource_id)

    def _report(self, resource_id: ResourceId) -> None:
        slots = tuple(
            SlotReport(index, None if bound is None else bound[0], None if bound is None else bound[1])
            for (where, index), bound in sorted(self.truth.items())
            if where == resource_id
        )
        self._send(SlotReported(resource_id, self.sessions[resource_id], slots, self.manager.revision))

    @invariant()
    def a_slot_is_requested_for_one_job_at_a_time(self) -> None:
        keys = [(one.resource_id, one.slot_index) for one in self.in_flight]
        assert len(keys) == len(set(keys))

    @invariant()
    def counts_add_up(self) -> None:
        assert self.manager.slots_registered == len(self.truth)
        assert 0 <= self.manager.slots_free <= self.manager.slots_registered

    def teardown(self) -> None:
        # Let everything arrive that is under way: then jobs have what they want as far as there is enough.
        for _ in range(200):
            if self.in_flight:
                request = self.in_flight.pop(0)
                key = (request.resource_id, request.slot_index)
                assert self.truth[key] is None, "asked for a slot that it knew, or could know, to be taken"
                self.truth[key] = (request.allocation_id, request.job_id)
                self.answers.append(SlotRequestAccepted(request.resource_id, request.allocation_id))
            elif self.answers:
                self._send(self.answers.pop(0))
            elif self.retries:
                self.retry()
            else:
                for resource_id in self.sessions:
                    self._report(resource_id)
                if not self.in_flight and not self.answers:
                    break
        free = sum(1 for bound in self.truth.values() if bound is None)
        assert self.manager.slots_free == free
        for job, required in self.required.items():
            has = sum(1 for bound in self.truth.values() if bound is not None and bound[1] == job)
            assert has >= required or free == 0, f"{job} has {has} of {required} and {free} slots are free"


TestSlotManagerMachine = SlotManagerMachine.TestCase
TestSlotManagerMachine.settings = settings(max_examples=150, stateful_step_count=40)
