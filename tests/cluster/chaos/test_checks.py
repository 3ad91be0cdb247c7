"""The checks that end each run of chaos see what they are for."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from millstream import dispatcher, jobmanager, taskmanager
from millstream.common import high_availability
from millstream.common.fault_points import all_fault_points
from millstream.connectors import file_system
from millstream.testing.zookeeper_server import ZooKeeperServers
from tests.chaos.remains import file_remains, node_remains, process_remains, unsettled_jobs
from tests.chaos.traps import PHASES, Sprung, Traps

JOB, STRANGER = "1" * 32, "2" * 32


def test_processes_that_are_left_are_seen(tmp_path: Path) -> None:
    waiting = "import sys; print(flush=True); sys.stdin.read()"

    def started(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A process that runs: /proc shows no command line yet while the kernel loads the program."""
        process = subprocess.Popen(
            [sys.executable, "-c", waiting, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process

    with started(str(tmp_path)) as by_command:
        (found,) = process_remains(tmp_path)
        assert found.startswith(f"process {by_command.pid}: ")
        assert waiting in found
    with started(environment={"MILLSTREAM_TRAPS": str(tmp_path / "traps")}) as by_environment:
        (found,) = process_remains(tmp_path)
        assert found.startswith(f"process {by_environment.pid}: ")
    assert process_remains(tmp_path) == []


def test_files_that_are_left_are_seen(tmp_path: Path) -> None:
    high_availability, checkpoints, temporary = (tmp_path / name for name in ("ha", "checkpoints", "temporary"))

    def remains() -> list[str]:
        return file_remains(high_availability, checkpoints, temporary, [JOB])

    def write(path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return f"file {path}"

    assert remains() == [f"job {JOB} has 0 results: []"]
    write(high_availability / "default" / "job-results" / f"{JOB}-3")
    write(temporary / "owned-1" / "owner.lock")
    write(temporary / "owned-1" / "state")
    assert remains() == []
    left = [
        write(high_availability / "default" / "job-results" / f"{STRANGER}-4"),
        write(high_availability / "default" / "job-graphs" / f"{JOB}-5"),
        write(checkpoints / JOB / "chk-6" / "_metadata"),
        write(temporary / "nobodys" / "file"),
    ]
    assert sorted(remains()) == sorted(left)
    write(high_availability / "default" / "job-results" / f"{JOB}-7")
    assert any("has 2 results" in each for each in remains())


@pytest.mark.usefixtures("zookeeper")
def test_nodes_that_are_left_are_seen(tmp_path: Path) -> None:
    result = b'{"file": "file:/result", "sha256": "%s", "state": "FINISHED", "dirty": %s, "ended_ms": 1}'
    with ZooKeeperServers(tmp_path) as servers:
        client = KazooClient(servers.quorum)
        client.start(15.0)
        try:
            assert node_remains(servers.quorum, "/flink/default", [JOB]) == [f"no node /flink/default/results/{JOB}"]
            client.create(f"/flink/default/results/{JOB}", result % (b"0" * 64, b"false"), makepath=True)
            assert node_remains(servers.quorum, "/flink/default", [JOB]) == []
            assert unsettled_jobs(servers.quorum, "/flink/default") == []
            client.set(f"/flink/default/results/{JOB}", result % (b"0" * 64, b"true"))
            client.create(f"/flink/default/jobs/{STRANGER}/checkpoints", makepath=True)
            assert unsettled_jobs(servers.quorum, "/flink/default") == [JOB, STRANGER]
            assert node_remains(servers.quorum, "/flink/default", [JOB]) == [
                f"node /flink/default/jobs/{STRANGER}",
                f"node /flink/default/jobs/{STRANGER}/checkpoints",
            ]
        finally:
            client.stop()
            client.close()


def test_a_trap_catches_the_first_process_that_comes_to_it(tmp_path: Path) -> None:
    traps = Traps(tmp_path / "traps")
    program = (
        "from millstream.common.fault_points import FaultPoint\n"
        "point = FaultPoint('test.point', 'nothing has happened')\n"
        "point.reach()\n"
    )

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program], env=traps.environment)

    traps.set("test.other")
    with run() as unharmed:
        assert unharmed.wait(30) == 0
    traps.set("test.point")
    with run() as caught:
        assert caught.wait(30) == -9
    assert traps.await_sprung("test.point", 1.0) == Sprung("test.point", caught.pid)
    with run() as later:
        assert later.wait(30) == 0
    assert traps.await_sprung("test.other", 0.0) is None
    traps.set("test.point")
    assert traps.sprung("test.point") is None


def test_all_phases_are_struck_at_fault_points_that_there_are() -> None:
    for package in (dispatcher, jobmanager, taskmanager, high_availability, file_system):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    known = {point.name for point in all_fault_points()}
    assert {point for points in PHASES.values() for point in points} <= known
