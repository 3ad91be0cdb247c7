"""The SlotManager: all slots of the cluster and what the jobs want of them.

A pure state machine. Jobs declare how many slots they want in all; whatever changes, the SlotManager compares that
with what each job has and asks TaskManagers for the difference. Declaring the same twice changes nothing. It never
takes slots away: a job that wants fewer gives them back itself, and an offer that a job does not want is refused by
the job, after which the TaskManager reports the slot free.

A slot is never asked for while an earlier request for it may still be carried out, so it cannot go to two jobs.

TaskManagers outlive leaders: one that registers may hold slots for a job that an earlier leader gave it. They are
nobody else's before the TaskManager reports them free, but a job's new JobMaster does not have them either: as soon as
it is known they are taken from the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
from millstream.jobmanager.resource_manager.slot_matching import SlotMatching, choose_slot
from millstream.jobmanager.resource_manager.task_manager_slots import (
    SlotState,
    TaskManagerSlot,
    TaskManagerSlots,
)

__all__ = ["SlotManager"]

_FIRST_RETRY_MS = 100
_LONGEST_RETRY_MS = 10_000


@dataclass(slots=True)
class _Job:
    """A registered JobMaster and what it wants.

    :ivar former: TaskManagers where it has lost a slot, until it has as many as it wants again; only for a job that
        would go back there.
    """

    job_master_id: LeaderSessionId
    address: str
    required: int = 0
    lost: bool = False
    prefer_former: bool = False
    former: list[ResourceId] = field(default_factory=list)


class SlotManager:
    """Matches declared requirements with free slots.

    :param ids: gives the allocations their ids.
    :param grace_ms: how long a lost JobMaster has to come back before its requirement is dropped.

    :ivar task_managers: by resource id, in the order of their registration; not to be changed from outside.
    :ivar revision: counts the changes of slots; see :class:`SlotReported`.
    """

    def __init__(
        self, ids: IdFactory, grace_ms: int = 10_000, matching: SlotMatching = SlotMatching.FILL_FIRST
    ) -> None:
        self.task_managers: dict[ResourceId, TaskManagerSlots] = {}
        self.revision = 0
        self._ids = ids
        self._grace_ms = grace_ms
        self._matching = matching
        self._jobs: dict[JobID, _Job] = {}
        # For which JobMaster each slot was asked for, as long as some TaskManager may hold it for that one.
        self._given: dict[AllocationId, tuple[JobID, LeaderSessionId]] = {}
        self._actions: list[SlotManagerAction] = []

    @property
    def slots_registered(self) -> int:
        """All slots of all TaskManagers."""
        return sum(len(task_manager.slots) for task_manager in self.task_managers.values())

    @property
    def slots_free(self) -> int:
        """The slots that no job has or is about to get."""
        return sum(
            1
            for task_manager in self.task_managers.values()
            for slot in task_manager.slots.values()
            if slot.state in (SlotState.FREE, SlotState.COOLING)
        )

    def knows_job_master(self, job_id: JobID, job_master_id: LeaderSessionId) -> bool:
        """Whether this is the job's registered leader."""
        job = self._jobs.get(job_id)
        return job is not None and job.job_master_id == job_master_id

    def handle(self, event: SlotManagerEvent) -> list[SlotManagerAction]:
        """Take an event and return what is to be done about it, in order."""
        self._actions = []
        match event:
            case TaskManagerRegistered():
                self._register_task_manager(event)
            case SlotReported():
                self._slots_reported(event)
            case SlotAvailable():
                self._slot_available(event)
            case TaskManagerGone():
                if self._task_manager(event.resource_id, event.session_id) is not None:
                    del self.task_managers[event.resource_id]
            case SlotRequestAccepted():
                self._request_accepted(event)
            case SlotRequestRefused():
                self._request_refused(event)
            case RetryDelayOver():
                self._retry_delay_over(event)
            case JobMasterRegistered():
                self._register_job_master(event)
            case ResourcesDeclared():
                if self.knows_job_master(event.job_id, event.job_master_id):
                    self._jobs[event.job_id].required = event.slots
                    self._jobs[event.job_id].prefer_former = event.prefer_former
            case JobMasterLost():
                if self.knows_job_master(event.job_id, event.job_master_id):
                    self._jobs[event.job_id].lost = True
                    self._actions.append(StartJobMasterGrace(event.job_id, event.job_master_id, self._grace_ms))
            case JobMasterGraceOver():
                # If it comes back after all, it still has its slots.
                if self.knows_job_master(event.job_id, event.job_master_id) and self._jobs[event.job_id].lost:
                    del self._jobs[event.job_id]
            case JobMasterDisconnected():
                if self.knows_job_master(event.job_id, event.job_master_id):
                    self._forget_job(event.job_id)
        self._match()
        return self._actions

    # ------------------------------------------------------------------ jobs

    def _register_job_master(self, event: JobMasterRegistered) -> None:
        known = self._jobs.get(event.job_id)
        if known is not None and known.job_master_id == event.job_master_id:
            known.address = event.address
            known.lost = False
        else:
            # A new leader declares for itself what it wants.
            if known is not None:
                self._forget_job(event.job_id)
            self._jobs[event.job_id] = _Job(event.job_master_id, event.address)
            for task_manager in self.task_managers.values():
                self._take_from_deposed(task_manager)

    def _forget_job(self, job_id: JobID) -> None:
        job = self._jobs.pop(job_id)
        job_master = (job_id, job.job_master_id)
        self._given = {allocation_id: given for allocation_id, given in self._given.items() if given != job_master}

    def _is_held(self, slot: TaskManagerSlot) -> bool:
        """A job's present JobMaster has the slot, or is about to get it."""
        job = None if slot.job_id is None else self._jobs.get(slot.job_id)
        if job is None or slot.job_id is None or slot.allocation_id is None:
            return False
        return self._given.get(slot.allocation_id) == (slot.job_id, job.job_master_id)

    def _goes_back(self, job_id: JobID) -> bool:
        job = self._jobs.get(job_id)
        return job is not None and job.prefer_former

    def _take_from_deposed(self, task_manager: TaskManagerSlots) -> None:
        """Have slots freed that were given to another JobMaster than the present one of their job."""
        for slot in task_manager.slots.values():
            allocated = slot.state is SlotState.ALLOCATED and slot.job_id in self._jobs
            if allocated and slot.allocation_id is not None and not self._is_held(slot):
                cause = "another JobMaster leads the job now"
                self._actions.append(FreeSlot(task_manager.resource_id, slot.allocation_id, cause))

    def _match(self) -> None:
        """Ask for free slots until every job has what it wants or none is free."""
        if not self._jobs:
            return
        has: dict[JobID, int] = {}
        for task_manager in self.task_managers.values():
            for slot in task_manager.slots.values():
                # What a deposed JobMaster holds counts for a job that would go back there: it will soon be free.
                if slot.job_id is not None and (self._is_held(slot) or self._goes_back(slot.job_id)):
                    has[slot.job_id] = has.get(slot.job_id, 0) + 1
        for job_id, job in self._jobs.items():
            if job.lost:
                continue
            for _ in range(job.required - has.get(job_id, 0)):
                chosen = choose_slot(self._matching, self.task_managers.values(), job_id, job.former)
                if chosen is None:
                    return
                task_manager, slot = chosen
                if task_manager.resource_id in job.former:
                    job.former.remove(task_manager.resource_id)
                allocation_id = self._ids.allocation_id()
                slot.bind(SlotState.PENDING, allocation_id, job_id, self._next_revision())
                self._given[allocation_id] = (job_id, job.job_master_id)
                self._actions.append(
                    RequestSlot(
                        task_manager.resource_id,
                        slot.slot_index,
                        allocation_id,
                        job_id,
                        job.job_master_id,
                        job.address,
                    )
                )
            job.former.clear()

    def _next_revision(self) -> int:
        self.revision += 1
        return self.revision

    # ------------------------------------------------------------------ TaskManagers

    def _task_manager(self, resource_id: ResourceId, session_id: LeaderSessionId) -> TaskManagerSlots | None:
        """Return the TaskManager; ``None`` for an unknown one and for an earlier process of the same name."""
        task_manager = self.task_managers.get(resource_id)
        return task_manager if task_manager is not None and task_manager.session_id == session_id else None

    def _register_task_manager(self, event: TaskManagerRegistered) -> None:
        known = self._task_manager(event.resource_id, event.session_id)
        if known is not None and set(known.slots) == {report.slot_index for report in event.slots}:
            # The same process again: it has missed our answer or thought us dead. What is under way stays so.
            self._take_report(known, event.slots, self.revision)
            return
        task_manager = TaskManagerSlots(event.resource_id, event.session_id)
        for report in event.slots:
            slot = TaskManagerSlot(report.slot_index, revision=self._next_revision())
            if report.allocation_id is not None:
                slot.bind(SlotState.ALLOCATED, report.allocation_id, report.job_id, self.revision)
            task_manager.slots[report.slot_index] = slot
        self.task_managers.pop(event.resource_id, None)
        self.task_managers[event.resource_id] = task_manager
        self._take_from_deposed(task_manager)

    def _slots_reported(self, event: SlotReported) -> None:
        task_manager = self._task_manager(event.resource_id, event.session_id)
        if task_manager is not None:
            self._take_report(task_manager, event.slots, event.as_of)

    def _take_report(self, task_manager: TaskManagerSlots, reports: tuple[SlotReport, ...], as_of: int) -> None:
        for report in reports:
            slot = task_manager.slots.get(report.slot_index)
            # A request under way is decided by its answer alone.
            if slot is None or slot.revision > as_of or slot.state is SlotState.PENDING:
                continue
            if report.allocation_id is None:
                if slot.state in (SlotState.ALLOCATED, SlotState.IN_DOUBT):
                    self._end_allocation(task_manager, slot)
            elif slot.state is not SlotState.ALLOCATED or slot.allocation_id != report.allocation_id:
                slot.bind(SlotState.ALLOCATED, report.allocation_id, report.job_id, self._next_revision())
        self._take_from_deposed(task_manager)

    def _slot_available(self, event: SlotAvailable) -> None:
        task_manager = self._task_manager(event.resource_id, event.session_id)
        slot = None if task_manager is None else task_manager.slots.get(event.slot_index)
        if task_manager is not None and slot is not None and slot.allocation_id == event.allocation_id:
            self._end_allocation(task_manager, slot)

    def _end_allocation(self, task_manager: TaskManagerSlots, slot: TaskManagerSlot) -> None:
        job = None if slot.job_id is None else self._jobs.get(slot.job_id)
        if job is not None and job.prefer_former:
            job.former.append(task_manager.resource_id)
        self._release(slot)

    def _release(self, slot: TaskManagerSlot, state: SlotState = SlotState.FREE) -> None:
        if slot.allocation_id is not None:
            self._given.pop(slot.allocation_id, None)
        slot.release(self._next_revision(), state)

    def _request_accepted(self, event: SlotRequestAccepted) -> None:
        slot = self._requested_slot(event.resource_id, event)
        if slot is None or slot.job_id is None:
            return
        slot.refusals = 0
        slot.bind(SlotState.ALLOCATED, event.allocation_id, slot.job_id, self._next_revision())
        if not self._is_held(slot):
            # Its JobMaster went while the request was under way.
            cause = "another JobMaster leads the job now" if slot.job_id in self._jobs else "the job has ended"
            self._actions.append(FreeSlot(event.resource_id, event.allocation_id, cause))

    def _request_refused(self, event: SlotRequestRefused) -> None:
        slot = self._requested_slot(event.resource_id, event)
        if slot is None:
            return
        if event.in_doubt:
            slot.state = SlotState.IN_DOUBT
            slot.revision = self._next_revision()
            return
        slot.refusals += 1
        delay_ms = min(_FIRST_RETRY_MS * 2 ** (slot.refusals - 1), _LONGEST_RETRY_MS)
        self._release(slot, SlotState.COOLING)
        session_id = self.task_managers[event.resource_id].session_id
        self._actions.append(StartRetryDelay(event.resource_id, session_id, slot.slot_index, delay_ms))

    def _requested_slot(
        self, resource_id: ResourceId, event: SlotRequestAccepted | SlotRequestRefused
    ) -> TaskManagerSlot | None:
        task_manager = self.task_managers.get(resource_id)
        slot = None if task_manager is None else task_manager.find(event.allocation_id)
        return slot if slot is not None and slot.state is SlotState.PENDING else None

    def _retry_delay_over(self, event: RetryDelayOver) -> None:
        task_manager = self._task_manager(event.resource_id, event.session_id)
        slot = None if task_manager is None else task_manager.slots.get(event.slot_index)
        if slot is not None and slot.state is SlotState.COOLING:
            slot.release(self._next_revision())
