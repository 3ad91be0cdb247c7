"""``millstream cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.job_argument import job_argument

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["cancel_action"]

_MISSING = "Missing JobID. Specify a JobID to cancel a job."


def cancel_action(settings: ClusterSettings, job_ids: tuple[str, ...], *, savepoint_directory: str | None) -> int:
    """Ask for the cancellation of one job.

    :param savepoint_directory: ``None``: there is to be no savepoint; empty: it goes to the configured directory.
    """
    from millstream.client.remote.connection import connect

    if savepoint_directory and not job_ids:
        # "cancel -s <job id>": what follows the option is no directory then.
        job_ids, savepoint_directory = (savepoint_directory,), ""
    job_id = job_argument(job_ids, _MISSING, settings.output)
    if savepoint_directory is None:
        settings.output.say(f"Cancelling job {job_id}.")

        def cancel() -> None:
            connect(settings.configuration).job(job_id).cancel()
            settings.output.say(f"Cancelled job {job_id}.")
            settings.output.document({"jid": job_id})

        return carried_out(settings, cancel, f"Could not cancel job {job_id}.")

    settings.output.say('DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.')
    where = f"to {savepoint_directory}" if savepoint_directory else "to default savepoint directory"
    settings.output.say(f"Cancelling job {job_id} with CANONICAL savepoint {where}.")

    def cancel_with_savepoint() -> None:
        path = connect(settings.configuration).job(job_id).cancel_with_savepoint(savepoint_directory or None)
        settings.output.say(f"Cancelled job {job_id}. Savepoint stored in {path}.")
        settings.output.document({"jid": job_id, "location": path})

    return carried_out(settings, cancel_with_savepoint, f"Could not cancel job {job_id}.")
