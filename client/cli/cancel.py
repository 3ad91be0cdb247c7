"""``millstream cancel``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from millstream.client.cli.errors import CliArgsError, show_error
from millstream.common.errors import MillstreamError
from millstream.common.ids import JobID

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["cancel_action"]


class CancelFailedError(MillstreamError):
    """The job could not be cancelled; the cause says why."""


def cancel_action(settings: ClusterSettings, job_ids: tuple[str, ...], *, with_savepoint: bool) -> int:
    """Ask for the cancellation of one job."""
    if with_savepoint:
        raise CliArgsError("Cancelling with a savepoint (-s) is not available yet.")
    if not job_ids:
        raise CliArgsError("Missing JobID. Specify a JobID to cancel a job.")
    try:
        job_id = JobID.parse(job_ids[0])
    except ValueError as error:
        raise CliArgsError(str(error)) from error
    if len(job_ids) > 1:
        click.echo("Provided more arguments than required. Ignoring not needed arguments.")
    click.echo(f"Cancelling job {job_id}.")
    from millstream.client.remote.connection import connect

    try:
        connect(settings.configuration).job(job_id).cancel()
    except MillstreamError as cause:
        failure = CancelFailedError(f"Could not cancel job {job_id}.")
        failure.__cause__ = cause
        show_error(failure, sys.stderr, verbose=settings.verbose)
        return 1
    click.echo(f"Cancelled job {job_id}.")
    return 0
