"""``millstream savepoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.job_argument import job_argument

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["dispose_action", "savepoint_action"]

_MISSING = "Missing JobID. Specify a Job ID to trigger a savepoint."


def savepoint_action(settings: ClusterSettings, arguments: tuple[str, ...], *, format_name: str, detached: bool) -> int:
    """Take a savepoint of a job.

    :param arguments: the job id, and in which directory the savepoint's own is to be made.
    :param detached: do not wait for its end.
    """
    from millstream.client.remote.connection import connect

    job_id = job_argument(arguments, _MISSING, needed=2)
    directory = arguments[1] if len(arguments) > 1 else None
    click.echo(f"Triggering savepoint {'in detached mode ' if detached else ''}for job {job_id}.")

    def take() -> None:
        job = connect(settings.configuration).job(job_id)
        request_id = job.begin_savepoint("SAVEPOINT", directory, format_name)
        if detached:
            click.echo(f"Successfully trigger manual savepoint, triggerId: {request_id}")
            return
        click.echo("Waiting for response...")
        click.echo(f"Savepoint completed. Path: {job.await_operation(request_id).location}")
        click.echo("You can resume your program from this savepoint with the run command.")

    return carried_out(settings, take, f"Triggering a savepoint for the job {job_id} failed.")


def dispose_action(settings: ClusterSettings, path: str) -> int:
    """Delete a savepoint."""
    from millstream.client.remote.connection import connect

    click.echo(f"Disposing savepoint '{path}'.")

    def dispose() -> None:
        click.echo("Waiting for response...")
        connect(settings.configuration).dispose_savepoint(path)
        click.echo(f"Savepoint '{path}' disposed.")

    return carried_out(settings, dispose, f"Failed to dispose the savepoint '{path}'.")
