"""The Dispatcher's job table, without any Dispatcher."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.job_table import (
    Action,
    AllJobsEnded,
    ArchiveJob,
    CancelJob,
    CloseJobMaster,
    ForgetResult,
    JobPhase,
    JobTable,
    ReadGraph,
    RemoveJobData,
    StartJobMaster,
    StoreGraph,
    StoreResult,
)

JOB = JobID("0" * 32)
OTHER = JobID("1" * 32)
DETAILS = JobDetails(plan_json="ended")


def accept(table: JobTable, job_id: JobID) -> None:
    table.submit(job_id)
    table.accepted(job_id)


def close(table: JobTable, job_id: JobID) -> list[Action]:
    """From the end of a job to when nothing is left of it but its result."""
    table.result_stored(job_id)
    table.closed(job_id)
    return table.cleaned(job_id)


def test_the_life_of_a_job() -> None:
    table = JobTable()
    assert table.submit(JOB) == [StoreGraph(JOB)]
    assert table.phase(JOB) is JobPhase.ACCEPTING
    assert table.accepted(JOB) == [StartJobMaster(JOB)]
    assert table.phase(JOB) is JobPhase.STARTING
    assert table.started(JOB) == []
    assert table.phase(JOB) is JobPhase.RUNNING
    assert table.ended(JOB, DETAILS) == [StoreResult(JOB, DETAILS)]
    assert table.phase(JOB) is JobPhase.ENDED
    assert table.result_stored(JOB) == [ArchiveJob(JOB, DETAILS), CloseJobMaster(JOB)]
    assert table.phase(JOB) is JobPhase.CLOSING
    assert table.closed(JOB) == [RemoveJobData(JOB, has_result=True)]
    assert table.phase(JOB) is JobPhase.CLEANING
    assert table.cleaned(JOB) == []
    assert JOB not in table
    assert table.phase(JOB) is None
    assert len(table) == 0


def test_an_id_is_taken_until_nothing_is_left_of_the_job() -> None:
    table = JobTable()
    steps: list[Callable[[], list[Action]]] = [
        lambda: table.submit(JOB),
        lambda: table.accepted(JOB),
        lambda: table.started(JOB),
        lambda: table.ended(JOB, DETAILS),
        lambda: table.result_stored(JOB),
        lambda: table.closed(JOB),
    ]
    for step in steps:
        step()
        with pytest.raises(DuplicateJobError, match=JOB):
            table.submit(JOB)
    table.cleaned(JOB)
    assert table.submit(JOB) == [StoreGraph(JOB)]


def test_a_job_that_may_be_kept_though_it_was_not_taken_is_removed() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.not_accepted(JOB, may_be_kept=True) == [CloseJobMaster(JOB)]
    assert table.accepted(JOB) == []
    assert table.closed(JOB) == [RemoveJobData(JOB, has_result=False)]
    assert table.cleaned(JOB) == []


def test_a_job_that_is_not_kept_leaves_nothing_to_remove() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.not_accepted(JOB, may_be_kept=False) == [CloseJobMaster(JOB)]
    assert table.closed(JOB) == []
    assert JOB not in table


def test_a_job_without_job_master_never_was() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.impossible(JOB) == []
    assert JOB not in table


def test_a_job_of_an_earlier_leader_is_run_once_its_graph_is_read() -> None:
    table = JobTable()
    assert table.recover(JOB) == [ReadGraph(JOB)]
    assert table.unreadable(JOB, DETAILS) == []
    assert table.phase(JOB) is JobPhase.READING
    assert table.graph_read(JOB) == [StartJobMaster(JOB)]
    assert table.started(JOB) == []
    assert table.ended(JOB, DETAILS) == [StoreResult(JOB, DETAILS)]
    assert table.result_stored(JOB) == [ArchiveJob(JOB, DETAILS), CloseJobMaster(JOB)]


def test_a_job_that_cannot_be_read_may_be_cancelled() -> None:
    table = JobTable()
    table.recover(JOB)
    assert table.cancel(JOB) == []
    assert table.unreadable(JOB, DETAILS) == [StoreResult(JOB, DETAILS)]
    assert table.graph_read(JOB) == []
    assert table.result_stored(JOB) == [ArchiveJob(JOB, DETAILS), RemoveJobData(JOB, has_result=True)]
    assert table.cleaned(JOB) == []


def test_a_job_that_is_cancelled_while_it_is_read_is_cancelled_once_it_has_started() -> None:
    table = JobTable()
    table.recover(JOB)
    table.cancel(JOB)
    assert table.graph_read(JOB) == [StartJobMaster(JOB)]
    assert table.started(JOB) == [CancelJob(JOB)]


def test_a_job_that_ended_under_an_earlier_leader_is_only_removed() -> None:
    table = JobTable()
    assert table.recover_ended(JOB) == [RemoveJobData(JOB, has_result=True)]
    assert table.cancel(JOB) == []
    assert table.ended(JOB, DETAILS) == []
    assert table.cleaned(JOB) == []
    assert len(table) == 0


def test_a_result_is_forgotten_when_nothing_else_is_left() -> None:
    table = JobTable()
    accept(table, JOB)
    table.ended(JOB, DETAILS)
    table.result_stored(JOB)
    assert table.expired(JOB) == []
    table.closed(JOB)
    assert table.cleaned(JOB) == [ForgetResult(JOB)]
    assert table.expired(OTHER) == [ForgetResult(OTHER)]


def test_a_job_that_is_cancelled_while_it_starts_waits_no_longer_and_is_cancelled_once_it_has_started() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.cancel(JOB) == []
    assert table.accepted(JOB) == [StartJobMaster(JOB)]
    assert table.cancel(JOB) == [CancelJob(JOB)]
    assert table.started(JOB) == [CancelJob(JOB)]
    assert table.cancel(JOB) == [CancelJob(JOB)]


def test_cancelling_what_is_not_there() -> None:
    with pytest.raises(JobNotFoundError, match=JOB):
        JobTable().cancel(JOB)


def test_a_job_that_ends_before_it_has_started() -> None:
    table = JobTable()
    accept(table, JOB)
    assert table.ended(JOB, DETAILS) == [StoreResult(JOB, DETAILS)]
    assert table.started(JOB) == []
    assert table.ended(JOB, DETAILS) == []


def test_a_shutdown_cancels_all_and_ends_with_the_last_job() -> None:
    table = JobTable()
    accept(table, JOB)
    table.started(JOB)
    accept(table, OTHER)
    assert table.shut_down() == [CancelJob(JOB), CancelJob(OTHER)]
    assert table.shut_down() == []
    assert table.shutting_down
    with pytest.raises(MillstreamError, match="shutting down"):
        table.submit(JobID("2" * 32))
    assert table.started(OTHER) == [CancelJob(OTHER)]
    table.ended(JOB, DETAILS)
    assert close(table, JOB) == []
    table.ended(OTHER, DETAILS)
    assert close(table, OTHER) == [AllJobsEnded()]


def test_a_shutdown_without_jobs_ends_at_once() -> None:
    assert JobTable().shut_down() == [AllJobsEnded()]


def test_giving_up_closes_what_has_not_ended_and_removes_nothing() -> None:
    table = JobTable()
    reading, cleaning = JobID("2" * 32), JobID("3" * 32)
    accept(table, JOB)
    accept(table, OTHER)
    table.ended(OTHER, DETAILS)
    table.result_stored(OTHER)
    table.recover(reading)
    table.recover_ended(cleaning)
    table.shut_down()
    assert table.give_up() == [CloseJobMaster(JOB)]
    assert table.give_up() == []
    assert table.graph_read(reading) == []
    assert table.cleaned(cleaning) == []
    assert table.ended(JOB, DETAILS) == []
    assert table.closed(OTHER) == []
    assert table.closed(JOB) == [AllJobsEnded()]


def test_a_result_that_is_kept_after_giving_up_is_still_told() -> None:
    table = JobTable()
    accept(table, JOB)
    table.ended(JOB, DETAILS)
    assert table.give_up() == [CloseJobMaster(JOB)]
    assert table.result_stored(JOB) == [ArchiveJob(JOB, DETAILS)]
    assert table.result_stored(JOB) == []
    assert table.closed(JOB) == []
    assert JOB not in table


JOBS = st.sampled_from([JobID(str(digit) * 32) for digit in range(4)])
EVENTS: dict[str, Callable[[JobTable, JobID], list[Action]]] = {
    "submit": JobTable.submit,
    "accepted": JobTable.accepted,
    "not_accepted": lambda table, job_id: table.not_accepted(job_id, may_be_kept=True),
    "graph_read": JobTable.graph_read,
    "unreadable": lambda table, job_id: table.unreadable(job_id, DETAILS),
    "started": JobTable.started,
    "ended": lambda table, job_id: table.ended(job_id, DETAILS),
    "result_stored": JobTable.result_stored,
    "closed": JobTable.closed,
    "cleaned": JobTable.cleaned,
    "expired": JobTable.expired,
    "cancel": JobTable.cancel,
    "shut_down": lambda table, job_id: table.shut_down(),
    "give_up": lambda table, job_id: table.give_up(),
}
ANSWERS = {
    "accepted": StoreGraph,
    "not_accepted": StoreGraph,
    "graph_read": ReadGraph,
    "unreadable": ReadGraph,
    "started": StartJobMaster,
    "result_stored": StoreResult,
    "closed": CloseJobMaster,
    "cleaned": RemoveJobData,
}
"""Events that report on an action: they come only when there was one."""
ORDER = [StoreGraph, ReadGraph, StartJobMaster, StoreResult, ArchiveJob, CloseJobMaster, RemoveJobData, ForgetResult]


@given(
    kept=st.lists(st.sampled_from(["run", "clean", "nothing"]), min_size=4, max_size=4),
    events=st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), JOBS), max_size=80),
)
def test_whatever_happens_each_step_of_a_job_comes_once_and_in_its_order(
    kept: list[str], events: list[tuple[str, JobID]]
) -> None:
    table = JobTable()
    seen: dict[JobID, list[type]] = {}
    all_ended = 0

    def take(actions: list[Action]) -> None:
        nonlocal all_ended
        for action in actions:
            if isinstance(action, AllJobsEnded):
                all_ended += 1
                assert table.shutting_down
                assert len(table) == 0
            elif isinstance(action, CancelJob):
                assert table.phase(action.job_id) in (JobPhase.STARTING, JobPhase.RUNNING)
            else:
                if isinstance(action, StoreGraph):
                    seen[action.job_id] = []
                steps = seen.setdefault(action.job_id, [])
                if not isinstance(action, ForgetResult):
                    # A result that comes while a job is closed without it is told all the same.
                    late = isinstance(action, ArchiveJob) and CloseJobMaster in steps
                    assert late or all(ORDER.index(step) < ORDER.index(type(action)) for step in steps)
                steps.append(type(action))
                if isinstance(action, RemoveJobData):
                    assert action.has_result == (ArchiveJob in steps or StoreGraph not in steps)
                    assert (StartJobMaster in steps) <= action.has_result
                if isinstance(action, ArchiveJob):
                    assert StoreResult in steps

    for digit, how in enumerate(kept):
        job_id = JobID(str(digit) * 32)
        if how != "nothing":
            take(table.recover(job_id) if how == "run" else table.recover_ended(job_id))
    for event, job_id in events:
        awaited = ANSWERS.get(event)
        if awaited is not None and awaited not in seen.get(job_id, []):
            continue
        try:
            take(EVENTS[event](table, job_id))
        except MillstreamError:
            assert event in ("submit", "cancel")
    assert all_ended <= 1
    assert all_ended == (table.shutting_down and len(table) == 0)
