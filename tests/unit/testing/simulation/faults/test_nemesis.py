"""The nemesis: faults of every kind by the seed, all mended at the horizon; fault points that tear steps apart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from millstream.common.fault_points import FaultPoint, listen
from millstream.common.file_system import FileSystemError, file_system_of
from millstream.testing.simulation.faults import FaultCoverage, FaultKind, FaultTargets, Nemesis
from millstream.testing.simulation.faults.fault_point_striker import FaultPointStriker
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.storage import SimulatedStorage, StorageFaults
from millstream.testing.simulation.timeline import FAULT
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper
from millstream.testing.simulation.zookeeper.in_simulation import SimulationScheduler

STEP = FaultPoint("test-nemesis.step", "one file is written, the other is not")
IO = FaultPoint("test-nemesis.io", "a file is about to be written", OSError)

HOSTS = {"master-1": "master", "master-2": "master", "tm-1": "taskmanager", "tm-2": "taskmanager"}


class Cluster:
    """Processes that write pairs of files for ever, and are started again."""

    def __init__(self, simulation: Simulation, highly_available: bool = True) -> None:
        self.simulation = simulation
        self.zookeeper = SimulatedZooKeeper(SimulationScheduler(simulation), servers=3) if highly_available else None
        self.storage = SimulatedStorage(simulation)
        self.present: dict[str, SimulatedProcess] = {}
        self.starts = 0
        for host in HOSTS:
            self.start(host)

    def start(self, host: str) -> None:
        self.starts += 1
        process = self.simulation.start_process(f"{host}.{self.starts}", host, lambda: self.work(host))
        self.present[host] = process

        def start_again(_: str) -> None:
            self.simulation.at(1.0, lambda: self.start(host))

        process.on_end(start_again)

    def processes(self, role: str) -> list[SimulatedProcess]:
        return [each for host, each in self.present.items() if HOSTS[host] == role and each.alive]

    async def work(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        if self.zookeeper is not None:
            client = self.zookeeper.client(host=host, session_timeout=6.0)
            await client.start()
        while True:
            try:
                await loop.run_in_executor(None, self.write_pair, f"sim://store/{host}")
            except (OSError, FileSystemError):
                pass  # it tries again
            await asyncio.sleep(0.4)

    def write_pair(self, directory: str) -> None:
        files = file_system_of("sim://store/")
        IO.reach()
        files.write(f"{directory}/first", [b"x" * 100])
        STEP.reach()
        files.write(f"{directory}/second", [b"x" * 100])


def run(seed: int, kinds: set[FaultKind], look: Callable[[Simulation, Cluster, Nemesis], None]) -> None:
    with Simulation(seed) as simulation:
        cluster = Cluster(simulation)
        targets: FaultTargets = cluster
        nemesis = Nemesis(simulation, targets, kinds, horizon=40.0, quiet=2.0)
        simulation.run_for(45.0)
        look(simulation, cluster, nemesis)


def test_every_kind_happens_and_all_is_mended_at_the_horizon() -> None:
    covered = FaultCoverage()

    def look(simulation: Simulation, cluster: Cluster, nemesis: Nemesis) -> None:
        assert nemesis.is_over
        covered.add(nemesis.coverage)
        assert not any(process.paused for process in cluster.present.values())
        assert not any(process.clock.skew_ms for process in cluster.present.values())
        assert cluster.storage.faults == StorageFaults(slow_s=cluster.storage.faults.slow_s)
        assert cluster.zookeeper is not None
        network = simulation.network
        hosts = [*HOSTS, *cluster.zookeeper.hosts]
        assert all(network.is_reachable(one, other) for one in hosts for other in hosts)
        assert (network.conditions.loss, network.conditions.duplicate, network.conditions.reorder) == (0, 0, 0)
        assert network.conditions.latency < 0.001
        faults = [event for event in simulation.timeline.events if event.kind == FAULT]
        assert faults
        assert all(event.at <= 40.0 for event in faults)
        simulation.run_for(15.0)
        assert len(cluster.zookeeper.sessions) == len(HOSTS)

    for seed in range(12):
        run(seed, set(FaultKind), look)
    assert set(covered.faults) == {kind.value for kind in FaultKind} - {"fault-point"}
    assert covered.runs == 12
    assert covered.reached[STEP.name] > 100
    assert covered.struck[STEP.name] + covered.struck[IO.name] > 0
    assert covered.never_reached([STEP, IO]) == []
    assert covered.never_struck([STEP, IO]) != [IO.name, STEP.name]
    assert STEP.moment in covered.report()
    assert "zk-expiry" in covered.report()


def test_the_same_seed_makes_the_same_faults() -> None:
    def digest(seed: int, kinds: list[FaultKind]) -> str:
        with Simulation(seed) as simulation:
            cluster = Cluster(simulation)
            Nemesis(simulation, cluster, kinds, horizon=20.0, quiet=2.0)
            simulation.run_for(25.0)
            return simulation.timeline.digest()

    assert digest(5, list(FaultKind)) == digest(5, list(reversed(FaultKind)))
    assert digest(5, list(FaultKind)) != digest(6, list(FaultKind))


def test_only_the_kinds_that_were_asked_for_happen_and_those_that_can() -> None:
    def look(simulation: Simulation, cluster: Cluster, nemesis: Nemesis) -> None:
        assert set(nemesis.coverage.faults) == {"partition"}
        assert not nemesis.coverage.struck
        assert nemesis.coverage.reached[STEP.name]

    run(1, {FaultKind.PARTITION}, look)
    with Simulation(1) as simulation:
        cluster = Cluster(simulation, highly_available=False)
        nemesis = Nemesis(simulation, cluster, {FaultKind.ZOOKEEPER_EXPIRY, FaultKind.ZOOKEEPER_OUTAGE}, horizon=20.0)
        simulation.run_for(25.0)
        assert not nemesis.coverage.faults


def strike(
    seed: int, main: Callable[[], Coroutine[Any, Any, object]], *, probability: float = 1.0, aim: str = ""
) -> tuple[str | None, FaultCoverage, list[str]]:
    """Run a process with a striker that strikes where it can. Returns how it ended, and what it wrote."""
    with Simulation(seed) as simulation:
        storage = SimulatedStorage(simulation)
        coverage = FaultCoverage()
        striker = FaultPointStriker(simulation, coverage, aim)
        striker.probability = probability
        process = simulation.start_process("process", "host", main)
        simulation.run_for(30.0)
        striker.close()
        striker.close()
        return process.outcome, coverage, storage.volume("store").written


def test_a_process_that_is_killed_at_a_fault_point_does_nothing_more() -> None:
    ended: list[str] = []

    async def main() -> None:
        try:
            STEP.reach()
        finally:
            ended.append("this runs, but")
            file_system_of("sim://store/").write("sim://store/late", [b"x"])

    outcomes: dict[str | None, list[str]] = {}
    struck = 0
    for seed in range(60):
        outcome, coverage, written = strike(seed, main)
        outcomes[outcome] = written
        struck += coverage.struck[STEP.name]
    # In some runs the point is not weak, or the process only stands still for a while.
    assert outcomes == {"ended": ["/late"], f"killed: at {STEP.name}: {STEP.moment}": []}
    assert 0 < struck < 60
    assert len(ended) == 60
    listen(lambda _: None)()


def test_errors_come_only_where_they_may() -> None:
    raised: set[str] = set()

    async def main() -> None:
        for point in (STEP, IO):
            try:
                point.reach()
            except OSError as error:
                raised.add(str(error))

    for seed in range(60):
        strike(seed, main)
    assert raised == {f"injected at {IO.name}: {IO.moment}"}


def test_points_are_struck_rarely_if_they_are_reached_all_the_time() -> None:
    async def main() -> None:
        for _ in range(1000):
            STEP.reach()

    assert max(strike(seed, main)[1].struck[STEP.name] for seed in range(30)) in (1, 2)


def test_what_is_aimed_at_is_struck_for_certain_and_once() -> None:
    async def main() -> None:
        for _ in range(3):
            STEP.reach()
            with contextlib.suppress(OSError):
                IO.reach()

    for seed in range(30):
        coverage = strike(seed, main, probability=0.0, aim=IO.name)[1]
        assert dict(coverage.struck) == {IO.name: 1}


def test_who_is_healed_goes_on_and_is_struck_no_more() -> None:
    async def main() -> None:
        STEP.reach()
        await asyncio.sleep(0.001)
        STEP.reach()

    healed = 0
    for seed in range(100):
        with Simulation(seed) as simulation:
            coverage = FaultCoverage()
            striker = FaultPointStriker(simulation, coverage)
            striker.probability = 1.0
            process = simulation.start_process("process", "host", main)
            simulation.run_for(0.0005)
            if process.paused:
                healed += 1
                striker.heal()
                simulation.run_for(0.1)
                assert process.outcome == "ended"
                assert (coverage.reached[STEP.name], coverage.struck[STEP.name]) == (2, 1)
            striker.close()
    assert healed
