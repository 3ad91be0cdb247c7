"""Runs one job in one simulated cluster under one seed, and looks at everything that must hold."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from millstream.common.config import Configuration
from millstream.common.ids import IdFactory, JobID
from millstream.common.states import JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.simulation.client import SimulatedClient
from millstream.testing.simulation.cluster import SimulatedCluster
from millstream.testing.simulation.determinism import determined_by
from millstream.testing.simulation.expected_output import expected_lines
from millstream.testing.simulation.invariants import check_all
from millstream.testing.simulation.job_builder import build_job
from millstream.testing.simulation.job_capture import graph_of
from millstream.testing.simulation.job_spec import IntervalJoinStage, JobSpec, WindowJoinStage, WindowStage
from millstream.testing.simulation.observations import Observations, observing
from millstream.testing.simulation.rpc import SimulatedRpcService
from millstream.testing.simulation.run_record import JobStatusSeen, RunRecord
from millstream.testing.simulation.run_report import RunReport
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation, SimulationTimeoutError
from millstream.testing.simulation.timeline import TimelineEvent

__all__ = ["ClusterShape", "run_seed"]

_JOB_SETTINGS: Final = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000000",
    "restart-strategy.fixed-delay.delay": "200 ms",
    "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
    "execution.checkpointing.timeout": "10 s",
}
_END_SECONDS: Final = 600.0
_CLOSE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class ClusterShape:
    """How large the cluster is.

    :ivar masters: with 0 there is one, without high availability.
    """

    masters: int = 2
    task_managers: int = 2
    slots: int = 2


def run_seed(
    job: JobSpec,
    seed: int,
    shape: ClusterShape = ClusterShape(),
    *,
    on_event: Callable[[TimelineEvent], None] | None = None,
) -> RunReport:
    """Run a job under a seed.

    :param on_event: is told each event of the timeline at once.
    """
    began = time.perf_counter()
    directory = Path(tempfile.mkdtemp(prefix="millstream-simulation-"))
    try:
        run = _Run(job, seed, shape, directory)
        report = run.run(on_event)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    report.real_seconds = time.perf_counter() - began
    return report


class _Run:
    def __init__(self, job: JobSpec, seed: int, shape: ClusterShape, directory: Path) -> None:
        self._job = job
        self._seed = seed
        self._shape = shape
        self._output = (directory / "output").as_uri()
        self._directory = directory
        self._graph = self._make_graph()
        self._record = RunRecord(expected=expected_lines(job))
        if isinstance(job.stage, WindowStage | WindowJoinStage | IntervalJoinStage):
            self._record.stage = "windows"
        self._details: pb.JobDetails | None = None

    def run(self, on_event: Callable[[TimelineEvent], None] | None) -> RunReport:
        record = self._record
        with Simulation(self._seed) as simulation, determined_by(simulation):
            if on_event is not None:
                simulation.timeline.listen(on_event)
            with observing(Observations(lambda: simulation.elapsed)) as observed:
                cluster = SimulatedCluster(
                    simulation,
                    max(1, self._shape.masters),
                    self._shape.task_managers,
                    self._shape.slots,
                    self._cluster_configuration(),
                )
                cluster.start()
                client = self._start_client(simulation, cluster)
                try:
                    simulation.run_until(lambda: not client.alive, _END_SECONDS, "the job's end")
                except SimulationTimeoutError as error:
                    simulation.timeline.record("run", str(error).partition("\n")[0])
                self._close(simulation, cluster, client)
            record.complaints = observed.complaints
            record.restores = observed.restores
            record.ledger = observed.ledger
            if cluster.zookeeper_log is not None:
                record.writes = cluster.zookeeper_log.writes
            record.unhandled = [str(error) for error in simulation.errors]
            for sink in self._job.sinks:
                record.committed[sink] = self._committed_files() if sink == "files" else observed.ledger.committed(sink)
            self._take_details()
            return RunReport(
                self._seed,
                str(self._job),
                check_all(record),
                simulated_seconds=simulation.elapsed,
                events=simulation.timeline.events,
                digest=simulation.timeline.digest(),
            )

    def _make_graph(self) -> JobGraph:
        settings = {
            **_JOB_SETTINGS,
            "execution.checkpointing.dir": (self._directory / "checkpoints").as_uri(),
        }
        configuration = Configuration.from_map(settings)
        graph = graph_of(lambda env: build_job(self._job, env, self._output), configuration)
        graph.job_id = IdFactory(random.Random(f"{self._seed}/job")).job_id()
        return graph

    def _cluster_configuration(self) -> Configuration:
        local = self._directory / "local"
        local.mkdir()
        settings = {"io.tmp.dirs": str(local)}
        if self._shape.masters:
            settings["high-availability.type"] = "zookeeper"
            settings["high-availability.storageDir"] = (self._directory / "ha").as_uri()
        return Configuration.from_map(settings)

    # ---------------------------------------------------------------- while it runs

    def _start_client(self, simulation: Simulation, cluster: SimulatedCluster) -> SimulatedProcess:
        job_id = JobID(self._graph.job_id)

        def on_status(_: JobID, status: JobStatus) -> None:
            statuses, now = self._record.statuses, simulation.elapsed
            if not statuses or statuses[-1].status != status.value:
                simulation.timeline.record("job", f"is {status.value}")
            statuses.append(JobStatusSeen(now, job_id, status.value))
            runs = status is JobStatus.RUNNING or status.is_globally_terminal()
            if runs and self._record.running_again is None:
                self._record.running_again = now
            if status.is_globally_terminal() and self._record.job_ended is None:
                self._record.job_ended = now

        async def main() -> None:
            rpc = SimulatedRpcService(process, simulation.network, cluster.configuration)
            leaders = await cluster.directory(process, rpc)
            client = SimulatedClient(rpc, leaders, on_status)
            try:
                await client.submit(self._graph)
                self._details = await client.wait_for_end(job_id)
            finally:
                await leaders.close()
                await rpc.close()

        process = simulation.start_process("client", "client", main)
        return process

    def _close(self, simulation: Simulation, cluster: SimulatedCluster, client: SimulatedProcess) -> None:
        client.kill("the run is over")
        left = cluster.close(_CLOSE_SECONDS)
        left += [f"a connection between {' and '.join(each.hosts)}" for each in simulation.network.connections]
        left += [f"port {port} of {host}" for host, port in simulation.network.listeners]
        if self._record.job_ended is not None:
            for path in sorted(self._directory.glob("checkpoints/**/*")):
                if path.is_file():
                    left.append(f"the file {path.relative_to(self._directory)}")
        self._record.left_over += left

    # ---------------------------------------------------------------- afterwards

    def _committed_files(self) -> list[str]:
        lines: list[str] = []
        for file in Path(self._directory, "output").rglob("*"):
            if file.is_file() and not file.name.startswith((".", "_")):
                lines += file.read_text().splitlines()
        return sorted(lines)

    def _take_details(self) -> None:
        if self._details is None:
            return
        for failure in self._details.failure_history:
            self._record.failures.append(f"{failure.exception_type}: {failure.message}")
