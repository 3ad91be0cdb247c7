"""Clients that reach a real cluster through its REST interface, with TLS, a token and a path before it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.client.remote.connection import connect, disconnect
from millstream.client.remote.errors import NoMasterThereError
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.rpc.service import RpcError
from millstream.testing.process_cluster import ProcessCluster, eventually

PASSWORD = "hush"
TOKEN = "a token of the cluster's"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, with a password, and its certificate, which is its own authority."""
    directory = tmp_path_factory.mktemp("pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-passout", f"pass:{PASSWORD}"),
            *("-keyout", str(directory / "key.pem"), "-out", str(directory / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both = directory / "both.pem"
    both.write_text((directory / "key.pem").read_text() + (directory / "certificate.pem").read_text())
    return both


@pytest.fixture(scope="module")
def cluster(pem: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    settings = {
        "security.ssl.rest.enabled": "true",
        "security.ssl.rest.keystore": str(pem),
        "security.ssl.rest.key-password": PASSWORD,
        "security.ssl.rest.truststore": str(pem),
        "security.ssl.rest.authentication-enabled": "true",
        "rest.authentication.token": TOKEN,
        "rest.url-prefix": "/streams/",
    }
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), 1, 1, settings, rest=True) as made:
        eventually(lambda: answers(made, pem), "the REST interface is there")
        yield made


@pytest.fixture(autouse=True)
def no_connections() -> Iterator[None]:
    yield
    disconnect()


def settings(cluster: ProcessCluster, pem: Path, **changes: str) -> Configuration:
    """Those of a client that names the REST port as ``-m`` does."""
    port = cluster.rest_url().rpartition(":")[2]
    return Configuration.from_map(
        {
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": port,
            "rest.address": "localhost",
            "rest.port": port,
            "rest.path": "/streams",
            "rest.authentication.token": TOKEN,
            "rest.retry.delay": "100 ms",
            "rest.retry.max-attempts": "600",
            "security.ssl.rest.enabled": "true",
            "security.ssl.rest.keystore": str(pem),
            "security.ssl.rest.key-password": PASSWORD,
            "security.ssl.rest.truststore": str(pem),
            "security.ssl.rest.authentication-enabled": "true",
            **{key.replace("__", "-").replace("_", "."): value for key, value in changes.items()},
        }
    )


def answers(cluster: ProcessCluster, pem: Path) -> bool:
    try:
        return connect(settings(cluster, pem)).overview().slots_total == 1
    except MillstreamError:
        return False


def test_with_everything_it_is_reached(cluster: ProcessCluster, pem: Path) -> None:
    client = connect(settings(cluster, pem))
    assert client.overview().slots_total == 1
    assert client.list_jobs() == []


def test_the_rpc_port_is_known_by_itself_also_by_who_wants_tls(cluster: ProcessCluster, pem: Path) -> None:
    port = str(cluster.port)
    assert connect(settings(cluster, pem, jobmanager_rpc_port=port, rest_port=port)).overview().slots_total == 1


def test_without_the_token_access_is_refused(cluster: ProcessCluster, pem: Path) -> None:
    with pytest.raises(RpcError, match=r"rest\.authentication\.token is not the cluster's"):
        connect(settings(cluster, pem, rest_authentication_token="another")).overview()


def test_a_certificate_that_is_not_trusted_is_named(cluster: ProcessCluster, pem: Path) -> None:
    configuration = settings(cluster, pem)
    configuration.remove_config("security.ssl.rest.truststore")
    with pytest.raises(NoMasterThereError, match=r"security\.ssl\.rest\.truststore"):
        connect(configuration)


def test_who_forgets_tls_is_told(cluster: ProcessCluster, pem: Path) -> None:
    with pytest.raises(NoMasterThereError, match="it speaks TLS: name it as https://localhost:"):
        connect(settings(cluster, pem, security_ssl_rest_enabled="false"))


def test_a_master_that_comes_back_is_waited_for(cluster: ProcessCluster, pem: Path) -> None:
    client = connect(settings(cluster, pem))
    assert client.overview().slots_total == 1
    cluster.kill_master()
    cluster.start_master()
    assert client.overview().version  # no error meanwhile
    eventually(lambda: answers(cluster, pem), "the TaskManager is there again", 60)
