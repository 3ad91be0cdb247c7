"""``millstream list``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from millstream.client.cli.errors import show_error
from millstream.common.errors import MillstreamError
from millstream.common.states import JobStatus

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings
    from millstream.common.wire.cluster_pb2 import JobSummary

__all__ = ["list_action"]

_RUNNING_HEADER = "------------------ Running/Restarting Jobs -------------------"
_SCHEDULED_HEADER = "----------------------- Scheduled Jobs -----------------------"
_TERMINATED_HEADER = "---------------------- Terminated Jobs -----------------------"
_FOOTER = "--------------------------------------------------------------"

_SCHEDULED = (JobStatus.CREATED, JobStatus.INITIALIZING)


class ListFailedError(MillstreamError):
    """The jobs could not be listed; the cause says why."""


def list_action(settings: ClusterSettings, *, running: bool, scheduled: bool, everything: bool) -> int:
    """Print the jobs of the wanted states, each section by start time."""
    from millstream.client.remote.connection import connect

    click.echo("Waiting for response...")
    try:
        jobs = connect(settings.configuration).list_jobs()
    except MillstreamError as cause:
        failure = ListFailedError("Failed to retrieve job list.")
        failure.__cause__ = cause
        show_error(failure, sys.stderr, verbose=settings.verbose)
        return 1
    by_default = not running and not scheduled
    of_state = [(JobStatus(job.state), job) for job in jobs]
    if running or by_default or everything:
        _section(
            _RUNNING_HEADER,
            "No running jobs.",
            (job for state, job in of_state if state not in _SCHEDULED and not state.is_globally_terminal()),
        )
    if scheduled or by_default or everything:
        _section(_SCHEDULED_HEADER, "No scheduled jobs.", (job for state, job in of_state if state in _SCHEDULED))
    if everything:
        _section(
            _TERMINATED_HEADER,
            "No terminated jobs.",
            (job for state, job in of_state if state.is_globally_terminal()),
        )
    return 0


def _section(header: str, if_empty: str, jobs: Iterable[JobSummary]) -> None:
    in_order = sorted(jobs, key=lambda job: (job.start_time_ms, job.job_id))
    if not in_order:
        click.echo(if_empty)
        return
    click.echo(header)
    for job in in_order:
        started = (
            datetime.fromtimestamp(job.start_time_ms / 1000, timezone.utc).astimezone().strftime("%d.%m.%Y %H:%M:%S")
        )
        click.echo(f"{started} : {job.job_id} : {job.name} ({job.state})")
    click.echo(_FOOTER)
