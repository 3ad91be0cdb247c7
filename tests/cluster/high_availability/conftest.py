"""Clusters of two masters over a real ZooKeeper server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.client.remote.connection import disconnect
from millstream.testing.process_cluster import ProcessCluster
from millstream.testing.zookeeper_server import ZooKeeperMissingError, ZooKeeperServers, zookeeper_class_path

SESSION_TIMEOUT = "2 s"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.external)


@pytest.fixture(scope="module")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServers]:
    try:
        zookeeper_class_path()
    except ZooKeeperMissingError as error:
        pytest.skip(str(error))
    with ZooKeeperServers(tmp_path_factory.mktemp("zookeeper")) as started:
        yield started


@pytest.fixture(scope="module")
def shared_cluster(zookeeper: ZooKeeperServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    """Two masters, and two TaskManagers of two slots."""
    settings = {
        "high-availability.type": "zookeeper",
        "high-availability.zookeeper.quorum": zookeeper.quorum,
        "high-availability.storageDir": tmp_path_factory.mktemp("high-availability").as_uri(),
        "high-availability.zookeeper.client.session-timeout": SESSION_TIMEOUT,
    }
    directory = tmp_path_factory.mktemp("cluster")
    with ProcessCluster(directory, task_managers=2, slots=2, settings=settings, masters=2) as started:
        yield started


@pytest.fixture
def cluster(shared_cluster: ProcessCluster) -> Iterator[ProcessCluster]:
    """The shared cluster; after each test both masters are there again, and all slots are free."""
    yield shared_cluster
    for master in range(2):
        if master in shared_cluster.masters:
            shared_cluster.thaw(shared_cluster.masters[master].pid)
        else:
            shared_cluster.start_master(master)
    shared_cluster.wait_for_slots(4)
    disconnect()  # it knows more masters than before
