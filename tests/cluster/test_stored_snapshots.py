"""Snapshots that earlier versions have stored are where this one goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration
from millstream.testing import environment_for
from tests.cluster import stored_program
from tests.cluster.stored_program import KINDS, settings_of, version_directories


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    with MiniCluster(slots_per_task_manager=3, isolation="thread") as started:
        yield started


@pytest.mark.parametrize("version", [path.name for path in version_directories()])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parallelism", [2, 3])
def test_a_job_goes_on_from_what_an_earlier_version_stored(
    cluster: MiniCluster, tmp_path: Path, version: str, kind: str, parallelism: int
) -> None:
    # A copy: whatever goes wrong, what is stored stays as it is.
    snapshot = tmp_path / "snapshot"
    shutil.copytree(stored_program.DATA / version / kind, snapshot)
    path = snapshot / "chk" if kind.startswith("checkpoint") else snapshot
    settings = {**settings_of(kind, tmp_path), "execution.state-recovery.path": path.as_uri()}
    with environment_for(cluster, Configuration.from_map(settings)) as env:
        env.set_parallelism(parallelism)
        # Its classes are those that the snapshot names: they are not sent by value.
        lines = list(stored_program.define(env, tmp_path).execute_and_collect())
    assert sorted(lines) == stored_program.expected_lines()
