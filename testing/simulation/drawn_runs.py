"""Runs in which everything is drawn by one seed: the job, the cluster, the kinds of faults, and what then happens.

Each seed aims at one fault point besides: something fails there for certain if the run comes to it, and the job and the
cluster are such that it can. Chance alone would hardly ever strike what happens once in a run.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from millstream.testing.simulation.faults import FaultKind
from millstream.testing.simulation.job_spec import JobSpec, SinkKind, draw_job
from millstream.testing.simulation.run_report import RunReport
from millstream.testing.simulation.runner import ClusterShape, Trouble, run_seed
from millstream.testing.simulation.timeline import TimelineEvent
from millstream.testing.simulation.workload import spec_workload

__all__ = ["AIMS", "draw_run", "run_drawn"]

_EXPIRES: Final = "ha.job-result-pointer-removed"
_RESCALED: Final = "jobmaster.new-shape-kept"
_AT_END: Final = (
    "dispatcher.job-data-removed",
    "dispatcher.result-kept",
    "ha.checkpoint-pointers-cleared",
    "ha.job-graph-forgotten",
    "ha.job-graph-pointer-removed",
    "ha.job-result-clean",
    "ha.job-result-kept",
    "ha.job-result-written",
)
"""What a run comes to when its job ends."""
_OF_SINKS: Final[dict[str, SinkKind]] = {
    "file-sink.file-complete": "files",
    "file-sink.file-resumed": "files",
    "file-sink.renamed": "files",
    "sink.commit-due": "committer",
    "sink.committed": "committer",
    "sink.pre-committed": "two-phase",
    "sink.section-noted": "write-ahead",
    "sink.section-sent": "write-ahead",
    "sink.transaction-committed": "two-phase",
    "sink.transaction-due": "two-phase",
}
_LATE: Final = frozenset({*_AT_END, *_OF_SINKS, "checkpoint.pointer-kept", "network.all-consumed"})
"""What a run comes to late, or only after a failure, or once."""
AIMS: Final = (
    _EXPIRES,
    _RESCALED,
    *_AT_END,
    *_OF_SINKS,
    "checkpoint.acknowledged",
    "checkpoint.directory-made",
    "checkpoint.id-reserved",
    "checkpoint.metadata-written",
    "checkpoint.notified",
    "checkpoint.pointer-kept",
    "checkpoint.pointer-removed",
    "dispatcher.graph-kept",
    "dispatcher.leadership-granted",
    "dispatcher.recovered",
    "ha.candidate-made",
    "ha.checkpoint-id-reserved",
    "ha.checkpoint-pointer-added",
    "ha.checkpoint-pointer-removed",
    "ha.job-graph-kept",
    "ha.job-graph-written",
    "ha.leader-published",
    "ha.leadership-granted",
    "jobmaster.published",
    "jobmaster.restored",
    "jobmaster.tasks-deployed",
    "network.all-consumed",
    "network.connected",
    "taskmanager.barriers-sent",
    "taskmanager.checkpoint-prepared",
    "taskmanager.notice-received",
    "taskmanager.operator-restored",
    "taskmanager.slot-allocated",
    "taskmanager.snapshot-stored",
    "taskmanager.state-held",
    "taskmanager.tasks-submitted",
)
"""The names of the fault points that seeds aim at, in turn."""


def draw_run(seed: int) -> tuple[JobSpec, ClusterShape, Trouble]:
    """Draw what a seed runs.

    Not all kinds of faults happen in each run: some hide what others would show.
    """
    source = random.Random(f"{seed}/run")
    aim = AIMS[seed % len(AIMS)]
    job = _reaching(aim, draw_job(source))
    task_managers = source.choice([2, 2, 3])
    # One slot more than the job needs, at least: a TaskManager that is away must not end the job.
    slots = max(1, -(-(job.slots + 1) // task_managers))
    shape = ClusterShape(source.choice([1, 2, 2, 3]), task_managers, slots)
    kinds = [kind for kind in FaultKind if source.random() < 0.4]
    horizon = source.choice([4.0, 8.0, 12.0])
    quiet = source.choice([0.5, 1.0])
    trouble = Trouble(
        frozenset({*kinds, FaultKind.FAULT_POINT}),
        first=0.05 if aim in _EARLY else 0.2,
        horizon=horizon,
        quiet=quiet,
        at_points=source.choice([0.0, 0.1, 0.2]),
        aim=aim,
        past_end=aim in _AT_END or source.random() < 0.1,
    )
    if aim in _LATE:
        # So few other faults that the run comes to it before the horizon.
        few = {*source.sample(kinds, min(2, len(kinds))), FaultKind.FAULT_POINT}
        trouble = replace(trouble, kinds=frozenset(few), horizon=20.0, quiet=5.0, at_points=0.0)
    if aim == _EXPIRES:
        # Whoever waits for the job must learn of its end before that is forgotten: no outages that last as long.
        shape = replace(shape, settings=(("jobstore.expiration-time", "10 s"),))
        trouble = replace(trouble, kinds=frozenset({FaultKind.FAULT_POINT}), at_points=0.0, horizon=40.0, past_end=True)
    return job, shape, trouble


_EARLY: Final = frozenset(
    {"dispatcher.graph-kept", "ha.candidate-made", "ha.job-graph-written", "ha.job-graph-kept", "ha.leader-published"}
)
"""What a run comes to right at its beginning, and perhaps never again."""


def _reaching(aim: str, job: JobSpec) -> JobSpec:
    """The job with what a fault point needs to be reached."""
    sink = _OF_SINKS.get(aim)
    if sink is not None and sink not in job.sinks:
        job = replace(job, sinks=(*job.sinks[:1], sink))
    if aim == "file-sink.file-resumed":
        # Only files on a disk are gone on with, which is where jobs of an even number of events have theirs.
        first = replace(job.streams[0], count=job.streams[0].count // 2 * 2)
        job = replace(job, streams=(first, *job.streams[1:]), fail_after=job.fail_after or (25,))
    return job


def run_drawn(seed: int, on_event: Callable[[TimelineEvent], None] | None = None) -> RunReport:
    """Draw and run."""
    job, shape, trouble = draw_run(seed)
    workload = spec_workload(job)
    source = random.Random(f"{seed}/rescale")
    chance = 1.0 if trouble.aim == _RESCALED else 0.3
    if job.may_rescale:
        draw = source.random()
        change = source.uniform(0.5, 2.0), source.randint(1, shape.task_managers * shape.slots - 1)
        if draw < chance:
            workload.rescale = change
        elif draw < 0.45:
            workload.move = change
    return run_seed(workload, seed, shape, trouble, on_event=on_event)
