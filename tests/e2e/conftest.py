"""A cluster that the scripts start, with its own configuration, pid and log directories, and the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from millstream.testing.process_cluster import eventually, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = REPOSITORY / "deploy" / "bin"


@dataclass(frozen=True)
class Deployment:
    """Where one test's or module's cluster keeps its files."""

    directory: Path
    port: int
    rest_port: int

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MILLSTREAM_")}
        return {
            **kept,
            "MILLSTREAM_CONF_DIR": str(self.directory / "conf"),
            "MILLSTREAM_LOG_DIR": str(self.directory / "log"),
            "MILLSTREAM_PID_DIR": str(self.directory / "pid"),
            "MILLSTREAM_IDENT_STRING": "tester",
            "MILLSTREAM_PYTHON": sys.executable,
        }

    def script(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of deploy/bin to its end."""
        return subprocess.run(
            ["bash", str(BIN / name), *arguments],
            env={**self.environment, **environment},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def millstream(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", "millstream.client.cli.main", *arguments],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def pids(self, daemon: str) -> list[int]:
        path = self.directory / "pid" / f"millstream-tester-{daemon}.pid"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def log(self, pattern: str) -> str:
        return "".join(path.read_text() for path in sorted((self.directory / "log").glob(pattern)))

    def end(self) -> None:
        """End whatever a test has left, by its id, and check that nothing outlives it."""
        processes = []
        for daemon in ("taskexecutor", "standalonesession", "historyserver", "zookeeper"):
            for pid in self.pids(daemon):
                try:
                    process = psutil.Process(pid)
                    if not any("millstream." in word or "org.apache.zookeeper" in word for word in process.cmdline()):
                        continue
                    processes += [process, *process.children(recursive=True)]
                    process.send_signal(signal.SIGTERM)
                except psutil.NoSuchProcess:
                    continue
        eventually(
            lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes),
            f"{processes} have ended",
        )


def deploy(directory: Path) -> Deployment:
    deployment = Deployment(directory, free_port(), free_port())
    for name in ("conf", "log", "pid"):
        (directory / name).mkdir()
    (directory / "conf" / "config.yaml").write_text(
        f"jobmanager.rpc.port: {deployment.port}\nrest.port: {deployment.rest_port}\n"
        "taskmanager:\n  numberOfTaskSlots: 2\n"
    )
    (directory / "conf" / "masters").write_text(f"localhost:{deployment.rest_port}\n")
    (directory / "conf" / "workers").write_text("# one TaskManager\nlocalhost\n")
    return deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Directories of this test's own; nothing is started."""
    made = deploy(tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A cluster of one TaskManager with two slots, started by start-cluster.sh."""
    made = deploy(tmp_path_factory.mktemp("deployment"))
    started = made.script("start-cluster.sh")
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    made.script("stop-cluster.sh")
    made.end()
