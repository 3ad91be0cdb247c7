"""The scripts of deploy/bin: messages, pid files, logs, and what happens when something is in the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from millstream.testing.process_cluster import eventually

HOST = os.environ.get("HOSTNAME") or socket.gethostname()


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended may lie there as a zombie until its parent looks."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_cluster_starts_and_stops_and_leaves_nothing(deployment: Any) -> None:
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines() == [
        "Starting cluster.",
        f"Starting standalonesession daemon on host {HOST}.",
        f"Starting taskexecutor daemon on host {HOST}.",
    ]
    (master,), (task_manager,) = deployment.pids("standalonesession"), deployment.pids("taskexecutor")
    processes = [
        process
        for pid in (master, task_manager)
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    logs = sorted(path.name for path in (deployment.directory / "log").iterdir())
    assert logs == [
        f"millstream-tester-{daemon}-0-{HOST}.{kind}"
        for daemon in ("standalonesession", "taskexecutor")
        for kind in ("log", "out")
    ]
    stopped = deployment.script("stop-cluster.sh")
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.splitlines() == [
        f"Stopping taskexecutor daemon (pid: {task_manager}) on host {HOST}.",
        f"Stopping standalonesession daemon (pid: {master}) on host {HOST}.",
    ]
    assert "The master has ended" in deployment.log("*standalonesession*.log")
    assert "The TaskManager has ended" in deployment.log("*taskexecutor*.log")
    eventually(lambda: not any(alive(process.pid) for process in processes), f"{processes} have ended")
    assert deployment.pids("standalonesession") == deployment.pids("taskexecutor") == []


def test_a_port_in_use_is_told_with_the_logs_error(deployment: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", deployment.port))
        taken.listen()
        started = deployment.script("jobmanager.sh", "start")
    assert started.returncode == 1
    assert f"port {deployment.port}" in started.stderr
    assert "jobmanager.rpc.port" in started.stderr
    assert f"millstream-tester-standalonesession-0-{HOST}.log" in started.stderr
    assert deployment.pids("standalonesession") == []


def test_several_task_managers_share_a_host_and_the_last_is_stopped_first(deployment: Any) -> None:
    assert deployment.script("taskmanager.sh", "start").returncode == 0
    second = deployment.script("taskmanager.sh", "start", "-Dtaskmanager.numberOfTaskSlots=1")
    assert second.stdout.splitlines() == [
        f"[INFO] 1 instance(s) of taskexecutor are already running on {HOST}.",
        f"Starting taskexecutor daemon on host {HOST}.",
    ]
    first_pid, second_pid = deployment.pids("taskexecutor")
    assert (deployment.directory / "log" / f"millstream-tester-taskexecutor-1-{HOST}.log").exists()
    stopped = deployment.script("taskmanager.sh", "stop")
    assert stopped.stdout == f"Stopping taskexecutor daemon (pid: {second_pid}) on host {HOST}.\n"
    assert deployment.pids("taskexecutor") == [first_pid]
    assert deployment.script("taskmanager.sh", "stop-all").returncode == 0
    assert deployment.script("taskmanager.sh", "stop").stdout == f"No taskexecutor daemon to stop on host {HOST}.\n"


def test_starting_the_master_twice_fails_clearly_and_leaves_the_first(deployment: Any) -> None:
    assert deployment.script("jobmanager.sh", "start").returncode == 0
    again = deployment.script("jobmanager.sh", "start")
    assert again.returncode == 1
    assert f"[INFO] 1 instance(s) of standalonesession are already running on {HOST}." in again.stdout
    assert "jobmanager.rpc.port" in again.stderr
    (pid,) = deployment.pids("standalonesession")
    assert alive(pid)


def test_stale_pids_are_told_and_cleared(deployment: Any) -> None:
    pid_file = deployment.directory / "pid" / "millstream-tester-standalonesession.pid"
    # This test's own process: it lives, but it is no daemon, and must not be stopped.
    pid_file.write_text(f"{os.getpid()}\n")
    stopped = deployment.script("jobmanager.sh", "stop")
    assert stopped.stdout == f"No standalonesession daemon (pid: {os.getpid()}) is running anymore on {HOST}.\n"
    pid_file.write_text(f"{os.getpid()}\n")
    started = deployment.script("jobmanager.sh", "start")
    assert started.returncode == 0
    assert f"[INFO] Removed the stale pid {os.getpid()} from {pid_file}" in started.stdout
    assert len(deployment.pids("standalonesession")) == 1


def test_a_wrong_configuration_is_told_before_anything_starts(deployment: Any) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("jobmanager.rpc.prot: 1\n")
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 1
    assert "config.yaml, line 5" in started.stderr
    assert "did you mean jobmanager.rpc.port?" in started.stderr
    assert "Starting" not in started.stdout


@pytest.mark.parametrize("script", ["jobmanager.sh", "taskmanager.sh"])
def test_bad_arguments_give_the_usage(deployment: Any, script: str) -> None:
    answered = deployment.script(script, "bogus")
    assert answered.returncode == 1
    assert answered.stdout.startswith(f"Usage: {script} ((start|start-foreground)")


def test_a_missing_workers_file_is_named(deployment: Any) -> None:
    (deployment.directory / "conf" / "workers").unlink()
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 1
    assert str(deployment.directory / "conf" / "workers") in started.stderr


def test_in_the_foreground_it_ends_with_sigterm(deployment: Any, tmp_path: Path) -> None:
    scripts = Path(__file__).resolve().parents[2] / "deploy" / "bin"
    with (tmp_path / "console").open("wb") as console:
        process = subprocess.Popen(
            ["bash", str(scripts / "jobmanager.sh"), "start-foreground"],
            env=deployment.environment,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: b" started: RPC at " in (tmp_path / "console").read_bytes(), "the master serves")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait(15)


def test_in_the_foreground_it_logs_to_files_if_wanted(deployment: Any, tmp_path: Path) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("env.stdout-err.redirect-to-file: true\n")
    scripts = Path(__file__).resolve().parents[2] / "deploy" / "bin"
    with (tmp_path / "console").open("wb") as console:
        process = subprocess.Popen(
            ["bash", str(scripts / "jobmanager.sh"), "start-foreground"],
            env=deployment.environment,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: " started: RPC at " in deployment.log("*-standalonesession-0-*.log"), "the master serves")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait(15)
    console_text = (tmp_path / "console").read_text()
    assert console_text == f"Starting standalonesession as a console application on host {HOST}.\n"


def test_the_environment_says_how_many_old_logs_are_kept(deployment: Any) -> None:
    for _ in range(3):
        assert deployment.script("jobmanager.sh", "start", MAX_LOG_FILE_NUMBER="1").returncode == 0
        assert deployment.script("jobmanager.sh", "stop").returncode == 0
    logs = [path.name for path in (deployment.directory / "log").iterdir() if ".log" in path.name]
    log = f"millstream-tester-standalonesession-0-{HOST}.log"
    assert sorted(logs) == [log, f"{log}.1"]
    wrong = deployment.script("jobmanager.sh", "start", MAX_LOG_FILE_NUMBER="many")
    assert wrong.returncode == 1
    assert "MAX_LOG_FILE_NUMBER" in wrong.stderr


def test_other_hosts_are_reached_by_ssh(deployment: Any, tmp_path: Path) -> None:
    """With a stand-in for ssh that notes what it was asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/ssh-calls\n')
    (tools / "ssh").chmod(0o755)
    (deployment.directory / "conf" / "workers").write_text("worker-1\nworker-2  # the big one\n")
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("env.ssh.opts: -o BatchMode=yes\n")
    path = f"{tools}:{os.environ['PATH']}"
    assert deployment.script("start-cluster.sh", PATH=path).returncode == 0
    assert deployment.script("stop-cluster.sh", PATH=path).returncode == 0
    calls = (tmp_path / "ssh-calls").read_text().splitlines()
    assert [call.split(" -- ")[1].split()[0] for call in calls] == ["worker-1", "worker-2", "worker-1", "worker-2"]
    assert all(call.startswith("-n -o BatchMode=yes -- ") for call in calls)
    assert calls[0].endswith("taskmanager.sh start")
    assert calls[2].endswith("taskmanager.sh stop")
    assert f"MILLSTREAM_CONF_DIR={deployment.directory}/conf" in calls[0]


def test_a_daemon_that_does_not_end_is_killed(deployment: Any, tmp_path: Path) -> None:
    """A stopped process does not react to SIGTERM."""
    assert deployment.script("jobmanager.sh", "start").returncode == 0
    (pid,) = deployment.pids("standalonesession")
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    stopped = deployment.script("jobmanager.sh", "stop", MILLSTREAM_STOP_SECONDS="3")
    assert "Daemon standalonesession didn't stop within 3 seconds. Killing it." in stopped.stdout
    assert not alive(pid)
    assert time.monotonic() - begun > 2, "it was given no time"
