"""``millstream stop``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.job_argument import job_argument
from millstream.client.cli.snapshot_wait import awaited

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["stop_action"]

_MISSING = "Missing JobId"


def stop_action(
    settings: ClusterSettings,
    job_ids: tuple[str, ...],
    *,
    directory: str | None,
    drain: bool,
    format_name: str,
    detached: bool,
) -> int:
    """End a job with a savepoint.

    :param directory: in which the savepoint's own is to be made; ``None``: the configured one.
    :param drain: the input ends before the savepoint: timers fire, windows close.
    :param detached: do not wait for the end.
    """
    from millstream.client.remote.connection import connect

    job_id = job_argument(job_ids, _MISSING, settings.output)
    settings.output.say(f'{"Draining" if drain else "Suspending"} job "{job_id}" with a {format_name} savepoint.')

    def stop() -> None:
        job = connect(settings.configuration).job(job_id)
        settings.output.say(
            f"Triggering stop-with-savepoint{' in detached mode' if detached else ''} for job {job_id}."
        )
        request_id = job.begin_savepoint("DRAIN" if drain else "STOP", directory, format_name)
        if detached:
            settings.output.say(f"Successfully trigger stop-with-savepoint in detached mode, triggerId: {request_id}")
            settings.output.document({"jid": job_id, "request-id": request_id})
            return
        settings.output.say("Waiting for response...")
        location = awaited(settings.output, job, request_id, "Savepoint").location
        settings.output.say(f"Savepoint completed. Path: {location}")
        settings.output.document({"jid": job_id, "request-id": request_id, "location": location})

    return carried_out(settings, stop, f'Could not stop with a savepoint job "{job_id}".')
