"""The archive of ended jobs: bounded in number and age."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.clock import ManualClock
from millstream.common.ids import JobID
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary
from millstream.dispatcher.archived_jobs import ArchivedJobs


def job(number: int) -> JobID:
    return JobID(f"{number:032x}")


def details(number: int, state: str = "FINISHED") -> JobDetails:
    return JobDetails(summary=JobSummary(job_id=job(number), state=state))


def ignored(job_id: JobID) -> None:
    """Nobody wants to know who left."""


def ids(archive: ArchivedJobs) -> list[str]:
    return [kept.summary.job_id for kept in archive]


def test_what_was_archived_is_found() -> None:
    archive = ArchivedJobs(ManualClock(), 10, timedelta(hours=1), ignored)
    archive.add(job(1), details(1), JobCheckpoints(completed=4))
    archive.add(job(2), details(2, "FAILED"), JobCheckpoints())
    archive.add(job(3), details(3, "FAILED"), JobCheckpoints())
    assert archive.get(job(1)) == details(1)
    assert archive.checkpoints(job(1)) == JobCheckpoints(completed=4)
    assert archive.get(job(9)) is None
    assert archive.checkpoints(job(9)) is None
    assert job(2) in archive
    assert len(archive) == 3
    assert archive.counts_by_state() == {"FINISHED": 1, "FAILED": 2}


def test_the_oldest_leave_when_there_are_too_many() -> None:
    archive = ArchivedJobs(ManualClock(), 2, timedelta(hours=1), ignored)
    for number in (1, 2, 1, 3):
        archive.add(job(number), details(number), JobCheckpoints())
    assert ids(archive) == [job(1), job(3)]


def test_jobs_leave_when_their_time_is_over() -> None:
    clock = ManualClock(1_000_000)
    archive = ArchivedJobs(clock, 10, timedelta(seconds=10), ignored)
    archive.add(job(1), details(1), JobCheckpoints())
    clock.advance(5_000)
    archive.add(job(2), details(2), JobCheckpoints())
    clock.advance(5_000)
    assert ids(archive) == [job(1), job(2)]
    clock.advance(1)
    assert archive.get(job(1)) is None
    assert ids(archive) == [job(2)]
    clock.advance(5_000)
    assert len(archive) == 0


@given(
    capacity=st.integers(1, 5),
    steps=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 20_000)), max_size=40),
)
def test_it_holds_just_the_newest_that_have_not_expired(capacity: int, steps: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    archive = ArchivedJobs(clock, capacity, timedelta(seconds=30), ignored)
    model: list[tuple[int, int]] = []
    for number, pause in steps:
        clock.advance(pause)
        archive.add(job(number), details(number), JobCheckpoints())
        model = [*((known, at) for known, at in model if known != number), (number, clock.now_ms())]
        model = [(known, at) for known, at in model if at >= clock.now_ms() - 30_000][-capacity:]
        assert ids(archive) == [job(known) for known, _ in model]
