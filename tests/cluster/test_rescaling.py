"""State and records under way move to another parallelism: nothing is lost, repeated, out of order or misplaced.

The parallelisms are those where key groups divide differently: one to two, without a common divisor, doubled, and many
to one more; each in both directions, and the same.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common.states import JobStatus
from tests.chaos import checked, program
from tests.chaos.checked import TOPOLOGIES, CheckedStreams, Topology
from tests.cluster.checked_job import Jobs, latest_checkpoint, until_checkpoints, until_status
from tests.cluster.random_configuration import random_configuration

_UP = [(1, 2), (2, 3), (3, 7), (4, 8), (20, 21)]
PARALLELISMS = [*_UP, *((after, before) for before, after in _UP), (5, 5)]
ALL = [
    (before, after, topology, alignment)
    for (before, after), topology, alignment in itertools.product(PARALLELISMS, TOPOLOGIES, ("aligned", "unaligned"))
]
# By default each change once; topologies and alignments take turns.
CASES = ALL if os.environ.get("MILLSTREAM_ALL_CASES") else [ALL[6 * at + at % 6] for at in range(len(ALL) // 6)]


@pytest.fixture(scope="module", autouse=True)
def _send_the_program() -> Iterator[None]:
    modules = [sys.modules[each.__name__] for each in (program, checked)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(scope="module")
def cluster() -> Iterator[MiniCluster]:
    """Many slots that are threads: what is looked at here is the engine, not the processes."""
    with MiniCluster(slots_per_task_manager=21, isolation="thread") as started:
        yield started


@pytest.mark.parametrize(("before", "after", "topology", "alignment"), CASES)
def test_nothing_is_lost_repeated_or_misplaced(
    cluster: MiniCluster, tmp_path: Path, before: int, after: int, topology: Topology, alignment: str
) -> None:
    few = max(before, after) <= 8
    # A RocksDB for each of many subtasks takes seconds, and shows nothing that it does not show with few.
    backend = None if few else "hashmap"
    _, drawn = random_configuration(f"{before} {after} {topology}", unaligned=alignment == "unaligned", backend=backend)
    # Slower than it is fed: there are records under way when barriers come.
    streams = CheckedStreams(tmp_path, topology, count=800, per_second=20_000, pause=0.0005 * before)
    jobs = Jobs(cluster, streams, drawn)
    job = jobs.start(before)
    until_checkpoints(job, 1)
    job.cancel()
    until_status(job, JobStatus.CANCELED)
    _, latest = latest_checkpoint(jobs.checkpoints_of(job))
    jobs.finish(jobs.start(after, latest.as_uri()))
