"""The moments of a TaskManager in which tests may let it fail lie where they are said to lie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint, listen
from millstream.common.rpc.service import RemoteCallError
from millstream.common.wire import cluster_pb2 as pb
from millstream.taskmanager.task_executor.slot_service import NOTICE_RECEIVED, SLOT_ALLOCATED, TASKS_SUBMITTED
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import RunningJob, with_job


class FailureOnPurpose(MillstreamError):
    """What a test lets happen."""


@pytest.fixture
def failing() -> Iterator[set[FaultPoint]]:
    """The points at which something fails from now on."""
    points: set[FaultPoint] = set()

    def reach(point: FaultPoint) -> None:
        if point in points:
            raise FailureOnPurpose(point.moment)

    end = listen(reach)
    yield points
    end()


def test_a_slot_that_fails_before_it_is_offered_is_told_and_freed(failing: set[FaultPoint]) -> None:
    async def test(job: RunningJob) -> None:
        failing.add(SLOT_ALLOCATED)
        await job.gateway.request_slot(job.slot_request())
        await job.cluster.until(lambda: bool(job.cluster.rm.available))
        assert job.job_master.offers == []
        assert SLOT_ALLOCATED.moment in job.job_master.lost_slots[0].failure.message
        assert job.workers[0].kinds() == ["prepare"]

    with_job(test)


def test_tasks_run_already_when_their_submission_fails_at_last(failing: set[FaultPoint]) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        failing.add(TASKS_SUBMITTED)
        with pytest.raises(RemoteCallError, match="FailureOnPurpose"):
            await job.submit("x")
        assert worker.attempts_run() == ["x"]
        await job.cancel("x")  # as the JobMaster does then
        await job.cluster.until(lambda: job.states() == [("x", "CANCELED")])

    with_job(test)


def test_no_task_hears_of_a_checkpoint_whose_notice_fails(failing: set[FaultPoint]) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        await job.submit("x")
        notice = pb.NotifyCheckpointRequest(job_master_id="jm-1", attempt_ids=["x"], checkpoint_id=7, completed=True)
        failing.add(NOTICE_RECEIVED)
        with pytest.raises(RemoteCallError, match="FailureOnPurpose"):
            await job.gateway.notify_checkpoint(notice)
        assert worker.kinds() == ["prepare", "run"]
        failing.clear()
        await job.gateway.notify_checkpoint(notice)  # the JobMaster insists
        assert worker.kinds() == ["prepare", "run", "notify_checkpoint"]

    with_job(test)
