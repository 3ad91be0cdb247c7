"""The nemesis: faults of every kind by the seed, all mended at the horizon; fault points that tear steps apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

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


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation(3) as made:
        yield made


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
    for point in (STEP, IO):
        assert covered.reached[point.name] > covered.struck[point.name] > 0
    assert covered.never_reached([STEP, IO]) == covered.never_struck([STEP, IO]) == []
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


def test_a_process_that_is_killed_at_a_fault_point_does_nothing_more(simulation: Simulation) -> None:
    storage = SimulatedStorage(simulation)
    files = file_system_of("sim://store/")
    ended: list[str] = []

    async def main() -> None:
        try:
            STEP.reach()
        finally:
            ended.append("this runs, but")
            files.write("sim://store/late", [b"x"])

    striker = FaultPointStriker(simulation, FaultCoverage())
    outcomes = set()
    for number in range(60):
        striker.probability = 1000.0
        process = simulation.start_process(f"process-{number}", "host", main)
        simulation.run_for(30.0)
        outcomes.add(process.outcome)
        if process.outcome == "ended":  # it stood still for a while, or was spared
            assert storage.volume("store").written == ["/late"]
            files.delete("sim://store/late")
        assert storage.volume("store").written == []
    assert outcomes == {"ended", f"killed: at {STEP.name}: {STEP.moment}"}
    striker.close()
    striker.close()
    listen(lambda _: None)()


def test_errors_come_only_where_they_may(simulation: Simulation) -> None:
    coverage = FaultCoverage()
    striker = FaultPointStriker(simulation, coverage)
    raised: set[str] = set()

    async def main() -> None:
        for point in (STEP, IO):
            try:
                point.reach()
            except OSError as error:
                raised.add(str(error))

    for number in range(200):
        striker.probability = 1000.0
        simulation.start_process(f"process-{number}", "host", main)
    simulation.run_for(60.0)
    assert raised == {f"injected at {IO.name}: {IO.moment}"}
    striker.heal()
    before = coverage.struck.copy()
    simulation.start_process("after", "host", main)
    simulation.run_for(1.0)
    assert coverage.struck == before
    striker.close()
