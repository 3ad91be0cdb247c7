"""One real ZooKeeper server for the tests of this directory; a test that kills servers starts its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from millstream.testing.zookeeper_server import ZooKeeperMissingError, ZooKeeperServers, zookeeper_class_path
from tests.external.zookeeper.real_clients import Clients


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "external/zookeeper" in str(item.path):
            item.add_marker(pytest.mark.external)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServers]:
    _skip_without_zookeeper()
    with ZooKeeperServers(tmp_path_factory.mktemp("zookeeper")) as started:
        yield started


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServers]:
    """Three servers, all of which serve at the begin of each test that leaves them so."""
    _skip_without_zookeeper()
    with ZooKeeperServers(tmp_path_factory.mktemp("ensemble"), servers=3) as started:
        yield started


@pytest.fixture
def clients(servers: ZooKeeperServers) -> Clients:
    return Clients(servers.quorum)


def _skip_without_zookeeper() -> None:
    try:
        zookeeper_class_path()
    except ZooKeeperMissingError as error:
        pytest.skip(str(error))
