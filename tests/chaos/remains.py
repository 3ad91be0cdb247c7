"""What is left of a cluster when it has ended: processes, files, nodes in ZooKeeper. Each must be there by design."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from millstream.common.high_availability.zookeeper.pointer_format import decode_result

__all__ = ["file_remains", "node_remains", "node_remains_after", "process_remains", "unsettled_jobs"]


def process_remains(directory: Path) -> list[str]:
    """Return the processes that name a directory in their command lines or environments, but none above this one.

    All processes of a cluster under chaos do: those of ZooKeeper in their command lines, the others in their
    environments, which they inherit.
    """
    found: list[str] = []
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) in own:
            continue
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # it has just ended, or it is another user's
        if str(directory).encode() in command + environment:
            found.append(f"process {process.name}: {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def file_remains(high_availability: Path, checkpoints: Path, temporary: Path, ended_jobs: list[str]) -> list[str]:
    """Return the files that nobody needs, once all jobs have finished and no process lives.

    By design one file is left of each job, its result. What a process had of its own in ``temporary`` is removed by
    the next one that starts there, if it could not do so itself: what the last ones leave is not counted, and it is
    looked at whether all of it is such directories.
    """
    found: list[str] = []
    results = [path.name for path in _files(high_availability) if path.parent.name == "job-results"]
    for job in ended_jobs:
        of_job = [name for name in results if name.startswith(f"{job}-")]
        if len(of_job) != 1:
            found.append(f"job {job} has {len(of_job)} results: {of_job}")
    for path in _files(high_availability):
        known = any(path.name.startswith(f"{job}-") for job in ended_jobs)
        if path.parent.name != "job-results" or not known:
            found.append(f"file {path}")
    found += [f"file {path}" for path in _files(checkpoints)]
    for path in _files(temporary):
        owned = temporary / path.relative_to(temporary).parts[0]
        if not (owned / "owner.lock").exists():
            found.append(f"file {path}")
    return found


def node_remains(quorum: str, root: str, ended_jobs: list[str]) -> list[str]:
    """Return the nodes in ZooKeeper that nobody needs, once all jobs have finished and all masters have ended.

    By design a node with its result is left of each job, and the nodes under which there may be others.

    :param root: of the cluster, as in ``/flink/default``.
    """
    frame = {
        *("/leader", "/leader/latch", "/leader/dispatcher", "/leader/resource_manager", "/leader/rest_server"),
        *("/jobgraphs", "/jobs", "/results"),
    }
    allowed = frame | {f"/results/{job}" for job in ended_jobs}
    with _client(quorum) as client:
        nodes = [node.removeprefix(root) for node in _nodes(client, root)]
    missing = [f"no node {root}/results/{job}" for job in ended_jobs if f"/results/{job}" not in nodes]
    return missing + [f"node {root}{node}" for node in nodes if node not in allowed]


def node_remains_after(session_timeout: float, quorum: str, root: str, ended_jobs: list[str]) -> list[str]:
    """Return :func:`node_remains` when the sessions of those that were killed last have expired."""
    deadline = time.monotonic() + 3 * session_timeout
    while True:
        remains = node_remains(quorum, root, ended_jobs)
        if not remains or time.monotonic() > deadline:
            return remains
        time.sleep(0.2)


def unsettled_jobs(quorum: str, root: str) -> list[str]:
    """Return the jobs that a leader has still to do something for: their graphs are kept, or their results are dirty.

    :param root: of the cluster, as in ``/flink/default``.
    """
    with _client(quorum) as client:
        jobs = set(_children(client, f"{root}/jobgraphs")) | set(_children(client, f"{root}/jobs"))
        for job in _children(client, f"{root}/results"):
            node = f"{root}/results/{job}"
            if decode_result(client.get(node)[0], node).dirty:
                jobs.add(job)
    return sorted(jobs)


@contextmanager
def _client(quorum: str) -> Iterator[Any]:
    client = KazooClient(quorum)
    client.start(15.0)
    try:
        yield client
    finally:
        client.stop()
        client.close()


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def _children(client: Any, path: str) -> list[str]:
    try:
        return sorted(client.get_children(path))
    except NoNodeError:
        return []


def _nodes(client: Any, path: str) -> Iterator[str]:
    """All nodes below a path."""
    for name in _children(client, path):
        yield f"{path}/{name}"
        yield from _nodes(client, f"{path}/{name}")
