"""Where everything lies in ZooKeeper, in one place: what one leader writes the next one must find.

All paths but :func:`cluster_root` begin below the cluster's own node, which the client is told as its root.
"""

from __future__ import annotations

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import ConfigurationError
from millstream.common.ids import JobID

__all__ = [
    "LATCH",
    "LEADER",
    "RESULTS",
    "checkpoint",
    "checkpoint_id_counter",
    "checkpoints",
    "cluster_root",
    "connection_info",
    "job",
    "job_graphs",
    "node_path",
    "result",
]

LEADER = "/leader"
LATCH = f"{LEADER}/latch"
"""Holds a node of each master that contends; the one with the smallest number leads."""

JOBS = "/jobs"
RESULTS = "/results"

_JOB_MASTER = "jobmaster-"
_NODE_OF_ENDPOINT = {"resourcemanager": "resource_manager", "rest": "rest_server"}


def cluster_root(configuration: Configuration) -> str:
    """The node below which all of this cluster lies: ``<path.root>/<cluster-id>``.

    :raises ConfigurationError: there can be no such node.
    """
    root = node_path(
        HighAvailabilityOptions.ZOOKEEPER_ROOT.key, configuration.get(HighAvailabilityOptions.ZOOKEEPER_ROOT)
    )
    cluster = node_path(HighAvailabilityOptions.CLUSTER_ID.key, configuration.get(HighAvailabilityOptions.CLUSTER_ID))
    if cluster == "/":
        raise ConfigurationError(
            f"{HighAvailabilityOptions.CLUSTER_ID.key}: the cluster needs a name of its own among those that share"
            " the servers, such as /default."
        )
    path = f"{root.rstrip('/')}{cluster}"
    if path.startswith("/zookeeper/") or path == "/zookeeper":
        raise ConfigurationError(
            f"{HighAvailabilityOptions.ZOOKEEPER_ROOT.key}: the cluster cannot lie at {path}: /zookeeper is"
            " ZooKeeper's own node; take another root, such as /flink."
        )
    return path


def job_graphs(configuration: Configuration) -> str:
    """The node with a child for each job that is to run, named by its id.

    :raises ConfigurationError: there can be no such node.
    """
    option = HighAvailabilityOptions.ZOOKEEPER_JOBGRAPHS
    path = node_path(option.key, configuration.get(option))
    taken = {part for part in (LEADER, JOBS, RESULTS) if path == "/" or f"{path}/".startswith(f"{part}/")}
    if path == "/" or taken:
        raise ConfigurationError(f"{option.key}: {path} is needed for other things; take another, such as /jobgraphs.")
    return path


def connection_info(endpoint: str) -> str:
    """The node that tells who leads an endpoint (``dispatcher``, ``jobmaster-<job id>``)."""
    if endpoint.startswith(_JOB_MASTER):
        name = endpoint[len(_JOB_MASTER) :]
    else:
        name = _NODE_OF_ENDPOINT.get(endpoint, endpoint)
    return f"{LEADER}/{name}/connection_info"


def job(job_id: JobID) -> str:
    """The node with all that is known of a job but its graph and result."""
    return f"{JOBS}/{job_id}"


def checkpoints(job_id: JobID) -> str:
    """The node with a child for each completed checkpoint."""
    return f"{job(job_id)}/checkpoints"


def checkpoint(job_id: JobID, checkpoint_id: int) -> str:
    """The pointer of one completed checkpoint: names sort as the ids do."""
    return f"{checkpoints(job_id)}/{checkpoint_id:019d}"


def checkpoint_id_counter(job_id: JobID) -> str:
    """The node with the smallest checkpoint id that no leader has reserved, in decimal digits."""
    return f"{job(job_id)}/checkpoint_id_counter"


def result(job_id: JobID) -> str:
    """The pointer of what became of a job."""
    return f"{RESULTS}/{job_id}"


def node_path(key: str, text: str) -> str:
    """Return a configured path as ZooKeeper takes it: one slash before each part, none at the end.

    :param key: the option, for the error.
    :raises ConfigurationError: a part is no name of a node.
    """
    parts = [part for part in text.strip().split("/") if part]
    for part in parts:
        if part in (".", "..") or not part.isprintable():
            raise ConfigurationError(f"{key}: {text!r} is no path in ZooKeeper: {part!r} cannot be the name of a node.")
    return "/" + "/".join(parts)
