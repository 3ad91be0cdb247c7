"""The Dispatcher's job table, without any Dispatcher."""

from __future__ import annotations

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
    JobPhase,
    JobTable,
    StartJobMaster,
)

JOB = JobID("0" * 32)
OTHER = JobID("1" * 32)
DETAILS = JobDetails(plan_json="ended")


def test_the_life_of_a_job() -> None:
    table = JobTable()
    assert table.submit(JOB) == [StartJobMaster(JOB)]
    assert table.phase(JOB) is JobPhase.STARTING
    assert table.started(JOB) == []
    assert table.phase(JOB) is JobPhase.RUNNING
    assert table.ended(JOB, DETAILS) == [ArchiveJob(JOB, DETAILS), CloseJobMaster(JOB)]
    assert table.phase(JOB) is JobPhase.CLOSING
    assert table.closed(JOB) == []
    assert JOB not in table
    assert table.phase(JOB) is None
    assert len(table) == 0


def test_an_id_is_taken_until_the_job_master_is_closed() -> None:
    table = JobTable()
    table.submit(JOB)
    with pytest.raises(DuplicateJobError, match=JOB):
        table.submit(JOB)
    table.started(JOB)
    table.ended(JOB, DETAILS)
    with pytest.raises(DuplicateJobError):
        table.submit(JOB)
    table.closed(JOB)
    assert table.submit(JOB) == [StartJobMaster(JOB)]


def test_a_job_that_is_cancelled_while_it_starts_is_cancelled_once_it_has_started() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.cancel(JOB) == []
    assert table.started(JOB) == [CancelJob(JOB)]
    assert table.cancel(JOB) == [CancelJob(JOB)]


def test_cancelling_what_is_not_there() -> None:
    with pytest.raises(JobNotFoundError, match=JOB):
        JobTable().cancel(JOB)


def test_a_job_that_ends_before_it_has_started() -> None:
    table = JobTable()
    table.submit(JOB)
    assert table.ended(JOB, DETAILS) == [ArchiveJob(JOB, DETAILS), CloseJobMaster(JOB)]
    assert table.started(JOB) == []
    assert table.ended(JOB, DETAILS) == []


def test_a_shutdown_cancels_all_and_ends_with_the_last_job() -> None:
    table = JobTable()
    table.submit(JOB)
    table.started(JOB)
    table.submit(OTHER)
    assert table.shut_down() == [CancelJob(JOB)]
    assert table.shut_down() == []
    assert table.shutting_down
    with pytest.raises(MillstreamError, match="shutting down"):
        table.submit(JobID("2" * 32))
    assert table.started(OTHER) == [CancelJob(OTHER)]
    table.ended(JOB, DETAILS)
    assert table.closed(JOB) == []
    table.ended(OTHER, DETAILS)
    assert table.closed(OTHER) == [AllJobsEnded()]


def test_a_shutdown_without_jobs_ends_at_once() -> None:
    assert JobTable().shut_down() == [AllJobsEnded()]


def test_giving_up_closes_what_has_not_ended() -> None:
    table = JobTable()
    table.submit(JOB)
    table.submit(OTHER)
    table.ended(OTHER, DETAILS)
    table.shut_down()
    assert table.give_up() == [CloseJobMaster(JOB)]
    assert table.give_up() == []
    assert table.closed(OTHER) == []
    assert table.closed(JOB) == [AllJobsEnded()]


JOBS = st.sampled_from([JobID(str(digit) * 32) for digit in range(4)])
EVENTS = st.lists(
    st.tuples(st.sampled_from(["submit", "started", "ended", "closed", "cancel", "shut_down", "give_up"]), JOBS),
    max_size=60,
)


def apply(table: JobTable, event: str, job_id: JobID) -> list[Action]:
    if event == "submit":
        return table.submit(job_id)
    if event == "started":
        return table.started(job_id)
    if event == "ended":
        return table.ended(job_id, DETAILS)
    if event == "closed":
        return table.closed(job_id)
    if event == "cancel":
        return table.cancel(job_id)
    return table.shut_down() if event == "shut_down" else table.give_up()


@given(events=EVENTS)
def test_whatever_happens_each_job_is_started_archived_and_closed_at_most_once(
    events: list[tuple[str, JobID]],
) -> None:
    table = JobTable()
    seen: dict[JobID, list[type]] = {}
    all_ended = 0
    for event, job_id in events:
        if event == "closed" and table.phase(job_id) is not JobPhase.CLOSING:
            continue  # a JobMaster is closed only when the table said so
        try:
            actions = apply(table, event, job_id)
        except MillstreamError:
            assert event in ("submit", "cancel")
            continue
        for action in actions:
            if isinstance(action, AllJobsEnded):
                all_ended += 1
                assert table.shutting_down
                assert len(table) == 0
            elif isinstance(action, CancelJob):
                assert table.phase(action.job_id) is JobPhase.RUNNING
            elif isinstance(action, StartJobMaster):
                seen[action.job_id] = [StartJobMaster]
            else:
                assert type(action) not in seen[action.job_id]
                assert seen[action.job_id][-1] is not CloseJobMaster
                seen[action.job_id].append(type(action))
    assert all_ended <= 1
    assert all_ended == (table.shutting_down and len(table) == 0)
