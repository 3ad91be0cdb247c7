"""What programs read from the machine while a simulation runs."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from millstream.testing.simulation.determinism import UnsupportedInSimulationError
from millstream.testing.simulation.simulated_process import ProcessKilled
from millstream.testing.simulation.simulation import Simulation


def _within(seed: int, work: Callable[[], object], start_ms: int = 1_000_000) -> object:
    """Return what ``work`` returns in a process of a simulation."""

    async def main() -> object:
        return work()

    with Simulation(seed, start_ms) as simulation:
        process = simulation.start_process("p", "host", main)
        simulation.run_for(60)
        assert [str(error) for error in simulation.errors] == []
        return process.result


def test_time_is_the_simulations() -> None:
    def work() -> tuple[float, ...]:
        begin = time.perf_counter()
        time.sleep(20)
        return time.time(), time.time_ns() / 1e9, time.perf_counter() - begin, monotonic() - begin

    assert _within(1, work) == pytest.approx((1020, 1020, 20, 20), abs=0.1)
    assert monotonic is time.monotonic, "what was imported by name is put back"
    assert abs(time.time() - time.time_ns() / 1e9) < 1


def test_work_takes_time_so_that_busy_loops_end() -> None:
    def work() -> int:
        turns, end = 0, time.perf_counter_ns() + 10_000_000
        while time.perf_counter_ns() < end:
            turns += 1
        return turns

    turns = _within(1, work)
    assert isinstance(turns, int)
    assert 1 < turns < 100_000
    assert _within(1, work) == turns


@pytest.mark.parametrize(
    "draw",
    [
        lambda: secrets.token_hex(8),
        uuid.uuid4,
        lambda: os.urandom(8),
        random.random,
        lambda: random.SystemRandom().random(),
        os.getpid,
    ],
)
def test_chance_is_the_seeds(draw: Callable[[], object]) -> None:
    assert _within(1, draw) == _within(1, draw)


def test_chance_differs_by_seed_and_is_restored() -> None:
    assert _within(1, uuid.uuid4) != _within(2, uuid.uuid4)
    random.seed(5)
    expected = random.random()
    random.seed(5)
    _within(1, random.random)
    assert random.random() == expected
    assert uuid.uuid4() != uuid.uuid4()


def test_work_of_executors_happens_without_threads_and_later() -> None:
    with ThreadPoolExecutor(1) as pool, Simulation(1) as simulation:
        order: list[str] = []

        async def main() -> list[object]:
            loop = asyncio.get_running_loop()
            first = loop.run_in_executor(pool, order.append, "first")
            second = pool.submit(order.append, "second")
            order.append("main")
            await first
            await asyncio.wrap_future(second)
            with pytest.raises(ValueError, match="invalid literal"):
                await asyncio.to_thread(int, "x")
            order.append(str(pool.submit(threading.active_count).result() >= 1))
            return [loop.time()]

        before = threading.active_count()
        process = simulation.start_process("p", "host", main)
        simulation.run_until(lambda: not process.alive, 5, "the end")
        assert order == ["main", "first", "second", "True"]
        assert threading.active_count() == before
        assert simulation.errors == []


def test_work_of_a_dead_process_is_lost() -> None:
    for moment in range(1, 40, 4):
        done: list[str] = []
        told: list[str] = []

        async def main(done: list[str] = done, told: list[str] = told) -> None:
            await asyncio.to_thread(done.append, "work")
            told.append("result")

        with Simulation(moment) as simulation:
            process = simulation.start_process("p", "host", main)
            simulation.run_for(moment * 0.00005)
            process.kill("for the test")
            before = list(done), list(told)
            simulation.run_for(1)
            assert (done, told) == before


def test_a_process_can_be_killed_in_the_midst_of_its_code() -> None:
    went_on: list[str] = []

    def die() -> None:
        process = Simulation.current_process()
        assert process is not None
        process.kill("at a fault point")
        raise ProcessKilled

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(asyncio.sleep(1))
        task.add_done_callback(lambda _: went_on.append("task"))
        try:
            die()
        except Exception:  # noqa: BLE001  # a death is no error to be handled
            went_on.append("except")
        await asyncio.sleep(0)
        went_on.append("after")

    with Simulation(1) as simulation:
        process = simulation.start_process("p", "host", main)
        simulation.run_for(5)
        assert (process.was_killed, went_on, simulation.errors) == (True, [], [])


def test_a_thread_is_refused_in_words() -> None:
    async def main() -> None:
        threading.Thread(target=print, name="mine").start()

    with Simulation(1) as simulation:
        process = simulation.start_process("p", "host", main)
        simulation.run_for(1)
        assert isinstance(simulation.errors[0].error, UnsupportedInSimulationError)
        assert "p starts a thread, 'mine'" in str(process.outcome)


def test_what_is_logged_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("millstream.test")

    def work() -> tuple[float, float]:
        log.warning("something happens")
        return time.perf_counter(), random.random()

    with caplog.at_level(logging.CRITICAL, log.name):
        quiet = _within(3, work)
    assert not caplog.records
    with caplog.at_level(logging.WARNING, log.name):
        assert _within(3, work) == quiet
    (record,) = caplog.records
    assert record.created == pytest.approx(1000, abs=1), "it bears the process's time"
    log.warning("outside")
    assert abs(caplog.records[-1].created - time.time()) < 60
