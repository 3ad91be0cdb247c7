"""The REST interface of real clusters: processes, and the MiniCluster."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.config import Configuration, RestOptions
from millstream.testing.process_cluster import ProcessCluster, eventually


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(directory: Path) -> Iterator[ProcessCluster]:
    with ProcessCluster(directory, task_managers=1, slots=2, rest=True) as cluster:
        yield cluster


@pytest.fixture
def rest(cluster: ProcessCluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cluster.rest_url(), timeout=20) as client:
        eventually(lambda: _answers(client), "the REST interface answers")
        yield client


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/overview").is_success
    except httpx.TransportError:
        return False


def test_the_cluster_is_there_under_both_prefixes(rest: httpx.Client) -> None:
    for prefix in ("", "/v1"):
        overview = rest.get(f"{prefix}/overview").json()
        assert (overview["taskmanagers"], overview["slots-total"], overview["slots-available"]) == (1, 2, 2)


def test_a_task_manager_tells_of_itself(rest: httpx.Client) -> None:
    (listed,) = rest.get("/taskmanagers").json()["taskmanagers"]
    assert (listed["slotsNumber"], listed["freeSlots"]) == (2, 2)
    assert listed["hardware"]["cpuCores"] >= 1
    assert listed["memoryConfiguration"]["totalProcessMemory"] > 0
    details = rest.get(f"/taskmanagers/{listed['id']}").json()
    assert {key: details[key] for key in ("id", "dataPort", "hardware")} == {
        key: listed[key] for key in ("id", "dataPort", "hardware")
    }
    assert details["allocatedSlots"] == []


def test_threads_of_both_processes_are_dumped(rest: httpx.Client) -> None:
    task_manager = rest.get("/taskmanagers").json()["taskmanagers"][0]["id"]
    for path in ("/jobmanager/thread-dump", f"/taskmanagers/{task_manager}/thread-dump"):
        names = [thread["threadName"] for thread in rest.get(path).json()["threadInfos"]]
        assert any(name.endswith("MainThread") for name in names), names


def test_the_level_of_a_task_managers_loggers_is_changed(rest: httpx.Client) -> None:
    task_manager = rest.get("/taskmanagers").json()["taskmanagers"][0]["id"]
    path = f"/v1/millstream/taskmanagers/{task_manager}/log-levels"
    assert rest.put(path, json={"logger": "millstream.nothing", "level": "DEBUG"}).status_code == 200
    assert rest.put(path, json={"logger": "millstream.nothing", "level": "LOUD"}).status_code == 400


_RUDE: list[bytes] = [
    b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs/%ff%fe HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs/%00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs?" + b"a=b&" * 10_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs?" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs/metrics?get=%ff&agg=%00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /jobs HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET /jobs HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
    b"POST /jobs/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    b"POST /savepoint-disposal HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST /savepoint-disposal HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n\xff\xfe\xfd\xfc",
    b"POST /savepoint-disposal HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\n\r\n" + b"[" * 60_000,
    b"GET /jobs HTTP/1.1\r\nhost: [\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"",
]


def test_rude_clients_leave_nothing_behind(cluster: ProcessCluster, directory: Path, rest: httpx.Client) -> None:
    assert cluster.master is not None
    files = Path("/proc", str(cluster.master.pid), "fd")
    rest.get("/jobs")
    before = len(list(files.iterdir()))
    port = int(rest.base_url.port or 0)
    for request in _RUDE * 3:
        with socket.create_connection(("localhost", port), timeout=10) as connection:
            answer = _say(connection, request)
        assert b" 500 " not in answer[:20], (request[:80], answer)
    unknown = [rest.get(f"/jobs/{number:032x}/vertices/{number:032x}").status_code for number in range(200)]
    assert set(unknown) == {404}
    for path in ("/jobmanager/thread-dump", "/taskmanagers", "/jobs/metrics"):  # nobody waits for these answers
        for _ in range(20):
            with socket.create_connection(("localhost", port), timeout=10) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    eventually(lambda: len(list(files.iterdir())) <= before, "the connections are closed")
    assert rest.get("/overview").is_success
    assert "Traceback" not in (directory / "master.log").read_text(errors="replace")


def _say(connection: socket.socket, request: bytes) -> bytes:
    """What is answered, if anything is: the server may also close the connection before it has read all."""
    try:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)
    except OSError:
        return b""


def test_a_mini_cluster_serves_it_where_a_port_is_set() -> None:
    configuration = Configuration().set(RestOptions.BIND_PORT, "0")
    with MiniCluster(isolation="thread", configuration=configuration) as cluster:
        assert cluster.rest_url is not None
        assert httpx.get(f"{cluster.rest_url}/overview").json()["slots-total"] == 1
    assert cluster.rest_url is None


def test_a_mini_cluster_serves_nothing_by_itself() -> None:
    with MiniCluster(isolation="thread") as cluster:
        assert cluster.rest_url is None


def test_a_mini_cluster_runs_without_it_where_the_port_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        configuration = Configuration().set(RestOptions.PORT, taken.getsockname()[1])
        configuration.set(RestOptions.BIND_ADDRESS, "127.0.0.1")
        with MiniCluster(isolation="thread", configuration=configuration) as cluster:
            assert cluster.rest_url is None
    assert "choose another port with rest.port" in caplog.text
