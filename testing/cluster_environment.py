"""Environments whose jobs run on a given cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from millstream.client.executors import share_import_path
from millstream.common.config import Configuration, CoreOptions
from millstream.common.execution import JobClient, set_context_executor

if TYPE_CHECKING:
    from millstream.client.mini_cluster import MiniCluster
    from millstream.common.wire.graph_pb2 import JobGraph
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["environment_for", "submitting_to"]


class MiniClusterExecutor:
    """Submits to one MiniCluster."""

    def __init__(self, cluster: MiniCluster) -> None:
        self._cluster = cluster

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        share_import_path(job_graph)
        return self._cluster.submit(job_graph)

    def default_parallelism(self, configuration: Configuration) -> int:
        if configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
            return configuration.get(CoreOptions.DEFAULT_PARALLELISM)
        return self._cluster.slots

    def attached(self) -> bool:
        return True


@contextmanager
def submitting_to(cluster: MiniCluster, configuration: Configuration | None = None) -> Iterator[None]:
    """Make every environment that is got inside this context submit to ``cluster``.

    It is for code that calls ``StreamExecutionEnvironment.get_execution_environment()`` by itself.

    :param configuration: what such environments start from; empty if not given.
    """
    set_context_executor(MiniClusterExecutor(cluster), configuration or Configuration())
    try:
        yield
    finally:
        set_context_executor(None)


@contextmanager
def environment_for(
    cluster: MiniCluster, configuration: Configuration | None = None
) -> Iterator[StreamExecutionEnvironment]:
    """Give an environment whose jobs run on ``cluster``; its parallelism is the number of the cluster's slots."""
    from millstream.datastream import StreamExecutionEnvironment

    with submitting_to(cluster, configuration):
        yield StreamExecutionEnvironment.get_execution_environment()
