"""Real master and TaskManager processes for the tests of this folder, shared by a module where no test kills them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster

SLOT_REQUEST_TIMEOUT = "2 s"
"""Of the shared cluster: long enough to cancel a job that waits for slots, short enough to wait for its failure."""

NewEnvironment = Callable[..., StreamExecutionEnvironment]


@pytest.fixture(scope="module", autouse=True)
def _send_this_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """Send the test module's classes with the job: the workers cannot import tests."""
    module = sys.modules[request.module.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    """Two TaskManagers of two slots."""
    settings = {"slot.request.timeout": SLOT_REQUEST_TIMEOUT}
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), task_managers=2, slots=2, settings=settings) as started:
        yield started


@pytest.fixture
def cluster(shared_cluster: ProcessCluster) -> Iterator[ProcessCluster]:
    """The shared cluster; after each test all of its slots must be free again."""
    yield shared_cluster
    shared_cluster.wait_for_slots(4)


@pytest.fixture
def own_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcessCluster]:
    """A cluster of this test's own, two TaskManagers of one slot, to be killed in parts; its settings are the
    parameter, if the test gives one.
    """
    settings: dict[str, str] = getattr(request, "param", {})
    with ProcessCluster(tmp_path / "cluster", task_managers=2, slots=1, settings=settings) as started:
        yield started


@pytest.fixture
def new_environment(request: pytest.FixtureRequest) -> NewEnvironment:
    """Make an environment for the test's cluster: ``new_environment(parallelism, {key: value})``."""
    # The test asks for one of the two itself, so that it is there before anything is counted as left behind.
    (name,) = {"own_cluster", "cluster"} & set(request.fixturenames)
    target: ProcessCluster = request.getfixturevalue(name)

    def make(parallelism: int = 2, settings: dict[str, str] | None = None) -> StreamExecutionEnvironment:
        configuration = Configuration.from_map(settings or {})
        made = StreamExecutionEnvironment.create_remote_environment(
            "localhost", target.port, configuration=configuration
        )
        made.set_parallelism(parallelism)
        return made

    return make
