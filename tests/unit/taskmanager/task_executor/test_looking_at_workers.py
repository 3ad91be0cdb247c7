"""Who looks at a TaskManager sees its workers, as far as they answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, SetLogLevelRequest
from millstream.taskmanager.task_executor import task_executor
from tests.unit.taskmanager.task_executor.task_executor_support.fake_cluster import RunningJob, with_job

PATIENT = {"pekko.ask.timeout": "20 s"}
LOGGER = "tests.a.logger.of.looking"


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    yield
    logging.getLogger(LOGGER).setLevel(logging.NOTSET)


async def _thread_names(job: RunningJob) -> list[str]:
    return [thread.name for thread in (await job.gateway.request_thread_dump(pb.Empty())).threads]


def test_a_thread_dump_shows_the_daemon_and_all_its_workers() -> None:
    async def test(job: RunningJob) -> None:
        await job.take_slot(1, "alloc-1")
        await job.take_slot(0, "alloc-0")
        names = await _thread_names(job)
        assert names[0] == "taskmanager MainThread"
        assert names[-2:] == ["worker process 2 MainThread", "worker process 1 MainThread"]  # by slot

    with_job(test)


def test_a_silent_worker_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_executor, "_THREAD_DUMP_TIMEOUT_S", 0.05)

    async def test(job: RunningJob) -> None:
        await job.take_slot()
        job.cluster.pool.shows = False
        names = await _thread_names(job)
        assert names[0] == "taskmanager MainThread"
        assert not any(name.startswith("worker") for name in names)

    with_job(test)


def test_a_worker_that_dies_while_it_is_looked_at_is_left_out_at_once() -> None:
    async def test(job: RunningJob) -> None:
        worker, other = await job.take_slot(0, "alloc-0"), await job.take_slot(1, "alloc-1")
        job.cluster.pool.shows = False
        asking = asyncio.ensure_future(_thread_names(job))
        await job.cluster.until(lambda: worker.kinds()[-1] == other.kinds()[-1] == "inspection")
        worker.die("killed by signal 9 (SIGKILL)")
        other.die("exit status 1")
        names = await asyncio.wait_for(asking, 2)  # the deadline of a silent worker is later
        assert not any(name.startswith("worker") for name in names)

    with_job(test, PATIENT)


def test_a_profile_has_the_daemon_and_its_workers_and_names_the_silent_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_executor, "_PROFILE_GRACE_S", 0.05)
    request = ProfileThreadsRequest(duration_ms=30, interval_ms=5)

    async def test(job: RunningJob) -> None:
        await job.take_slot(1, "alloc-1")
        await job.take_slot(0, "alloc-0")
        profiles = await job.gateway.profile_threads(request)
        own, *of_workers = profiles.processes
        assert any(name.startswith("taskmanager ") for name in own.frames)
        assert [list(profile.frames) for profile in of_workers] == [["worker process 2"], ["worker process 1"]]
        assert not profiles.missing
        job.cluster.pool.shows = False
        profiles = await job.gateway.profile_threads(request)
        assert len(profiles.processes) == 1
        assert [name.partition(":")[0] for name in profiles.missing] == ["slot 0", "slot 1"]

    with_job(test)


def test_a_log_level_is_set_here_and_in_all_workers_those_to_come_too() -> None:
    async def test(job: RunningJob) -> None:
        first = await job.take_slot(0, "alloc-0")
        await job.gateway.set_log_level(SetLogLevelRequest(logger=LOGGER, level="DEBUG"))
        assert logging.getLogger(LOGGER).level == logging.DEBUG
        assert first.commands[-1].inspection.set_log_level.level == "DEBUG"
        await job.gateway.request_slot(job.slot_request(1, "alloc-1"))
        await job.cluster.until(lambda: len(job.workers) == 2 and len(job.workers[1].commands) == 2)
        assert job.workers[1].kinds() == ["inspection", "prepare"]
        assert job.workers[1].commands[0].inspection.set_log_level.logger == LOGGER

    with_job(test)


@pytest.mark.parametrize(
    ("logger", "level", "complaint"),
    [("a", "LOUD", "no log level 'LOUD'"), ("a b", "INFO", "no logger 'a b'"), ("", "", "root logger")],
)
def test_a_level_that_does_not_exist_is_refused(logger: str, level: str, complaint: str) -> None:
    async def test(job: RunningJob) -> None:
        worker = await job.take_slot()
        with pytest.raises(MillstreamError, match=complaint):
            await job.gateway.set_log_level(SetLogLevelRequest(logger=logger, level=level))
        assert "inspection" not in worker.kinds()

    with_job(test)
