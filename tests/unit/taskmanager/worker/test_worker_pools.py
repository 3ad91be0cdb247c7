"""What a TaskManager relies on with every kind of worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from worker_probe import WorkerProbe

from millstream.common.config import Configuration
from millstream.taskmanager.worker.handle import WorkerPool
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool
from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool

SCRIPTED = "scripted_slot_worker:ScriptedSlotWorker"


@pytest.fixture(params=["process", "thread"])
def make_pool(request: pytest.FixtureRequest) -> Callable[[], WorkerPool]:
    if request.param == "process":
        return lambda: ProcessWorkerPool(Configuration(), 1, slot_worker=SCRIPTED)
    return lambda: ThreadWorkerPool(Configuration(), slot_worker=SCRIPTED)


def _with_worker(make_pool: Callable[[], WorkerPool], test: Callable[[WorkerProbe], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = make_pool()
        await pool.start()
        try:
            await test(WorkerProbe(await pool.take()))
        finally:
            await pool.close()

    asyncio.run(run())


def test_commands_are_carried_out_in_order_and_answered(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        probe.prepare()
        probe.run("a", "b")
        probe.cancel("a")
        await probe.state("a", "CANCELED")
        assert [event.WhichOneof("event") for event in probe.events] == ["prepared"] + 3 * ["task_state"]
        assert probe.events[0].prepared.pid == probe.worker.pid
        assert str(probe.worker.pid if "process" in probe.worker.description else "slot-") in probe.worker.description

    _with_worker(make_pool, test)


def test_a_slow_operator_request_holds_up_nothing(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        probe.play("wait:3600")
        assert await probe.ask("quick") == b"done"
        probe.run("a")
        await probe.state("a", "RUNNING")

    _with_worker(make_pool, test)


def test_a_large_answer_comes_whole(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        assert await probe.ask("large:5000000") == b"x" * 5_000_000

    _with_worker(make_pool, test)


def test_stop_closes_the_slot_worker_and_reports_the_end_once(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        await probe.worker.stop(10)
        assert probe.exits == ["exit status 0"]
        assert probe.events[-1].task_state.attempt_id == "closed"
        await probe.worker.stop(10)
        probe.worker.kill()
        probe.worker.interrupt()
        probe.run("ignored")
        assert probe.exits == ["exit status 0"]

    _with_worker(make_pool, test)


def test_a_slot_worker_that_gives_up_ends_after_saying_why(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        probe.play("fail")
        assert await probe.exit() == "exit status 1"
        assert any(event.failed.failure.message == "cannot serve" for event in probe.events)

    _with_worker(make_pool, test)


def test_a_fault_of_the_slot_worker_itself_is_reported_and_ends_it(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        probe.cancel("raise")
        assert await probe.exit() == "exit status 1"
        failure = (await probe.event(lambda event: event.HasField("failed"))).failed.failure
        assert failure.kind == "ENGINE"
        assert failure.exception_type == "RuntimeError"
        assert "'cancel' command: a fault of the engine" in failure.message
        assert "scripted_slot_worker.py" in failure.full_traceback

    _with_worker(make_pool, test)


def test_blocking_user_code_is_interrupted(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        request = probe.play("deaf:60")
        await probe.state("blocking", "RUNNING")
        probe.worker.interrupt()
        assert (await probe.answer(request)).operator_response.payload == b"interrupted"
        assert await probe.ask("quick") == b"done"

    _with_worker(make_pool, test)


def test_an_interrupt_without_user_code_does_nothing(make_pool: Callable[[], WorkerPool]) -> None:
    async def test(probe: WorkerProbe) -> None:
        for _ in range(20):
            probe.worker.interrupt()
        assert await probe.ask("quick") == b"done"

    _with_worker(make_pool, test)


def test_each_worker_is_taken_once(make_pool: Callable[[], WorkerPool]) -> None:
    async def run() -> None:
        pool = make_pool()
        try:
            workers = [await pool.take() for _ in range(3)]
            assert len({id(worker) for worker in workers}) == 3
            assert len({worker.description for worker in workers}) == 3
            for worker in workers:
                probe = WorkerProbe(worker)
                assert await probe.ask("quick") == b"done"
        finally:
            await pool.close()

    asyncio.run(run())


def test_close_ends_taken_workers_and_forbids_new_ones(make_pool: Callable[[], WorkerPool]) -> None:
    async def run() -> None:
        pool = make_pool()
        probe = WorkerProbe(await pool.take())
        await pool.close()
        await pool.close()
        assert probe.exits == ["exit status 0"]
        with pytest.raises(OSError, match="closed"):
            await pool.take()

    asyncio.run(run())


def test_who_attaches_late_misses_nothing(make_pool: Callable[[], WorkerPool]) -> None:
    async def run() -> None:
        pool = make_pool()
        try:
            worker = await pool.take()
            await worker.stop(10)
            probe = WorkerProbe(worker)
            assert await probe.exit() == "exit status 0"
        finally:
            await pool.close()

    asyncio.run(run())


def test_files_are_closed_in_the_end(make_pool: Callable[[], WorkerPool]) -> None:
    def open_files() -> set[str]:
        return {f"{fd.name} {fd.readlink()}" for fd in Path("/proc/self/fd").iterdir() if os.path.lexists(fd)}

    def once() -> None:
        async def test(probe: WorkerProbe) -> None:
            assert await probe.ask("quick") == b"done"

        _with_worker(make_pool, test)

    once()
    before = open_files()
    once()
    assert open_files() == before
