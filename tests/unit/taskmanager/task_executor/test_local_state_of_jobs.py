"""When a job's local copies come and go with its slots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from millstream.common.wire import cluster_pb2 as pb
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import JOB, RunningJob, with_job
from tests.unit.taskmanager.task_executor.task_executor_support.fake_workers import FakeWorker


def _with_copies(test: Callable[[RunningJob], Awaitable[None]], root: Path, **more: str) -> None:
    with_job(test, {"state.backend.local-recovery": "true", "io.tmp.dirs": str(root), **more})
    # Whatever happened: a TaskManager that closes leaves nothing.
    assert list(root.glob("millstream-local-state-*")) == []


def _directory(worker: FakeWorker) -> Path:
    (directory,) = worker.commands[0].prepare.local_state_directories
    return Path(directory)


def _write(worker: FakeWorker, checkpoint_id: int) -> Path:
    path = _directory(worker) / f"chk-{checkpoint_id}"
    path.mkdir(parents=True)
    return path


async def _notify(job: RunningJob, checkpoint_id: int, *, completed: bool) -> None:
    request = pb.NotifyCheckpointRequest(
        job_master_id="jm-1", attempt_ids=["x"], checkpoint_id=checkpoint_id, completed=completed
    )
    await job.gateway.notify_checkpoint(request)


def test_a_job_that_does_not_want_copies_has_no_place_for_them(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        assert list(worker.commands[0].prepare.local_state_directories) == []
        await _notify(job, 1, completed=True)

    _with_copies(test, tmp_path, **{"state.backend.local-recovery": "false"})


def test_notices_decide_which_copies_stay(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        assert _directory(worker).name == f"job-{JOB}"
        first, second, third = (_write(worker, number) for number in (1, 2, 3))
        await _notify(job, 3, completed=False)
        await job.cluster.until(lambda: not third.exists())
        await _notify(job, 2, completed=True)
        await job.cluster.until(lambda: not first.exists())
        assert second.exists()

    _with_copies(test, tmp_path)


def test_a_worker_that_died_leaves_its_copies_to_the_next(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        copies = _write(worker, 1)
        worker.die("killed by signal 9 (SIGKILL)")
        await job.cluster.until(lambda: len(job.job_master.lost_slots) == 1)
        await job.cluster.until(lambda: len(job.cluster.rm.available) == 1)
        again = await job.take_slot(0, "alloc-1")
        assert _directory(again) == _directory(worker)
        assert copies.exists()

    _with_copies(test, tmp_path)


def test_a_job_that_gives_its_last_slot_back_takes_its_copies_along(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        first = await job.take_slot(0, "alloc-0")
        second = await job.take_slot(1, "alloc-1")
        assert _directory(first) == _directory(second)
        copies = _write(first, 1)
        await job.give_back("alloc-0", "idle")
        await job.cluster.until(lambda: len(job.cluster.rm.available) == 1)
        assert copies.exists()
        await job.give_back("alloc-1", "the job is FINISHED")
        await job.cluster.until(lambda: not copies.parent.exists())

    _with_copies(test, tmp_path)


def test_a_job_master_that_says_goodbye_leaves_no_copies(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        copies = _write(await job.take_slot(), 1)
        await job.gateway.disconnect_job_master(
            pb.DisconnectJobMasterRequest(job_id=JOB, job_master_id="jm-1", cause="the job is CANCELED")
        )
        await job.cluster.until(lambda: not copies.parent.exists())

    _with_copies(test, tmp_path)


def test_a_job_that_goes_on_under_another_job_master_finds_its_copies(tmp_path: Path) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        copies = _write(worker, 1)
        await job.gateway.disconnect_job_master(
            pb.DisconnectJobMasterRequest(
                job_id=JOB, job_master_id="jm-1", cause="the job is SUSPENDED", job_goes_on=True
            )
        )
        await job.cluster.until(lambda: len(job.cluster.rm.available) == 1)
        job.job_master.leave()
        new = RunningJob(job.cluster, await job.cluster.start_job_master(JOB, "jm-2"), job.gateway)
        assert _directory(await new.take_slot(0, "alloc-1")) == _directory(worker)
        assert copies.exists()

    _with_copies(test, tmp_path)
