"""Real workers show what they do, in a process as in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from worker_probe import WorkerProbe

from millstream.common.config import Configuration
from millstream.common.wire.cluster_pb2 import Empty
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, SampleStacksRequest, SetLogLevelRequest
from millstream.common.wire.worker_pb2 import WorkerCommand, WorkerEvent, WorkerInspection, WorkerInspectionResult
from millstream.taskmanager.worker.handle import WorkerPool
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool
from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool


def _pool(kind: str) -> WorkerPool:
    configuration = Configuration.from_map({})
    return ProcessWorkerPool(configuration, 0) if kind == "process" else ThreadWorkerPool(configuration)


def _with_worker(kind: str, test: Callable[[WorkerProbe], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = _pool(kind)
        await pool.start()
        try:
            await test(WorkerProbe(await pool.take()))
        finally:
            await pool.close()

    asyncio.run(run())


async def _look(probe: WorkerProbe, inspection: WorkerInspection) -> WorkerInspectionResult:
    probe.worker.send(WorkerCommand(inspection=inspection))
    event: WorkerEvent = await probe.event(lambda event: event.inspection.request_id == inspection.request_id)
    return event.inspection


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_worker_tells_of_its_threads(kind: str) -> None:
    async def test(probe: WorkerProbe) -> None:
        result = await _look(probe, WorkerInspection(request_id=5, thread_dump=Empty()))
        names = [thread.name for thread in result.thread_dump.threads]
        assert not result.error
        if kind == "process":
            assert names[0] == f"worker process {probe.worker.pid} MainThread"
        else:  # its process tells of its thread
            assert all(name.startswith("worker thread asyncio ") for name in names)

    _with_worker(kind, test)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_worker_tells_where_its_threads_spend_their_time(kind: str) -> None:
    async def test(probe: WorkerProbe) -> None:
        request = ProfileThreadsRequest(duration_ms=50, interval_ms=5)
        result = await _look(probe, WorkerInspection(request_id=4, profile_threads=request))
        assert not result.error
        if kind == "process":
            assert f"worker process {probe.worker.pid} MainThread" in result.thread_profile.frames
            assert sum(stack.count for stack in result.thread_profile.stacks) > 0
        else:  # its process looks at its thread
            assert not result.thread_profile.stacks

    _with_worker(kind, test)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_worker_without_tasks_has_no_metrics(kind: str) -> None:
    async def test(probe: WorkerProbe) -> None:
        result = await _look(probe, WorkerInspection(request_id=6, metric_dump=Empty()))
        assert not result.error
        assert result.metric_dump.timestamp_ms > 0
        assert not [group for group in result.metric_dump.groups if group.scope in ("TASK", "OPERATOR")]

    _with_worker(kind, test)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_a_log_level_is_set_or_refused(kind: str) -> None:
    async def test(probe: WorkerProbe) -> None:
        name = "tests.worker.inspection"
        level = SetLogLevelRequest(logger=name, level="ERROR")
        try:
            assert not (await _look(probe, WorkerInspection(request_id=7, set_log_level=level))).error
            if kind == "thread":
                assert logging.getLogger(name).level == logging.ERROR
        finally:
            logging.getLogger(name).setLevel(logging.NOTSET)
        level.level = "SHOUT"
        assert "SHOUT" in (await _look(probe, WorkerInspection(request_id=8, set_log_level=level))).error

    _with_worker(kind, test)


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_what_a_worker_cannot_show_is_an_error_and_not_its_end(kind: str) -> None:
    async def test(probe: WorkerProbe) -> None:
        assert (await _look(probe, WorkerInspection(request_id=9))).error
        samples = SampleStacksRequest(attempt_ids=["nobody"], samples=1, interval_ms=1)
        await _look(probe, WorkerInspection(request_id=10, sample_stacks=samples))
        assert not (await _look(probe, WorkerInspection(request_id=11, thread_dump=Empty()))).error

    _with_worker(kind, test)
