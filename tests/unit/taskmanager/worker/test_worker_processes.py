"""What only holds for worker processes: how they die, who dies with whom, and what is ready ahead of time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from worker_probe import TIMEOUT_S, WorkerProbe

from millstream.common.config import Configuration, PythonOptions
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool

SCRIPTED = "scripted_slot_worker:ScriptedSlotWorker"


def _with_pool(
    test: Callable[[ProcessWorkerPool], Awaitable[None]], spare: int = 1, settings: dict[str, str] | None = None
) -> None:
    async def run() -> None:
        pool = ProcessWorkerPool(Configuration.from_map(settings or {}), spare, slot_worker=SCRIPTED)
        await pool.start()
        try:
            await test(pool)
        finally:
            await pool.close()

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():  # noqa: ASYNC110  # other processes change it
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), TIMEOUT_S)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_worker_is_reported_once_with_its_signal() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        os.kill(probe.worker.pid, signal.SIGKILL)
        assert await probe.exit() == "killed by signal 9 (SIGKILL)"
        await probe.worker.stop(1)
        assert probe.exits == ["killed by signal 9 (SIGKILL)"]

    _with_pool(test)


@pytest.mark.parametrize(
    ("script", "end"),
    [("exit:3", "exit status 3"), ("system-exit:4", "exit status 4"), ("last-words:5", "exit status 5")],
)
def test_a_worker_that_ends_by_itself_is_reported(script: str, end: str) -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        probe.play(script)
        for _ in range(50):
            probe.run("command-to-a-dying-worker")
        assert await probe.exit() == end
        if script.startswith("last-words"):
            assert any(event.task_state.attempt_id == "last-words" for event in probe.events)

    _with_pool(test)


def test_the_end_is_told_though_a_grandchild_holds_the_socket() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        grandchild = int(await probe.ask("grandchild:60"))
        try:
            probe.worker.kill()
            assert await probe.exit() == "killed by signal 9 (SIGKILL)"
        finally:
            os.kill(grandchild, signal.SIGKILL)

    _with_pool(test)


def test_kill_ends_a_worker_and_stop_kills_one_that_does_not_listen() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        first, second, third = [WorkerProbe(await pool.take()) for _ in range(3)]
        first.worker.kill()
        assert await first.exit() == "killed by signal 9 (SIGKILL)"
        second.play("deaf:60")
        await second.state("blocking", "RUNNING")
        await second.worker.stop(0.05)
        assert second.exits == ["killed by signal 9 (SIGKILL)"]
        await third.ask("hang-in-close")
        await third.worker.stop(0.05)
        assert third.exits == ["killed by signal 9 (SIGKILL)"]

    _with_pool(test)


def test_signals_from_a_terminal_and_from_an_administrator() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        assert await probe.ask("quick") == b"done"
        assert pool.launcher_pid is not None
        for pid in (probe.worker.pid, pool.launcher_pid):
            os.kill(pid, signal.SIGINT)
        os.kill(pool.launcher_pid, signal.SIGTERM)
        assert await probe.ask("quick") == b"done"
        os.kill(probe.worker.pid, signal.SIGTERM)
        assert await probe.exit() == "exit status 0"
        assert probe.events[-1].task_state.attempt_id == "closed"

    _with_pool(test)


def test_a_worker_that_stands_still_is_killed_and_one_that_blocks_is_not() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        blocking, stopped = WorkerProbe(await pool.take()), WorkerProbe(await pool.take())
        blocking.play("deaf:60")
        await blocking.state("blocking", "RUNNING")
        os.kill(stopped.worker.pid, signal.SIGSTOP)
        assert await stopped.exit() == (
            "killed by signal 9 (SIGKILL) after it stood still for 0.3 s (heartbeat.timeout)"
        )
        assert blocking.exits == []
        blocking.worker.kill()

    _with_pool(test, settings={"heartbeat.timeout": "300 ms"})


def test_a_worker_may_be_stopped_and_go_on() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        os.kill(probe.worker.pid, signal.SIGSTOP)
        await _until(lambda: psutil.Process(probe.worker.pid).status() == psutil.STATUS_STOPPED)
        os.kill(probe.worker.pid, signal.SIGCONT)
        assert await probe.ask("quick") == b"done"
        await probe.worker.stop(TIMEOUT_S)
        assert probe.exits == ["exit status 0"]

    _with_pool(test)


def test_a_worker_is_a_clean_child_of_the_launcher() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        pid, parent, loop, has_grpc, argv0 = (await probe.ask("info")).decode().split()
        assert (int(pid), int(parent)) == (probe.worker.pid, pool.launcher_pid)
        assert loop == ("uvloop" if _has_uvloop() else "asyncio.unix_events")
        assert has_grpc == "False"
        assert argv0 == "millstream-slot-worker"
        assert psutil.Process(int(pid)).num_threads() == 1
        assert psutil.Process(int(parent)).num_threads() == 1

    _with_pool(test)


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401  # only whether it is there
    except ImportError:
        return False
    return True


def test_workers_are_there_ahead_of_time_and_replaced_after_the_job_has_started() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        await _until(lambda: pool.spare_workers == 2)
        assert pool.launcher_pid is not None
        children = {child.pid for child in psutil.Process(pool.launcher_pid).children()}
        workers = [await pool.take(), await pool.take()]
        assert {worker.pid for worker in workers} == children
        assert pool.spare_workers == 0
        await _until(lambda: pool.spare_workers == 2)

    _with_pool(test, spare=2)


def test_a_spare_worker_that_dies_is_replaced() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        await _until(lambda: pool.spare_workers == 1)
        assert pool.launcher_pid is not None
        (child,) = psutil.Process(pool.launcher_pid).children()
        child.kill()
        await _until(lambda: pool.spare_workers == 0)
        probe = WorkerProbe(await pool.take())
        assert await probe.ask("quick") == b"done"

    _with_pool(test)


def test_no_worker_is_started_ahead_of_time_if_none_is_wanted() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        assert pool.launcher_pid is not None
        assert psutil.Process(pool.launcher_pid).children() == []
        probe = WorkerProbe(await pool.take())
        assert await probe.ask("quick") == b"done"

    _with_pool(test, spare=0)


def test_workers_die_with_their_launcher_and_a_new_one_takes_over() -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        busy = WorkerProbe(await pool.take())
        busy.play("deaf:60")
        await busy.state("blocking", "RUNNING")
        launcher = pool.launcher_pid
        assert launcher is not None
        os.kill(launcher, signal.SIGKILL)
        for end in (await probe.exit(), await busy.exit()):
            assert end == (
                f"killed by signal 9 (SIGKILL) because the worker launcher (pid {launcher}) ended: "
                "killed by signal 9 (SIGKILL)"
            )
        await _until(lambda: not _lives(probe.worker.pid) and not _lives(busy.worker.pid))
        fresh = WorkerProbe(await pool.take())
        assert await fresh.ask("quick") == b"done"
        assert pool.launcher_pid not in (None, launcher)

    _with_pool(test)


def test_a_launcher_that_is_killed_while_it_starts_is_replaced() -> None:
    async def run() -> None:
        pool = ProcessWorkerPool(Configuration(), 1, slot_worker=SCRIPTED)
        starting = asyncio.ensure_future(pool.start())
        try:
            await _until(lambda: pool.launcher_pid is not None)
            killed = pool.launcher_pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await asyncio.wait_for(starting, TIMEOUT_S)
            assert pool.launcher_pid != killed
            assert await WorkerProbe(await pool.take()).ask("info")
        finally:
            await pool.close()

    asyncio.run(run())


def test_print_reaches_the_daemons_output_line_by_line(capfd: pytest.CaptureFixture[str]) -> None:
    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        await probe.ask("print:hello from the slot")
        assert capfd.readouterr().out == "hello from the slot\n"

    _with_pool(test)


@pytest.mark.parametrize("script", ["quick", "deaf:600", "hang-in-close"])
def test_nothing_outlives_a_killed_daemon(script: str) -> None:
    owner = Path(__file__).parent / "worker_support" / "pool_owner.py"
    process = subprocess.Popen([sys.executable, str(owner), script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        pids = [int(pid) for pid in output.readline().split()]
        assert len(pids) == 4
        os.kill(pids[0], signal.SIGKILL)
        process.wait(TIMEOUT_S)
        assert output.read().replace("\n", "") == ""  # until the last process has closed the pipe
    deadline = time.monotonic() + TIMEOUT_S
    while any(_lives(pid) for pid in pids[1:]):
        assert time.monotonic() < deadline, f"left over: {[pid for pid in pids if _lives(pid)]}"
        time.sleep(0.01)


def test_a_missing_interpreter_is_named() -> None:
    async def run() -> None:
        configuration = Configuration().set(PythonOptions.EXECUTABLE, "/no/such/python")
        pool = ProcessWorkerPool(configuration, 1, slot_worker=SCRIPTED)
        with pytest.raises(OSError, match="'/no/such/python': No such file"):
            await pool.start()
        await pool.close()

    asyncio.run(run())


def test_a_launcher_that_cannot_import_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        pool = ProcessWorkerPool(Configuration(), 1, slot_worker="no_such_module:Worker")
        with pytest.raises(OSError, match="exit status 1 before it was ready"):
            await pool.start()
        await pool.close()

    asyncio.run(run())
    assert "No module named 'no_such_module'" in capfd.readouterr().err


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python cannot be told before it imports this much itself")
def test_modules_in_the_working_directory_do_not_shadow_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logging.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)

    async def test(pool: ProcessWorkerPool) -> None:
        probe = WorkerProbe(await pool.take())
        assert await probe.ask("quick") == b"done"

    _with_pool(test)
