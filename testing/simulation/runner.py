"""Runs one job in one simulated cluster under one seed, and looks at everything that must hold."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from millstream.common.config import Configuration, JobManagerOptions, StateOptions
from millstream.common.failure import first_line
from millstream.common.high_availability.zookeeper import paths
from millstream.common.ids import IdFactory, JobID
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.failure_pb2 import FailureInfo
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.job_master.rescaling import RescalingError, rescaled
from millstream.testing.simulation.cleaning_up import clean_up
from millstream.testing.simulation.client import SimulatedClient
from millstream.testing.simulation.cluster import SimulatedCluster
from millstream.testing.simulation.faults import FaultKind, Nemesis
from millstream.testing.simulation.invariants import check_all
from millstream.testing.simulation.observations import Observations, observing
from millstream.testing.simulation.rpc import SimulatedRpcService
from millstream.testing.simulation.run_record import JobStatusSeen, RunRecord
from millstream.testing.simulation.run_report import RunReport
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation, SimulationTimeoutError
from millstream.testing.simulation.storage import SimulatedStorage
from millstream.testing.simulation.timeline import TimelineEvent
from millstream.testing.simulation.workload import STORE, Workload

__all__ = ["ClusterShape", "Trouble", "run_seed"]

_RESULTS: Final = "/ha/default/job-results/"
_OF_STORAGE: Final = frozenset({FaultKind.STORAGE_ERROR, FaultKind.FULL_DISK, FaultKind.TORN_WRITE})
_AUDIT_SECONDS: Final = 0.25
_END_SECONDS: Final = 600.0
_CLEAN_SECONDS: Final = 120.0
_CLOSE_SECONDS: Final = 120.0
_MEMORY: Final = Path("/dev/shm")  # a directory of one's own is made there
"""Where RocksDB's files are in memory: what it does with a real disk is waiting, and no part of the simulation."""
_LAST_PACKETS_SECONDS: Final = 30.0
_NEWS_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ClusterShape:
    """How large the cluster is.

    :ivar masters: with 0 there is one, without high availability.
    :ivar settings: configuration of the cluster over what a simulation has by default.
    """

    masters: int = 2
    task_managers: int = 2
    slots: int = 2
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong, and how often.

    :ivar first: virtual seconds until the first fault at the earliest.
    :ivar horizon: virtual seconds after which nothing goes wrong any more.
    :ivar quiet: between two bursts, on average.
    :ivar at_points: the chance of a strike at a fault point that is reached for the first time.
    :ivar aim: the name of a fault point that is struck for certain if it is reached in time; empty: none.
    :ivar past_end: faults go on until the horizon even if the job has ended before.
    """

    kinds: frozenset[FaultKind] = frozenset()
    first: float = 0.3
    horizon: float = 10.0
    quiet: float = 2.0
    at_points: float = 0.1
    aim: str = ""
    past_end: bool = False


def run_seed(
    job: Workload,
    seed: int,
    shape: ClusterShape = ClusterShape(),
    trouble: Trouble = Trouble(),
    *,
    on_event: Callable[[TimelineEvent], None] | None = None,
) -> RunReport:
    """Run a job under a seed.

    :param on_event: is told each event of the timeline at once.
    """
    began = time.perf_counter()
    directory = Path(tempfile.mkdtemp(prefix="millstream-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        report = _Run(job, seed, shape, trouble, directory).run(on_event)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    report.real_seconds = time.perf_counter() - began
    return report


class _Run:
    def __init__(self, job: Workload, seed: int, shape: ClusterShape, trouble: Trouble, directory: Path) -> None:
        self._job = job
        self._seed = seed
        self._shape = shape
        self._trouble = trouble
        self._directory = directory
        self._graph = job.graph_for(seed)
        self._job_id = JobID(self._graph.job_id)
        self._job_ids = [self._job_id]
        self._record = RunRecord(expected=job.expected, stage=job.stage)
        self._details: pb.JobDetails | None = None
        self._rescaling: asyncio.Future[None] | None = None
        self._rescaled_to: int | None = None
        self._goes_on_elsewhere = job.move is not None
        self._failures_before: list[FailureInfo] = []
        self._results_expire = JobManagerOptions.JOB_STORE_EXPIRATION_TIME.key in dict(shape.settings)
        self._is_calm = False
        self._viewer: SimulatedProcess | None = None

    def run(self, on_event: Callable[[TimelineEvent], None] | None) -> RunReport:
        record = self._record
        with Simulation(self._seed) as simulation:
            if on_event is not None:
                simulation.timeline.listen(on_event)
            storage = SimulatedStorage(simulation)
            began: dict[str, float] = {}

            def note_first(event: TimelineEvent) -> None:
                began.setdefault(event.process, event.at)

            simulation.timeline.listen(note_first)

            def worker_since() -> float | None:
                process = simulation.current_process()
                return began.get(process.name) if process is not None else None

            with observing(Observations(lambda: simulation.elapsed, worker_since)) as observed:
                cluster = self._start_cluster(simulation, storage)
                client = self._start_client(simulation, cluster)
                self._audit(simulation, cluster)
                if self._results_expire:
                    self._start_viewer(simulation, cluster)
                trouble = self._trouble
                nemesis = Nemesis(
                    simulation,
                    cluster,
                    trouble.kinds,
                    first=trouble.first,
                    horizon=trouble.horizon,
                    quiet=trouble.quiet,
                    fault_point_probability=trouble.at_points,
                    aim=trouble.aim,
                )
                try:
                    simulation.run_until(
                        lambda: nemesis.is_over or not (client.alive or trouble.past_end),
                        _END_SECONDS,
                        "the last fault",
                    )
                    nemesis.heal()
                    self._calm(simulation)
                    simulation.run_until(lambda: not client.alive, _END_SECONDS, "the job's end")
                    self._let_clean_up(simulation, cluster)
                except SimulationTimeoutError as error:
                    simulation.timeline.record("run", str(error).partition("\n")[0])
                self._close(simulation, cluster, client)
            self._look_for_files(simulation, storage)
            record.complaints = observed.complaints
            record.restores = observed.restores
            record.ledger = observed.ledger
            if cluster.zookeeper_log is not None:
                record.writes = cluster.zookeeper_log.writes
            record.unhandled = [str(error) for error in simulation.errors]
            record.committed = self._job.outputs(observed, storage)
            if self._details is not None:
                found = {vertex.parallelism for vertex in self._details.vertices}
                if self._rescaled_to is not None and self._rescaled_to not in found:
                    record.other_parallelism.append(f"the job was rescaled to {self._rescaled_to}, and ran at {found}")
                record.failures = [
                    first_line(each) for each in [*self._details.failure_history, *self._failures_before]
                ]
                if not (nemesis.coverage.faults or nemesis.coverage.struck):
                    # Under faults a failure may be told by nobody: who knew of it is gone.
                    record.must_tell = observed.injected
            return RunReport(
                self._seed,
                self._job.description,
                check_all(record),
                nemesis.coverage,
                simulated_seconds=simulation.elapsed,
                status=record.statuses[-1].status if record.statuses else "",
                failures=record.failures,
                committed=record.committed,
                events=simulation.timeline.events,
                digest=simulation.timeline.digest(),
            )

    # ---------------------------------------------------------------- while it runs

    def _start_cluster(self, simulation: Simulation, storage: SimulatedStorage) -> SimulatedCluster:
        settings = {"io.tmp.dirs": str(self._directory), **dict(self._shape.settings)}
        if self._shape.masters:
            settings["high-availability.type"] = "zookeeper"
            settings["high-availability.storageDir"] = f"{STORE}/ha"
        cluster = SimulatedCluster(
            simulation,
            max(1, self._shape.masters),
            self._shape.task_managers,
            self._shape.slots,
            Configuration.from_map(settings),
            storage,
        )
        cluster.start()
        return cluster

    def _start_client(self, simulation: Simulation, cluster: SimulatedCluster) -> SimulatedProcess:
        async def main() -> None:
            rpc = SimulatedRpcService(process, simulation.network, cluster.configuration)
            leaders = await cluster.directory(process, rpc)
            client = SimulatedClient(rpc, leaders, lambda _, status: self._told(simulation, status))
            try:
                await client.submit(self._graph)
                if self._job.rescale is not None:
                    self._rescaling = asyncio.ensure_future(self._change_parallelism(client, *self._job.rescale))
                if self._job.move is not None:
                    await self._move(simulation, client, *self._job.move)
                self._details = await client.wait_for_end(self._job_id)
            finally:
                await leaders.close()
                await rpc.close()

        process = simulation.start_process("client", "client", main)
        return process

    def _audit(self, simulation: Simulation, cluster: SimulatedCluster) -> None:
        """Look at the accounts of all workers, and again after a while."""
        for process, network in cluster.networks():
            for text in network.audit():
                self._record.accounts.setdefault(f"{process.name}: {text}", simulation.elapsed)
        simulation.at(_AUDIT_SECONDS, lambda: self._audit(simulation, cluster))

    def _start_viewer(self, simulation: Simulation, cluster: SimulatedCluster) -> None:
        """Somebody looks at the job again and again: what nobody looks at does not expire."""

        async def main() -> None:
            rpc = SimulatedRpcService(process, simulation.network, cluster.configuration)
            leaders = await cluster.directory(process, rpc)
            client = SimulatedClient(rpc, leaders, lambda *_: None)
            while True:
                await client.status(self._job_id)
                await asyncio.sleep(1.0)

        process = self._viewer = simulation.start_process("viewer", "viewer", main)

    async def _change_parallelism(self, client: SimulatedClient, after: float, parallelism: int) -> None:
        """From then on it must run so, whatever happens."""
        await asyncio.sleep(after)
        if await client.rescale(self._job_id, parallelism, f"rescaling-{self._seed}"):
            self._rescaled_to = parallelism

    async def _move(self, simulation: Simulation, client: SimulatedClient, after: float, parallelism: int) -> None:
        """Stop the job with a savepoint, and let another go on from that."""
        await asyncio.sleep(after)
        stopping = asyncio.ensure_future(client.stop(self._job_id, f"stopping-{self._seed}"))
        try:
            details = await client.wait_for_end(self._job_id)
            status = await stopping
        finally:
            stopping.cancel()
        self._goes_on_elsewhere = False
        if status is None:
            self._record.expected = None  # it may have ended by itself, or with a savepoint that nobody knows of
        if status is None or status.HasField("failure") or details.summary.state != JobStatus.FINISHED.value:
            return
        self._failures_before = list(details.failure_history)
        self._record.savepoints.append((simulation.elapsed, status.checkpoint_id))
        self._graph = _at(self._graph, parallelism)
        self._graph.job_id = self._job_id = IdFactory(simulation.source("second job")).job_id()
        self._job_ids.append(self._job_id)
        self._graph.configuration[StateOptions.RECOVERY_PATH.key] = status.location
        self._rescaled_to = max(vertex.parallelism for vertex in self._graph.vertices)
        simulation.timeline.record("job", f"is stopped; it goes on from {status.location} at {parallelism}")
        await client.submit(self._graph)

    def _told(self, simulation: Simulation, status: JobStatus) -> None:
        """The cluster has told the job's status."""
        record, now = self._record, simulation.elapsed
        if not record.statuses or record.statuses[-1].status != status.value:
            simulation.timeline.record("job", f"is {status.value}")
        record.statuses.append(JobStatusSeen(now, self._job_id, status.value))
        runs = status is JobStatus.RUNNING or status.is_globally_terminal()
        if self._is_calm and runs and record.running_again is None:
            record.running_again = now
        if status.is_globally_terminal() and record.job_ended is None and not self._goes_on_elsewhere:
            record.job_ended = now

    def _calm(self, simulation: Simulation) -> None:
        """All faults are over."""
        self._is_calm = True
        self._record.last_fault_ended = simulation.elapsed
        if self._record.job_ended is not None:
            self._record.running_again = simulation.elapsed

    def _let_clean_up(self, simulation: Simulation, cluster: SimulatedCluster) -> None:
        """Wait until nothing but the job's result is kept of it."""
        zookeeper = cluster.zookeeper
        if zookeeper is None:
            simulation.run_for(5.0)
            return
        root = paths.cluster_root(cluster.configuration)
        graphs = paths.job_graphs(cluster.configuration)
        kept = {f"{root}{path}" for job in self._job_ids for path in (paths.job(job), f"{graphs}/{job}")}
        if self._results_expire:
            kept |= {f"{root}{paths.result(job)}" for job in self._job_ids}
        simulation.run_until(
            lambda: kept.isdisjoint(zookeeper.paths()), _CLEAN_SECONDS, "the cleaning up after the job"
        )

    def _waiting_tasks(self, simulation: Simulation, cluster: SimulatedCluster) -> list[str]:
        """Whose tasks still wait for input, though their job has ended and they have had time to hear of it."""

        def waiting() -> list[str]:
            return [process.name for process, network in cluster.networks() if network.open_gates]

        try:
            # A TaskManager that stood still until a moment ago knows nothing yet.
            simulation.run_until(lambda: not waiting(), _NEWS_SECONDS, "the end of all tasks")
        except SimulationTimeoutError:
            return [f"a task of {name} that waits for input" for name in waiting()]
        return []

    def _close(self, simulation: Simulation, cluster: SimulatedCluster, client: SimulatedProcess) -> None:
        client.kill("the run is over")
        if self._record.job_ended is not None:
            self._record.left_over += self._waiting_tasks(simulation, cluster)
        if self._viewer is not None:
            self._viewer.kill("the run is over")
        left = cluster.close(_CLOSE_SECONDS)
        network = simulation.network
        try:
            # What the last process said may still be on its way.
            simulation.run_until(lambda: not network.connections, _LAST_PACKETS_SECONDS, "the end of all connections")
        except SimulationTimeoutError:
            left += [f"a connection between {' and '.join(each.hosts)}" for each in network.connections]
        left += [f"port {port} of {host}" for host, port in network.listeners]
        self._record.left_over += left
        if cluster.zookeeper is not None:
            try:
                clean_up(cluster, cluster.zookeeper, _CLOSE_SECONDS)
            except SimulationTimeoutError as error:
                self._record.left_over.append(str(error).partition("\n")[0])

    def _look_for_files(self, simulation: Simulation, storage: SimulatedStorage) -> None:
        """After the job's end there is its output, its result and its savepoints.

        Files that are half written are those of processes that were killed, or could not delete them.
        """
        if self._record.job_ended is None:
            return
        kept = ["/output/", "/savepoints/"] if self._results_expire else ["/output/", "/savepoints/", _RESULTS]
        left = [path for path in storage.volume("store").written if not path.startswith(tuple(kept))]
        killed = any(event.text.startswith("killed") for event in simulation.timeline.of_kind("process"))
        if not killed and not self._trouble.kinds & _OF_STORAGE:
            for volume in (storage.volume("store"), storage.local):
                left += [path for path in volume.written if any(step.startswith(".") for step in path.split("/"))]
            left += [str(path.relative_to(self._directory)) for path in self._directory.rglob("*") if path.is_file()]
        self._record.left_over += [f"the file {path}" for path in left]


def _at(graph: JobGraph, parallelism: int) -> JobGraph:
    """The same job at another parallelism, as far as it can run at it."""
    try:
        return rescaled(graph, parallelism)
    except RescalingError:
        return graph
