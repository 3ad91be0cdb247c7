"""Jobs drawn at random give on a cluster what their descriptions say: the model and the engine know the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing import environment_for
from millstream.testing.simulation.expected_output import expected_lines
from millstream.testing.simulation.job_builder import build_job
from millstream.testing.simulation.job_spec import JobSpec, draw_job
from millstream.testing.simulation.observations import Observations, observing
from tests.chaos.monkey import committed_lines

_HURRIED = {
    "execution.checkpointing.interval": "20 ms",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "5",
    "restart-strategy.fixed-delay.delay": "10 ms",
}


@pytest.fixture(scope="module")
def threads() -> Iterator[MiniCluster]:
    """A cluster in this process: what the functions observe is here."""
    with MiniCluster(1, 2, "thread") as started:
        yield started


def run(cluster: MiniCluster, spec: JobSpec, directory: Path) -> Observations:
    """Run a job to its end."""
    with observing(Observations(lambda: 0.0)) as observed, environment_for(cluster, Configuration()) as env:
        hurried = tuple(sorted({**dict(spec.settings), **_HURRIED}.items()))
        streams = tuple(replace(stream, per_second=1_000.0) for stream in spec.streams)
        define(replace(spec, streams=streams, settings=hurried), env, directory)
        env.execute("checked job")
        return observed


def define(spec: JobSpec, env: StreamExecutionEnvironment, directory: Path) -> None:
    build_job(spec, env, (directory / "output").as_uri())


@pytest.mark.parametrize("seed", range(24))
def test_a_job_gives_what_its_description_says(seed: int, threads: MiniCluster, tmp_path: Path) -> None:
    spec = draw_job(random.Random(seed), events=60)
    observed = run(threads, spec, tmp_path)
    assert observed.complaints == []
    for sink in spec.sinks:
        found = committed_lines(tmp_path / "output") if sink == "files" else observed.ledger.committed(sink)
        assert found == expected_lines(spec), f"{sink} of {spec}"
    assert expected_lines(spec)
