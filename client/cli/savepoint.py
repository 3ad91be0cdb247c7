"""``millstream savepoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.job_argument import job_argument
from millstream.client.cli.snapshot_wait import awaited

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

    job_id = job_argument(arguments, _MISSING, settings.output, needed=2)
    directory = arguments[1] if len(arguments) > 1 else None
    settings.output.say(f"Triggering savepoint {'in detached mode ' if detached else ''}for job {job_id}.")

    def take() -> None:
        job = connect(settings.configuration).job(job_id)
        request_id = job.begin_savepoint("SAVEPOINT", directory, format_name)
        if detached:
            settings.output.say(f"Successfully trigger manual savepoint, triggerId: {request_id}")
            settings.output.document({"jid": job_id, "request-id": request_id})
            return
        settings.output.say("Waiting for response...")
        location = awaited(settings.output, job, request_id, "Savepoint").location
        settings.output.say(f"Savepoint completed. Path: {location}")
        settings.output.say("You can resume your program from this savepoint with the run command.")
        settings.output.document({"jid": job_id, "request-id": request_id, "location": location})

    return carried_out(settings, take, f"Triggering a savepoint for the job {job_id} failed.")


def dispose_action(settings: ClusterSettings, path: str) -> int:
    """Delete a savepoint."""
    from millstream.client.remote.connection import connect

    settings.output.say(f"Disposing savepoint '{path}'.")

    def dispose() -> None:
        settings.output.say("Waiting for response...")
        connect(settings.configuration).dispose_savepoint(path)
        settings.output.say(f"Savepoint '{path}' disposed.")
        settings.output.document({"savepoint-path": path})

    return carried_out(settings, dispose, f"Failed to dispose the savepoint '{path}'.")
