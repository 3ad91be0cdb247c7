"""``millstream checkpoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.job_argument import job_argument
from millstream.client.cli.snapshot_wait import awaited

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["checkpoint_action"]

_MISSING = "Missing JobID. Specify a Job ID to trigger a checkpoint."


def checkpoint_action(settings: ClusterSettings, job_ids: tuple[str, ...], *, full: bool) -> int:
    """Take a checkpoint of a job.

    :param full: it is to refer to no file of an earlier one.
    """
    from millstream.client.remote.connection import connect

    job_id = job_argument(job_ids, _MISSING, settings.output)
    settings.output.say(f"Triggering checkpoint for job {job_id}.")

    def take() -> None:
        job = connect(settings.configuration).job(job_id)
        request_id = job.begin_checkpoint(full=full)
        settings.output.say("Waiting for response...")
        checkpoint_id = awaited(settings.output, job, request_id, "Checkpoint").checkpoint_id
        settings.output.say(f"Checkpoint {checkpoint_id} for job {job_id} completed.")
        settings.output.say("You can resume your program from this checkpoint with the run command.")
        settings.output.document({"jid": job_id, "request-id": request_id, "checkpointId": checkpoint_id})

    return carried_out(settings, take, f"Triggering a checkpoint for the job {job_id} failed.")
