"""The embedded clusters of this process: started by the first ``execute()``, shared by later ones, closed at exit."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import threading
from typing import TYPE_CHECKING

from millstream.client.mini_cluster import Isolation, MiniCluster
from millstream.common.config import Configuration, LocalOptions

if TYPE_CHECKING:
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["close_all", "cluster_for", "default_local_parallelism", "required_slots"]

_log = logging.getLogger(__name__)

_JOB_KEYS = (
    "execution.",
    "pipeline.",
    "python.",
    "parallelism.",
    "restart-strategy",
    "client.",
    "metrics.latency.",
    "taskmanager.numberOfTaskSlots",
    "taskmanager.slot.isolation",
)
"""Keys that a running cluster need not be started anew for: the job carries them, or they are looked at elsewhere."""


def required_slots(job_graph: JobGraph) -> int:
    """Return how many slots the job needs at once: over the sharing groups, the sum of the largest parallelism."""
    widest: dict[str, int] = {}
    for vertex in job_graph.vertices:
        widest[vertex.slot_sharing_group] = max(widest.get(vertex.slot_sharing_group, 0), vertex.parallelism)
    return max(1, sum(widest.values()))


def default_local_parallelism(configuration: Configuration) -> int:
    """Return the parallelism of local programs that set none.

    It is the number of cores this process may use. In thread mode it is 1: threads share one interpreter's lock,
    and a debugger follows one subtask better than several.
    """
    if configuration.get(LocalOptions.EXECUTION) == "thread":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class _EmbeddedClusters:
    """All embedded clusters of one process. They are few: another is made only if the ones there cannot serve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clusters: list[tuple[MiniCluster, dict[str, str]]] = []
        self._process_id = os.getpid()

    def acquire(self, slots: int, isolation: Isolation, configuration: Configuration) -> MiniCluster:
        """Return a cluster in which ``slots`` slots are free, or will be once what ended in it is cleared away."""
        settings = _cluster_settings(configuration)
        with self._lock:
            self._forget_if_forked()
            for cluster, its_settings in list(self._clusters):
                if cluster.isolation != isolation:
                    continue
                overview = cluster.client.overview()
                if overview.jobs_running == 0:
                    if cluster.slots >= slots and its_settings == settings:
                        return cluster
                    self._clusters.remove((cluster, its_settings))
                    cluster.close()
                elif overview.slots_available >= slots and its_settings == settings:
                    return cluster
            _keep_the_engine_quiet()
            _log.info("Starting an embedded cluster with %d slots (%s)", slots, isolation)
            cluster = MiniCluster(1, slots, isolation, configuration).start()
            self._clusters.append((cluster, settings))
            return cluster

    def close(self) -> None:
        with self._lock:
            self._forget_if_forked()
            clusters = [cluster for cluster, _ in self._clusters]
            self._clusters.clear()
        for cluster in clusters:
            cluster.close()

    def _forget_if_forked(self) -> None:
        """A forked child has no part in its parent's clusters."""
        if self._process_id != os.getpid():
            self._process_id = os.getpid()
            self._clusters.clear()


def _keep_the_engine_quiet() -> None:
    """A program that logs its own affairs at level INFO does not ask for those of a cluster inside it."""
    engine = logging.getLogger("millstream")
    if engine.level == logging.NOTSET:
        engine.setLevel(logging.WARNING)


def _cluster_settings(configuration: Configuration) -> dict[str, str]:
    return {key: value for key, value in configuration.to_map().items() if not key.startswith(_JOB_KEYS)}


_clusters = _EmbeddedClusters()


def close_all() -> None:
    """End all embedded clusters of this process and the jobs in them. Called at exit; may be called earlier."""
    _clusters.close()


# Before the threads of executors end, which a cluster needs to close: it still deletes files of checkpoints. What
# atexit calls comes after that.
importlib.import_module("concurrent.futures.thread")  # whose own end was registered earlier, and so comes later
getattr(threading, "_register_atexit", atexit.register)(close_all)


def cluster_for(job_graph: JobGraph, configuration: Configuration) -> MiniCluster:
    """Return the embedded cluster to run this job on, started if need be."""
    isolation: Isolation = "thread" if configuration.get(LocalOptions.EXECUTION) == "thread" else "process"
    slots = max(required_slots(job_graph), default_local_parallelism(configuration))
    return _clusters.acquire(slots, isolation, configuration)
