"""What a run lets a cluster do: a job, and how its output is looked at."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from millstream.common.config import Configuration
from millstream.common.ids import IdFactory
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.simulation.expected_output import expected_lines
from millstream.testing.simulation.job_builder import build_job
from millstream.testing.simulation.job_capture import graph_of
from millstream.testing.simulation.job_spec import IntervalJoinStage, JobSpec, WindowJoinStage, WindowStage
from millstream.testing.simulation.observations import Observations
from millstream.testing.simulation.storage import SimulatedStorage

__all__ = ["STORE", "Workload", "program_settings", "program_workload", "spec_workload"]

STORE: Final = "sim://store"
"""Where the cluster keeps what it keeps."""

_JOB_SETTINGS: Final = {
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000000",
    "restart-strategy.fixed-delay.delay": "200 ms",
    "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
    "execution.checkpointing.timeout": "10 s",
    "execution.checkpointing.dir": f"{STORE}/checkpoints",
    "execution.checkpointing.savepoint-dir": f"{STORE}/savepoints",
}

Outputs = Callable[[Observations, SimulatedStorage], dict[str, list[str]]]


@dataclass(slots=True)
class Workload:
    """One job.

    :ivar description: for reports; of a drawn job, everything that makes it.
    :ivar outputs: returns the committed lines of each of its sinks, sorted.
    :ivar expected: those that each sink must have; ``None``: they are not known.
    :ivar stage: what makes the lines: ``windows`` (joins too) or ``state``.
    :ivar rescale: when the job's parallelism is changed, in virtual seconds, and to what; ``None``: it is not.
    :ivar move: when the job is stopped with a savepoint, in virtual seconds, from which another job goes on at what
        parallelism; ``None``: it is not.
    """

    description: str
    graph: JobGraph
    outputs: Outputs
    expected: Mapping[str, list[str]] | None = None
    stage: Literal["windows", "state"] = "state"
    rescale: tuple[float, int] | None = None
    move: tuple[float, int] | None = None

    def graph_for(self, seed: int) -> JobGraph:
        """Return the graph as one seed submits it: with an id that follows from the seed."""
        graph = JobGraph()
        graph.CopyFrom(self.graph)
        graph.job_id = IdFactory(random.Random(f"{seed}/job")).job_id()
        return graph


def spec_workload(spec: JobSpec) -> Workload:
    """Make a job of a description."""
    # Both ways to files: a store that has no half files, and a disk that files grow on.
    output = f"{STORE}/output" if spec.streams[0].count % 2 else "file:///simulated/output"
    graph = graph_of(lambda env: build_job(spec, env, output), Configuration.from_map(_JOB_SETTINGS))

    def outputs(observed: Observations, storage: SimulatedStorage) -> dict[str, list[str]]:
        volume = storage.volume("store") if output.startswith(STORE) else storage.local
        directory = "/output/" if output.startswith(STORE) else "/simulated/output/"
        return {
            sink: sorted(line for lines in _files(volume.written, volume.read, directory).values() for line in lines)
            if sink == "files"
            else observed.ledger.committed(sink)
            for sink in spec.sinks
        }

    lines = expected_lines(spec)
    windows = isinstance(spec.stage, WindowStage | WindowJoinStage | IntervalJoinStage)
    return Workload(repr(spec), graph, outputs, dict.fromkeys(spec.sinks, lines), "windows" if windows else "state")


def program_workload(graph: JobGraph, name: str) -> Workload:
    """Make a job of a user's program; its output is what it writes to files, line by line.

    What it must be is known only when it has run once without faults.
    """

    def outputs(_: Observations, storage: SimulatedStorage) -> dict[str, list[str]]:
        found = _files(storage.local.written, storage.local.read, "/")
        return {directory: sorted(lines) for directory, lines in found.items()}

    return Workload(name, graph, outputs)


def program_settings() -> dict[str, str]:
    """Return the settings of a user's job in a simulation where the program says nothing else."""
    return {**_JOB_SETTINGS, "execution.checkpointing.interval": "500 ms"}


def _files(paths: list[str], read: Callable[[str], bytes], below: str) -> dict[str, list[str]]:
    """The lines of all files that are seen (no name begins with a dot or an underscore), by directory."""
    lines: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if path.startswith(below) and not any(step.startswith((".", "_")) for step in path.split("/")):
            directory, _, _ = path.rpartition("/")
            lines[directory] += read(path).decode(errors="backslashreplace").splitlines()
    return dict(lines)
