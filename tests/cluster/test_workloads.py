"""The benchmarks' jobs give what their bare loops give."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.workload import read_results
from millstream.client.mini_cluster import MiniCluster
from millstream.testing import environment_for


@pytest.mark.parametrize("name", ["w3", "w3b", "w4", "w5", "w6"])
def test_a_job_and_its_bare_loop_agree(name: str, tmp_path: Path) -> None:
    workload = WORKLOADS[name]
    size = "30000"
    bare, job = tmp_path / "bare", tmp_path / "job"
    for directory in (bare, job):
        directory.mkdir()
    workload.bare(size, str(bare))
    with MiniCluster(isolation="thread") as cluster, environment_for(cluster) as env:
        env.set_parallelism(1)
        env.get_config().set_auto_watermark_interval(5)
        workload.job(env, size, str(job))
        env.execute(workload.title)
    assert read_results(str(job)) == read_results(str(bare))
    assert read_results(str(job))["count"] > 1_000
