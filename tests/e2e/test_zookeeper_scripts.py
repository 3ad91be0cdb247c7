"""The scripts with high availability: a ZooKeeper server, and several masters on one host."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kazoo.client import KazooClient

from millstream.testing.process_cluster import eventually, free_port
from millstream.testing.zookeeper_server import ZooKeeperMissingError, zookeeper_class_path

HOST = os.environ.get("HOSTNAME") or socket.gethostname()


def runs(pid: int) -> bool:
    """Whether the process has not ended; its parent may not have looked yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def zookeeper_port(deployment: Any, tmp_path: Path) -> int:
    """The port of the server that the quorum's script starts."""
    try:
        zookeeper_class_path()
    except ZooKeeperMissingError as error:
        pytest.skip(str(error))
    port = free_port()
    (deployment.directory / "conf" / "zoo.cfg").write_text(
        "tickTime=500\ninitLimit=10\nsyncLimit=5\nadmin.enableServer=false\n"
        f"  dataDir = {tmp_path / 'zookeeper data'} \nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        f"# the only one\nserver.7=localhost:{free_port()}:{free_port()}\n"
    )
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write(
            "high-availability:\n  type: zookeeper\n"
            f"  storageDir: {tmp_path / 'ha'}\n  zookeeper.quorum: 127.0.0.1:{port}\n"
            "  zookeeper.client.session-timeout: 4 s\n"
        )
    return port


@pytest.fixture
def zookeeper(zookeeper_port: int) -> Iterator[KazooClient]:
    client = KazooClient(f"127.0.0.1:{zookeeper_port}")
    yield client
    client.stop()
    client.close()


@pytest.mark.external
def test_a_quorum_and_two_masters_start_and_stop_and_leave_nothing(
    deployment: Any, zookeeper: KazooClient, tmp_path: Path
) -> None:
    first, second = deployment.rest_port, free_port()
    (deployment.directory / "conf" / "masters").write_text(f"localhost:{first}\nlocalhost:{second}  # the second\n")
    started = deployment.script("start-zookeeper-quorum.sh")
    assert (started.returncode, started.stdout) == (0, f"Starting zookeeper daemon on host {HOST}.\n"), started.stderr
    assert (tmp_path / "zookeeper data" / "myid").read_text() == "7\n"
    (server,) = deployment.pids("zookeeper")
    zookeeper.start()
    assert zookeeper.exists("/flink") is None

    started = deployment.script("start-cluster.sh")
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines() == [
        "Starting HA cluster with 2 masters.",
        f"Starting standalonesession daemon on host {HOST}.",
        f"[INFO] 1 instance(s) of standalonesession are already running on {HOST}.",
        f"Starting standalonesession daemon on host {HOST}.",
        f"Starting taskexecutor daemon on host {HOST}.",
    ]
    masters = deployment.pids("standalonesession")
    assert len(masters) == 2
    eventually(lambda: len(zookeeper.get_children("/flink/default/leader/latch")) == 2, "both are candidates")
    log = deployment.log("*standalonesession*.log")
    assert f"rest.port = {first}" in log
    assert f"rest.port = {second}" in log
    served = [f"Web frontend listening at http://localhost:{port}." for port in (first, second)]
    eventually(lambda: all(line in deployment.log("*standalonesession*.log") for line in served), "both serve REST")
    eventually(lambda: zookeeper.exists("/flink/default/leader/dispatcher/connection_info"), "one of them leads")

    stopped = deployment.script("stop-cluster.sh")
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.splitlines()[1:] == [
        f"Stopping standalonesession daemon (pid: {pid}) on host {HOST}." for pid in reversed(masters)
    ]
    assert zookeeper.get_children("/flink/default/leader/latch") == [], "who ends gives its place up"
    assert zookeeper.exists("/flink/default/leader/dispatcher/connection_info") is None

    # However narrow the terminal: a Java process has a long command line.
    stopped = deployment.script("stop-zookeeper-quorum.sh", COLUMNS="80")
    assert stopped.stdout == f"Stopping zookeeper daemon (pid: {server}) on host {HOST}.\n"
    assert not any(runs(pid) for pid in (*masters, server))
    again = deployment.script("stop-zookeeper-quorum.sh")
    assert again.stdout == f"No zookeeper daemon to stop on host {HOST}.\n"


@pytest.mark.external
def test_a_server_that_cannot_start_is_told_with_the_logs_error(deployment: Any, zookeeper_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", zookeeper_port))
        taken.listen()
        started = deployment.script("start-zookeeper-quorum.sh")
    assert started.returncode == 1
    assert "zookeeper daemon" in started.stderr
    assert f"millstream-tester-zookeeper-0-{HOST}.log" in started.stderr
    assert deployment.pids("zookeeper") == []


def test_without_zookeeper_masters_say_whom_they_miss(deployment: Any) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write(
            f"high-availability:\n  type: zookeeper\n  storageDir: {deployment.directory}\n"
            f"  zookeeper.quorum: 127.0.0.1:{free_port()}\n  zookeeper.client.connection-timeout: 500 ms\n"
        )
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 1
    assert "high-availability.zookeeper.quorum" in started.stderr


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("high-availability.type: kubernetes", "Kubernetes is not supported"),
        ("high-availability.type: org.example.Factory", "factories are not supported"),
    ],
)
def test_high_availability_that_there_is_not_is_refused_before_anything_starts(
    deployment: Any, setting: str, told: str
) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write(f"{setting}\n")
    started = deployment.script("start-cluster.sh")
    assert started.returncode == 1
    assert told in started.stderr
    assert "Starting" not in started.stdout


def test_what_is_wrong_with_the_quorum_is_told(deployment: Any, tmp_path: Path) -> None:
    conf = deployment.directory / "conf"
    for script in ("start-zookeeper-quorum.sh", "stop-zookeeper-quorum.sh"):
        missing = deployment.script(script)
        assert missing.returncode == 1
        assert missing.stderr == f"[ERROR] No ZooKeeper configuration file found in '{conf / 'zoo.cfg'}'.\n"
    (conf / "zoo.cfg").write_text("clientPort=1\n#server.1=localhost:1:2\n")
    assert "server.1=host1:2888:3888" in deployment.script("start-zookeeper-quorum.sh").stderr
    (conf / "zoo.cfg").write_text("clientPort=1\nserver.1=localhost:1:2\n")
    assert "There is no line server.2=" in deployment.script("zookeeper.sh", "start", "2").stderr
    nowhere = deployment.script("zookeeper.sh", "start", "1", ZOOKEEPER_HOME=str(tmp_path))
    assert f"ZOOKEEPER_HOME is {tmp_path}, but there is no zookeeper*.jar" in nowhere.stderr
    no_java = deployment.script("zookeeper.sh", "start", "1", JAVA_HOME=str(tmp_path))
    assert f"JAVA_HOME={tmp_path}" in no_java.stderr
    for arguments in ((), ("start",), ("stop", "1"), ("bogus",)):
        usage = deployment.script("zookeeper.sh", *arguments)
        assert usage.returncode == 1
        assert usage.stdout == "Usage: zookeeper.sh ((start|start-foreground) peer-id)|stop|stop-all\n"


def test_servers_and_masters_of_other_hosts_are_reached_by_ssh(deployment: Any, tmp_path: Path) -> None:
    """With a stand-in for ssh that notes what it was asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/ssh-calls\n')
    (tools / "ssh").chmod(0o755)
    conf = deployment.directory / "conf"
    (conf / "zoo.cfg").write_text("server.1=zoo-1:2888:3888\n server.2 = zoo-2:2888:3888;2181\n")
    (conf / "masters").write_text("master-1:8081\nmaster-2\n")
    (conf / "workers").write_text("")
    with (conf / "config.yaml").open("a") as file:
        file.write("high-availability.type: zookeeper\n")
    path = f"{tools}:{os.environ['PATH']}"
    for script in ("start-zookeeper-quorum.sh", "start-cluster.sh", "stop-cluster.sh", "stop-zookeeper-quorum.sh"):
        assert deployment.script(script, PATH=path).returncode == 0
    calls = [call.split(" -- ")[1] for call in (tmp_path / "ssh-calls").read_text().splitlines()]
    assert [call.split()[0] for call in calls] == [
        *("zoo-1", "zoo-2", "master-1", "master-2"),
        *("master-1", "master-2", "zoo-1", "zoo-2"),
    ]
    assert [call.rpartition("/")[2] for call in calls] == [
        "zookeeper.sh start 1",
        "zookeeper.sh start 2",
        "jobmanager.sh start master-1 8081",
        "jobmanager.sh start master-2",
        "jobmanager.sh stop",
        "jobmanager.sh stop",
        "zookeeper.sh stop",
        "zookeeper.sh stop",
    ]
