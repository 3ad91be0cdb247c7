"""The master's process: how it starts, what it says, how it ends."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from millstream.common.config import Configuration
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.wire import cluster_pb2 as pb

WAIT_SECONDS = 20.0


def command(*properties: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "millstream.dispatcher.main", *properties]


def environment(conf_dir: Path) -> dict[str, str]:
    return {**os.environ, "MILLSTREAM_CONF_DIR": str(conf_dir)}


@pytest.fixture
def conf_dir(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("jobmanager.rpc.port: 0\nrest.port: -1\njobstore.max-capacity: 7\n")
    return tmp_path


@contextlib.contextmanager
def master(
    conf_dir: Path, *properties: str, said: list[str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a master; gives the process and its address.

    :param said: gets the lines that it logs until it has started.
    """
    said = [] if said is None else said
    process = subprocess.Popen(
        command(*properties), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(conf_dir)
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"started: RPC at (\S+),", line):
                yield process, found[1]
                break
        else:
            pytest.fail(f"the master did not start:\n{''.join(said)}")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(conf_dir: Path, *properties: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*properties),
        capture_output=True,
        text=True,
        check=False,
        env=environment(conf_dir),
        timeout=WAIT_SECONDS,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(conf_dir: Path, number: signal.Signals) -> None:
    with master(conf_dir) as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0
        assert out == ""
        assert f"Got {number.name}: ending" in err
        assert err.rstrip().endswith("The master has ended")
        assert "Traceback" not in err


def test_it_answers_and_ends_when_a_client_wants_it(conf_dir: Path) -> None:
    async def talk(address: str) -> pb.ClusterOverview:
        client = GrpcRpcService("localhost", 0, None, Configuration())
        try:
            gateway = client.connect(
                DispatcherGateway,
                address,
                "dispatcher",
                await client.leader_session_id(address, "dispatcher"),
            )
            overview = await gateway.get_cluster_overview(pb.Empty())
            await gateway.shut_down_cluster(pb.Empty())
            return overview
        finally:
            await client.close()

    with master(conf_dir, "-Djobmanager.rpc.address=127.0.0.1") as (process, address):
        assert address.startswith("127.0.0.1:")
        overview = asyncio.run(talk(address))
        assert (overview.taskmanagers, overview.jobs_running) == (0, 0)
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0


def test_its_configuration_is_logged_without_secrets(conf_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = run(conf_dir, f"-Djobmanager.rpc.port={port}", "-D", "security.ssl.internal.key-password=hush")
    assert finished.returncode == 1
    lines = finished.stderr.splitlines()
    assert lines[-1] == (
        f"The master cannot start: cannot listen on port {port} on localhost: Address already in use; "
        "stop what uses it or change jobmanager.rpc.port"
    )
    assert any(line.endswith("jobstore.max-capacity = 7") for line in lines)
    assert "hush" not in finished.stderr


def test_a_wrong_setting_is_one_line(conf_dir: Path) -> None:
    finished = run(conf_dir, "-Djobmanager.rpc.prot=1")
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert re.fullmatch(r"The master cannot start: .*jobmanager\.rpc\.prot.*jobmanager\.rpc\.port\?\n", finished.stderr)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (["-Dhigh-availability.type=kubernetes"], "high-availability.type: 'kubernetes'"),
        (["-Dhigh-availability.type=zookeeper"], "high-availability.zookeeper.quorum is not set"),
    ],
)
def test_high_availability_that_it_cannot_have_is_one_line(conf_dir: Path, properties: list[str], said: str) -> None:
    finished = run(conf_dir, *properties)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith(f"The master cannot start: {said}")
    assert "Traceback" not in finished.stderr


def test_it_serves_the_rest_interface_and_says_where(conf_dir: Path) -> None:
    said: list[str] = []
    with master(conf_dir, "-Drest.port=0", said=said) as (process, _):
        url = next(found[1] for line in said if (found := re.search(r"listening at (http://\S+)\.$", line)))
        assert httpx.get(f"{url}/overview").json()["taskmanagers"] == 0
        assert httpx.delete(f"{url}/v1/cluster").json() == {}
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0


def test_a_rest_port_that_is_taken_is_one_line(conf_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = run(conf_dir, f"-Drest.port={port}", "-Drest.bind-address=127.0.0.1")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == (
        f"The master cannot start: cannot listen on 127.0.0.1:{port}: Address already in use; choose another port with "
        "rest.port"
    )
    assert "Traceback" not in finished.stderr


def test_the_master_alone_loads_nothing_of_the_rest_interface() -> None:
    program = (
        "import sys, millstream.dispatcher.main; sys.exit(int('fastapi' in sys.modules or 'uvicorn' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_unknown_arguments_are_refused(conf_dir: Path) -> None:
    finished = run(conf_dir, "--port", "1")
    assert finished.returncode == 2
    assert "usage" in finished.stderr


def test_the_master_loads_nothing_that_opens_user_code() -> None:
    program = (
        "import sys, millstream.dispatcher.main, millstream.jobmanager.job_master\n"
        "bad = [m for m in sys.modules if m == 'cloudpickle' or m.startswith(('millstream.datastream',"
        " 'millstream.taskmanager', 'millstream.connectors', 'millstream.client'))]\n"
        "sys.exit(', '.join(bad) or None)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
