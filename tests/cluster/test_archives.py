"""Archives that a program sends along: its functions open what they hold, in worker processes."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.errors import InvalidProgramError, JobExecutionError
from millstream.testing import environment_for


def price(line: str) -> tuple[str, str, str]:
    """What stands in line so and so of the two archives, and where the function runs."""
    lines = [Path(path).read_text().splitlines() for path in ("prices.zip/2026/prices.txt", "models/names.txt")]
    return lines[0][int(line)], lines[1][int(line)], os.getcwd()


def test_functions_open_what_archives_hold(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "prices.zip", "w") as prices:
        prices.writestr("2026/prices.txt", "10\n20\n30")
    (tmp_path / "names.txt").write_text("a\nb\nc")
    with tarfile.open(tmp_path / "models.tar.gz", "w:gz") as models:
        models.add(tmp_path / "names.txt", "names.txt")
    with MiniCluster(1, 2, "process") as cluster, environment_for(cluster) as env:
        env.add_python_archive(str(tmp_path / "prices.zip"))
        env.add_python_archive(str(tmp_path / "models.tar.gz"), "models")
        found = sorted(env.from_collection(["0", "1", "2"]).rebalance().map(price).execute_and_collect())
    assert [each[:2] for each in found] == [("10", "a"), ("20", "b"), ("30", "c")]
    assert len({directory for *_, directory in found}) == 2, "each slot has its own"
    assert not any(Path(directory).exists() for *_, directory in found), "they are gone with the workers"


def test_a_job_without_archives_works_where_the_program_does() -> None:
    with MiniCluster(1, 1, "process") as cluster, environment_for(cluster) as env:
        assert list(env.from_collection([1]).map(lambda _: os.getcwd()).execute_and_collect()) == [os.getcwd()]


def test_an_archive_that_would_leave_its_directory_fails_the_job(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as evil:
        evil.writestr("../../evil", "x")
    with MiniCluster(1, 1, "process") as cluster, environment_for(cluster) as env:
        env.add_python_archive(str(tmp_path / "evil.zip"))
        env.from_collection([1]).print()
        with pytest.raises(JobExecutionError, match=r"'evil.zip' is refused: its member '\.\./\.\./evil'"):
            env.execute()


def test_threads_refuse_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as data:
        data.writestr("data.txt", "x")
    with MiniCluster(1, 1, "thread") as cluster, environment_for(cluster) as env:
        env.add_python_archive(str(tmp_path / "data.zip"))
        env.from_collection([1]).print()
        with pytest.raises(InvalidProgramError, match=r"archive 'data.zip'.*local.execution: process"):
            env.execute()
