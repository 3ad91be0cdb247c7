"""Where things lie in ZooKeeper: what is configured comes out as one clean path, or as an error that names the key."""

from __future__ import annotations

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.zookeeper import paths
from millstream.common.ids import JobID

JOB = JobID("0123456789abcdef0123456789abcdef")


def configured(**settings: str) -> Configuration:
    names = {
        "root": "high-availability.zookeeper.path.root",
        "cluster": "high-availability.cluster-id",
        "graphs": "high-availability.zookeeper.path.jobgraphs",
    }
    return Configuration.from_map({names[name]: value for name, value in settings.items()})


def test_the_default_cluster_lies_where_flink_puts_it() -> None:
    assert paths.cluster_root(Configuration()) == "/flink/default"


@pytest.mark.parametrize(
    ("root", "cluster", "path"),
    [
        ("flink", "orders", "/flink/orders"),
        ("/flink/", "/orders/", "/flink/orders"),
        ("//a//b", "c//d", "/a/b/c/d"),
        ("/", "orders", "/orders"),
        ("/flink", "zookeeper", "/flink/zookeeper"),
    ],
)
def test_slashes_are_put_right(root: str, cluster: str, path: str) -> None:
    assert paths.cluster_root(configured(root=root, cluster=cluster)) == path


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"cluster": "/"}, "high-availability.cluster-id"),
        ({"cluster": "../other"}, "high-availability.cluster-id"),
        ({"root": "/a/./b"}, "high-availability.zookeeper.path.root"),
        ({"root": "/a\u0000b"}, "high-availability.zookeeper.path.root"),
        ({"root": "/", "cluster": "/zookeeper"}, "high-availability.zookeeper.path.root"),
    ],
)
def test_what_can_be_no_path_is_refused_with_its_key(settings: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{key}: "):
        paths.cluster_root(configured(**settings))


def test_job_graphs_lie_where_they_are_told_but_not_upon_other_things() -> None:
    assert paths.job_graphs(Configuration()) == "/jobgraphs"
    assert paths.job_graphs(configured(graphs="my/graphs/")) == "/my/graphs"
    for taken in ("/", "/leader", "/leader/latch", "/jobs", "/results/x"):
        with pytest.raises(ConfigurationError, match=r"path\.jobgraphs: "):
            paths.job_graphs(configured(graphs=taken))


def test_endpoints_have_the_nodes_that_flink_gives_them() -> None:
    assert paths.connection_info("dispatcher") == "/leader/dispatcher/connection_info"
    assert paths.connection_info("resourcemanager") == "/leader/resource_manager/connection_info"
    assert paths.connection_info("rest") == "/leader/rest_server/connection_info"
    assert paths.connection_info(f"jobmaster-{JOB}") == f"/leader/{JOB}/connection_info"


def test_checkpoints_sort_by_their_id() -> None:
    ids = [1, 9, 10, 2**62]
    names = [paths.checkpoint(JOB, each) for each in ids]
    assert names == sorted(names)
    assert names[0] == f"/jobs/{JOB}/checkpoints/0000000000000000001"
