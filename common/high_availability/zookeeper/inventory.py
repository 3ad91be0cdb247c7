"""What is kept for one cluster, and what of it nobody needs any more: a pure view of what was read.

While a master lives, much that looks like garbage is only half written or half deleted. So as long as there is one,
nothing is garbage but files that have been lying about for long without a pointer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from millstream.common.file_system import parent
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.data_frame import DataKind
from millstream.common.high_availability.zookeeper.pointer_format import ResultPointer
from millstream.common.high_availability.zookeeper.storage import DataFile, StoredData
from millstream.common.ids import JobID

__all__ = [
    "ClusterInventory",
    "Garbage",
    "GarbageKind",
    "JobStanding",
    "KeptJob",
    "Master",
    "find_garbage",
]

_LONG_MS = 3_600_000
"""Nobody takes so long from a file to its pointer."""


@dataclass(frozen=True, slots=True)
class Master:
    """A master that contends, and so is alive, or was within the last session timeout.

    :ivar node: the name of its node among the candidates.
    :ivar address: of its RPC service; empty if the node does not say.
    """

    node: str
    address: str
    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class KeptJob:
    """What is known of one job.

    :ivar graph: where its graph is; ``None``: no graph is kept, or its pointer cannot be read.
    :ivar result: what became of it; ``None``: it has not ended, or that cannot be read.
    :ivar checkpoints: pointers, oldest first.
    :ivar has_node: it has a node for its checkpoints.
    :ivar unreadable: nodes that do not hold what they should, with the reason.
    """

    graph: StoredData | None = None
    result: ResultPointer | None = None
    checkpoints: tuple[CheckpointPointer, ...] = ()
    has_node: bool = False
    unreadable: Mapping[str, str] | None = None


class JobStanding(Enum):
    """What a new leader would do with a job."""

    RECOVERABLE = "would be recovered"
    ENDED = "has ended"
    TO_BE_CLEANED = "has ended, and is to be cleaned up"
    LOST = "its graph's file is gone"
    UNREADABLE = "a node of it cannot be read"
    REST = "the rest of a job that is not kept"


@dataclass(frozen=True, slots=True)
class ClusterInventory:
    """All that is kept for one cluster.

    :ivar cluster_id: with a slash in front, as its node is called.
    :ivar masters: that contend; the first one leads, or is about to.
    :ivar leaders: addresses by endpoint's node, as they were published.
    :ivar job_graphs: the node of the pointers to graphs, below the cluster's.
    :ivar jobs: by id.
    :ivar files: of graphs and results.
    :ivar directories: URIs of the directories in which those files were looked for.
    :ivar storage: URI of the cluster's directory.
    :ivar storage_is_there: false: the directory does not exist, so nothing can be said of files.
    """

    cluster_id: str
    masters: tuple[Master, ...]
    leaders: Mapping[str, str]
    job_graphs: str
    jobs: Mapping[JobID, KeptJob]
    files: tuple[DataFile, ...]
    directories: tuple[str, ...]
    storage: str
    storage_is_there: bool

    def standing(self, job_id: JobID) -> JobStanding:
        """Return how a job stands."""
        job = self.jobs[job_id]
        if job.unreadable:
            return JobStanding.UNREADABLE
        if job.result is not None:
            return JobStanding.TO_BE_CLEANED if job.result.dirty else JobStanding.ENDED
        if job.graph is None:
            return JobStanding.REST
        return JobStanding.RECOVERABLE if self._has(job.graph) else JobStanding.LOST

    def unneeded_files(self) -> list[DataFile]:
        """Return the files that no pointer leads to."""
        if any(job.unreadable for job in self.jobs.values()):
            return []  # who knows where those pointers lead
        pointed = {job.graph.file for job in self.jobs.values() if job.graph is not None}
        pointed |= {job.result.data.file for job in self.jobs.values() if job.result is not None}
        return [file for file in self.files if file.file not in pointed]

    def _has(self, data: StoredData) -> bool:
        """A file that was written when the storage was another is not looked for."""
        if not self.storage_is_there or parent(data.file) not in self.directories:
            return True
        return any(file.file == data.file for file in self.files)


class GarbageKind(Enum):
    """Where something lies."""

    NODE = "node"
    """In ZooKeeper, with all that is below it."""
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something that can be removed.

    :ivar path: of the node, below the cluster's; or the file's URI.
    :ivar why: nobody needs it.
    """

    kind: GarbageKind
    path: str
    why: str


def find_garbage(inventory: ClusterInventory, *, everything: bool, now_ms: int) -> list[Garbage]:
    """Return what can be removed, in an order in which nothing ever points to what is gone.

    Files of checkpoints are not among it: they may be all that is left of a job.

    :param everything: also what a new master would go on from.
    :param now_ms: the time of day.
    """
    if everything:
        return [*_all_nodes(inventory), *(_file(file, "all is to go") for file in inventory.files)]
    unneeded = inventory.unneeded_files()
    if inventory.masters:
        return [
            _file(file, "nothing points to it")
            for file in unneeded
            if file.modified_ms and file.modified_ms < now_ms - _LONG_MS
        ]
    nodes: list[Garbage] = []
    files: list[Garbage] = []
    for job_id, job in sorted(inventory.jobs.items()):
        standing = inventory.standing(job_id)
        if standing is JobStanding.LOST:
            nodes.append(Garbage(GarbageKind.NODE, f"{inventory.job_graphs}/{job_id}", standing.value))
        if standing is JobStanding.ENDED and job.graph is not None:
            nodes.append(Garbage(GarbageKind.NODE, f"{inventory.job_graphs}/{job_id}", "the job has ended"))
            files.append(Garbage(GarbageKind.FILE, job.graph.file, "the job has ended"))
        if standing in (JobStanding.LOST, JobStanding.ENDED, JobStanding.REST) and job.has_node:
            why = "the job has ended" if standing is JobStanding.ENDED else "no graph of the job is there"
            nodes.append(Garbage(GarbageKind.NODE, paths.job(job_id), why))
    files += [_file(file, "nothing points to it") for file in unneeded]
    return nodes + files


def _all_nodes(inventory: ClusterInventory) -> list[Garbage]:
    nodes = []
    for job_id, job in sorted(inventory.jobs.items()):
        unreadable = job.unreadable or {}
        for node, is_there in (
            (f"{inventory.job_graphs}/{job_id}", job.graph is not None),
            (paths.job(job_id), job.has_node),
            (paths.result(job_id), job.result is not None),
        ):
            if is_there or node in unreadable:
                nodes.append(Garbage(GarbageKind.NODE, node, "all is to go"))
    return nodes


def _file(file: DataFile, why: str) -> Garbage:
    if not file.is_whole:
        why = "the rest of a write that was broken off"
    return Garbage(GarbageKind.FILE, file.file, f"{_TITLES[file.kind]}: {why}")


_TITLES = {DataKind.JOB_GRAPH: "job graph", DataKind.JOB_RESULT: "job result"}
