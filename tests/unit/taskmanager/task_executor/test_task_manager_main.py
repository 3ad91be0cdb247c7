"""The TaskManager's process: how it starts, ends, and says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

TIMEOUT_S = 30.0


def _start(tmp_path: Path, *settings: str) -> subprocess.Popen[str]:
    (tmp_path / "config.yaml").write_text("")
    environment = {**os.environ, "MILLSTREAM_CONF_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "millstream.taskmanager.main", *(f"-D{setting}" for setting in settings)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"{words!r} is not in: {''.join(lines)}")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_processes(tmp_path: Path, signum: signal.Signals) -> None:
    process = _start(tmp_path, "jobmanager.rpc.port=1", "taskmanager.numberOfTaskSlots=3")
    _read_until(process, "with 3 slots, RPC at localhost:")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signum)
    _, rest = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert f"Got {signum.name}: ending" in rest
    assert "The TaskManager has ended" in rest
    assert "Traceback" not in rest
    assert not [child for child in children if child.is_running()]


def test_it_ends_if_it_cannot_register(tmp_path: Path) -> None:
    process = _start(tmp_path, "jobmanager.rpc.port=1", "taskmanager.registration.timeout=100ms")
    _, output = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    last = output.strip().splitlines()[-1]
    assert last.startswith("Could not register at the ResourceManager within 0.1 s")
    assert "taskmanager.registration.timeout" in last


def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    process = _start(tmp_path, "taskmanager.numberOfTaskSlot=3")
    _, output = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    (line,) = output.strip().splitlines()
    assert line.startswith("The TaskManager cannot start: ")
    assert "taskmanager.numberOfTaskSlots" in line


def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    process = _start(tmp_path, "jobmanager.rpc.port=1", "taskmanager.numberOfTaskSlots=2")
    _read_until(process, "with 2 slots")
    deadline = time.monotonic() + TIMEOUT_S
    while len(children := psutil.Process(process.pid).children(recursive=True)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    gone, alive = psutil.wait_procs(children, TIMEOUT_S)
    assert len(gone) == 3
    assert alive == []


HIGHLY_AVAILABLE = ("high-availability.type=zookeeper", "high-availability.zookeeper.quorum=localhost:1")


def test_it_ends_if_nobody_knows_the_leaders(tmp_path: Path) -> None:
    timeout = "high-availability.zookeeper.client.connection-timeout=200 ms"
    process = _start(tmp_path, *HIGHLY_AVAILABLE, timeout)
    _, error = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    last = error.strip().splitlines()[-1]
    assert last.startswith("The TaskManager cannot start: ")
    assert "localhost:1" in last


def test_a_signal_ends_it_while_it_looks_for_who_knows_the_leaders(tmp_path: Path) -> None:
    process = _start(tmp_path, *HIGHLY_AVAILABLE, "high-availability.zookeeper.client.connection-timeout=1 h")
    _read_until(process, "Connecting to")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, error
