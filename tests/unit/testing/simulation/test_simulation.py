"""Processes of a simulation: time, order, life and death."""

from __future__ import annotations

import asyncio
import gc

import pytest

from millstream.testing.simulation.simulation import Simulation, SimulationTimeoutError


def _interleaving(seed: int) -> tuple[list[str], str]:
    seen: list[str] = []

    async def work(name: str) -> None:
        for step in range(20):
            seen.append(f"{name}{step}")
            await asyncio.sleep(0.001 if step % 5 == 0 else 0)

    with Simulation(seed) as simulation:
        for name in "abc":
            simulation.start_process(name, "host", lambda name=name: work(name))  # type: ignore[misc]
        simulation.run_for(1)
        return seen, simulation.timeline.digest()


def test_a_seed_is_one_history() -> None:
    assert _interleaving(3) == _interleaving(3)
    assert len({tuple(_interleaving(seed)[0]) for seed in range(5)}) > 1


def test_time_jumps_to_the_next_timer_and_is_the_same_for_all() -> None:
    woke: list[tuple[float, int]] = []

    with Simulation(1, start_ms=5_000) as simulation:

        async def sleep() -> None:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            await asyncio.sleep(3600)
            assert loop.time() - begin == pytest.approx(3600, abs=0.01)
            process = Simulation.current_process()
            assert process is not None
            woke.append((round(simulation.elapsed), process.clock.now_ms() // 1000))

        simulation.start_process("sleeper", "host", sleep)
        simulation.run_until(lambda: bool(woke), 4000, "the sleeper wakes")
        assert woke == [(3600, 3605)]
        assert Simulation.current_process() is None


def test_a_timeout_tells_the_state_of_the_processes() -> None:
    with Simulation(1) as simulation:
        simulation.start_process("waiter", "host", lambda: asyncio.sleep(100))
        with pytest.raises(SimulationTimeoutError, match=r"(?s)dawn: not within 5 s.*waiter on host: running"):
            simulation.run_until(lambda: False, 5, "dawn")
        with pytest.raises(SimulationTimeoutError, match="nothing is left that could happen"):
            simulation.run_until(lambda: False, 500, "dawn")


def test_a_killed_process_runs_nothing_more_and_is_dropped_in_silence() -> None:
    done: list[str] = []
    ends: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(50)
        finally:
            done.append("child")
            await asyncio.sleep(0)

    async def main() -> None:
        running = asyncio.get_running_loop().create_task(child())
        try:
            await running
        finally:
            done.append("main")

    with Simulation(1) as simulation:
        process = simulation.start_process("p", "host", main)
        process.on_end(ends.append)
        simulation.run_for(1)
        process.kill("for the test")
        gc.collect()
        simulation.run_for(100)
        assert done == []
        assert (process.alive, process.outcome, ends) == (False, "killed: for the test", ["killed: for the test"])
        assert simulation.errors == []
    gc.collect()


def test_a_main_that_ends_cancels_the_rest_as_a_process_does() -> None:
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)
            ended.append("background")

    async def main() -> int:
        task = asyncio.get_running_loop().create_task(background())
        await asyncio.sleep(1)
        assert not task.done()
        return 7

    with Simulation(1) as simulation:
        process = simulation.start_process("p", "host", main)
        simulation.run_until(lambda: not process.alive, 5, "the process ends")
        assert (ended, process.result, process.outcome) == (["background"], 7, "ended")


def test_a_paused_process_goes_on_late() -> None:
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            ticks.append(round(asyncio.get_running_loop().time()))

    with Simulation(1) as simulation:
        process = simulation.start_process("p", "host", tick)
        simulation.run_for(2.5)
        process.pause()
        simulation.run_for(10)
        assert len(ticks) == 2
        process.resume()
        simulation.run_for(0.2)
        assert len(ticks) == 3
        assert ticks[2] - ticks[1] > 9


def test_a_skewed_clock_is_wrong_and_timers_are_not() -> None:
    seen: list[int] = []

    with Simulation(1, start_ms=0) as simulation:

        async def main() -> None:
            await asyncio.sleep(10)
            process = Simulation.current_process()
            assert process is not None
            seen.append(process.clock.now_ms())

        simulation.start_process("p", "host", main).skew(-4_000)
        simulation.run_for(11)
        assert seen[0] // 10 == 600
        assert simulation.now_ms >= 11_000


def test_what_nobody_handles_is_a_finding() -> None:
    async def fail() -> None:
        raise ValueError("in a task")

    def callback() -> None:
        raise KeyError("in a callback")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(callback)
        loop.create_task(fail())  # noqa: RUF006  # nobody looks at it: that is the case
        await asyncio.sleep(1)
        raise RuntimeError("in main")

    with Simulation(1) as simulation:
        simulation.start_process("p", "host", main)
        simulation.run_for(2)
        gc.collect()
        assert {type(found.error) for found in simulation.errors} == {ValueError, KeyError, RuntimeError}
        assert simulation.processes["p"].outcome == "failed: RuntimeError: in main"


def test_actions_outside_all_processes() -> None:
    seen: list[str] = []
    with Simulation(1) as simulation:
        simulation.at(2, lambda: seen.append("second"))
        simulation.at(1, lambda: seen.append("first"))
        simulation.at(1.5, lambda: seen.append("never"))()
        simulation.run_for(3)
        assert seen == ["first", "second"]


def test_streams_of_random_numbers_depend_on_seed_and_name_only() -> None:
    def draws(seed: int, name: str) -> list[float]:
        with Simulation(seed) as simulation:
            source = simulation.source(name)
            return [source.random() for _ in range(3)]

    assert draws(1, "a") == draws(1, "a")
    assert len({tuple(draws(seed, name)) for seed in (1, 2) for name in "ab"}) == 4


def test_sets_of_tasks_have_one_order() -> None:
    orders: list[list[str]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = {loop.create_task(asyncio.sleep(0), name=f"t{index}") for index in range(50)}
        orders.append([task.get_name() for task in tasks])
        await asyncio.wait(tasks)

    for _ in range(3):
        with Simulation(1) as simulation:
            simulation.start_process("p", "host", main)
            simulation.run_for(1)
    assert orders[0] == orders[1] == orders[2]


def test_there_is_one_simulation_at_a_time() -> None:
    with Simulation(1) as simulation:
        assert Simulation.current() is simulation
        with pytest.raises(RuntimeError, match="another simulation"):
            Simulation(2)
    with pytest.raises(RuntimeError, match="no simulation"):
        Simulation.current()
