"""Short runs of what `python -m tests.chaos` does for as long as one likes: real servers, hosts and disks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.testing.network_namespaces import NamespacesForbiddenError, NetworkNamespaces
from millstream.testing.zookeeper_server import ZooKeeperMissingError, zookeeper_class_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.external)
            # A run strikes several times, and the machine may be busy.
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def zookeeper() -> None:
    """Skip where there is no ZooKeeper."""
    try:
        zookeeper_class_path()
    except ZooKeeperMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skip where hosts cannot have networks of their own."""
    try:
        with NetworkNamespaces(["probe"]):
            pass
    except NamespacesForbiddenError as error:
        pytest.skip(str(error))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 8 MiB; skips where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; this process is not root's")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", f"millstream-{os.getpid()}", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounting.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounting.stderr.strip()}")
    try:
        yield disk
    finally:
        # Whoever still holds a file there does so without a name.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
