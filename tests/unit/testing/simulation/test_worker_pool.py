"""Slot workers as simulated processes, as their TaskManager sees them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from millstream.common.wire.worker_pb2 import PrepareSlot, WorkerCommand, WorkerEvent
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.worker_pool import SimulatedWorker, SimulatedWorkerPool


class TaskManager:
    """A process that takes one worker and does something with it."""

    def __init__(self, simulation: Simulation, work: Callable[[SimulatedWorker], Coroutine[Any, Any, None]]) -> None:
        self.events: list[WorkerEvent] = []
        self.exits: list[str] = []
        self.worker: SimulatedWorker | None = None
        self.pool: SimulatedWorkerPool | None = None
        self._work = work
        self.process = simulation.start_process("tm", "host", self._main)

    async def _main(self) -> None:
        process = Simulation.current_process()
        assert process is not None
        self.pool = SimulatedWorkerPool(process)
        await self.pool.start()
        self.worker = await self.pool.take()
        self.worker.attach(self.events.append, self.exits.append)
        await self._work(self.worker)
        await asyncio.sleep(1000)

    @property
    def worker_process(self) -> SimulatedProcess:
        assert self.worker is not None
        return self.worker.process


async def _prepare(worker: SimulatedWorker) -> None:
    command = PrepareSlot(allocation_id="a", data_bind_host="localhost", task_manager_id="tm")
    command.job.data_secret = b"secret"
    worker.send(WorkerCommand(prepare=command))


def test_a_worker_is_a_process_on_the_same_host_that_answers() -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, _prepare)
        simulation.run_until(lambda: bool(manager.events), 5, "an event")
        prepared = manager.events[0].prepared
        assert prepared.pid == manager.worker_process.pid
        assert (manager.worker_process.host, prepared.data_port) in simulation.network.listeners
        assert simulation.errors == []


async def _stop(worker: SimulatedWorker) -> None:
    await _prepare(worker)
    await worker.stop(5)


async def _kill(worker: SimulatedWorker) -> None:
    worker.kill()


@pytest.mark.parametrize(
    ("work", "end"), [(_stop, "exit status 0"), (_kill, "killed by signal 9 (SIGKILL)")], ids=["stop", "kill"]
)
def test_how_it_ended_is_told_once(work: Callable[[SimulatedWorker], Coroutine[Any, Any, None]], end: str) -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, work)
        simulation.run_for(10)
        assert manager.exits == [end]
        assert manager.worker is not None
        assert manager.worker.gone
        assert simulation.errors == []


def test_user_code_that_exits_ends_the_worker() -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, _prepare)
        simulation.run_until(lambda: bool(manager.events), 5, "an event")
        manager.worker_process.loop.call_soon(sys.exit, 3)
        simulation.run_for(5)
        assert manager.exits == ["exit status 3"]
        assert manager.process.alive


@pytest.mark.parametrize(("seconds", "lives"), [(40, True), (60, False)])
def test_a_worker_may_stand_still_for_a_while(seconds: float, lives: bool) -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, _prepare)
        simulation.run_until(lambda: bool(manager.events), 5, "an event")
        manager.worker_process.pause()
        simulation.run_for(seconds)
        manager.worker_process.resume()
        simulation.run_for(60)
        assert manager.worker_process.alive is lives
        killed = "killed by signal 9 (SIGKILL) after it stood still for 50 s (heartbeat.timeout)"
        assert manager.exits == ([] if lives else [killed])


def test_a_worker_that_stood_still_together_with_its_task_manager_goes_on() -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, _prepare)
        simulation.run_until(lambda: bool(manager.events), 5, "an event")
        manager.worker_process.pause()
        simulation.run_for(1)
        manager.process.pause()
        simulation.run_for(600)
        manager.process.resume()
        simulation.run_for(1)
        manager.worker_process.resume()
        simulation.run_for(60)
        assert manager.worker_process.alive
        assert manager.exits == []


def test_workers_end_with_their_task_manager() -> None:
    with Simulation(1) as simulation:
        manager = TaskManager(simulation, _prepare)
        simulation.run_until(lambda: bool(manager.events), 5, "an event")
        manager.process.kill("for the test")
        assert manager.worker_process.alive, "it takes a moment"
        simulation.run_for(0.1)
        assert not manager.worker_process.alive
        assert not simulation.network.listeners


def test_closing_the_pool_ends_all() -> None:
    with Simulation(1) as simulation:
        manager: TaskManager

        async def close(_: SimulatedWorker) -> None:
            assert manager.pool is not None
            await manager.pool.close()

        manager = TaskManager(simulation, close)
        simulation.run_for(5)
        assert manager.exits == ["exit status 0"]
