"""Runs in which everything is drawn by one seed: the job, the cluster, the kinds of faults, and what then happens."""

from __future__ import annotations

import random
from collections.abc import Callable

from millstream.testing.simulation.faults import FaultKind
from millstream.testing.simulation.job_spec import JobSpec, draw_job
from millstream.testing.simulation.run_report import RunReport
from millstream.testing.simulation.runner import ClusterShape, Trouble, run_seed
from millstream.testing.simulation.timeline import TimelineEvent
from millstream.testing.simulation.workload import spec_workload

__all__ = ["draw_run", "run_drawn"]


def draw_run(seed: int) -> tuple[JobSpec, ClusterShape, Trouble]:
    """Draw what a seed runs.

    Not all kinds of faults happen in each run: some hide what others would show.
    """
    source = random.Random(f"{seed}/run")
    job = draw_job(source)
    task_managers = source.choice([2, 2, 3])
    # One slot more than the job needs, at least: a TaskManager that is away must not end the job.
    slots = max(1, -(-(job.slots + 1) // task_managers))
    shape = ClusterShape(source.choice([1, 2, 2, 3]), task_managers, slots)
    kinds = [kind for kind in FaultKind if source.random() < 0.4]
    horizon = source.choice([4.0, 8.0, 12.0])
    quiet = source.choice([0.7, 2.0])
    return job, shape, Trouble(frozenset(kinds or [FaultKind.KILL]), 0.2, horizon, quiet, source.choice([0.05, 0.2]))


def run_drawn(seed: int, on_event: Callable[[TimelineEvent], None] | None = None) -> RunReport:
    """Draw and run."""
    job, shape, trouble = draw_run(seed)
    workload = spec_workload(job)
    source = random.Random(f"{seed}/rescale")
    # Events that are late on purpose are so only at one parallelism.
    if source.random() < 0.3 and not any(stream.late_every for stream in job.streams):
        workload.rescale = source.uniform(0.5, 3.0), source.randint(1, shape.task_managers * shape.slots - 1)
    return run_seed(workload, seed, shape, trouble, on_event=on_event)
