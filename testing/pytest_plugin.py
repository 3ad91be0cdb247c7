"""The fixtures: ``mini_cluster``, one per test session, and ``environment``, a fresh one per test that submits to it.

The cluster's slots are threads of the test process, so it starts in no time and a debugger reaches user functions;
set ``MILLSTREAM_TEST_ISOLATION=process`` to run them in processes, as a real cluster does. It has as many slots as
``MILLSTREAM_TEST_SLOTS`` says (4). It starts with the first test that asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from millstream.client.mini_cluster import Isolation, MiniCluster
from millstream.testing.cluster_environment import environment_for

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["environment", "mini_cluster"]

_SLOTS = 4


@pytest.fixture(scope="session")
def mini_cluster() -> Iterator[MiniCluster]:
    """A running cluster that all tests of the session share."""
    isolation: Isolation = "process" if os.environ.get("MILLSTREAM_TEST_ISOLATION") == "process" else "thread"
    with MiniCluster(1, int(os.environ.get("MILLSTREAM_TEST_SLOTS", _SLOTS)), isolation) as cluster:
        yield cluster


@pytest.fixture
def environment(mini_cluster: MiniCluster) -> Iterator[StreamExecutionEnvironment]:
    """A fresh environment whose jobs run on the shared cluster."""
    with environment_for(mini_cluster) as fresh:
        yield fresh
