"""``millstream modify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.errors import CliArgsError
from millstream.client.cli.job_argument import job_argument
from millstream.client.cli.snapshot_wait import awaited

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings

__all__ = ["modify_action"]


def modify_action(settings: ClusterSettings, job_ids: tuple[str, ...], *, parallelism: int | None) -> int:
    """Change the parallelism of a running job."""
    from millstream.client.remote.connection import connect

    job_id = job_argument(job_ids, "Missing JobId", settings.output)
    if parallelism is None:
        raise CliArgsError("Missing the parallelism. Specify the job's new parallelism with -p.")
    settings.output.say(f"Modify job {job_id}.")

    def modify() -> None:
        job = connect(settings.configuration).job(job_id)
        request_id = job.begin_rescaling(parallelism)
        awaited(settings.output, job, request_id, "Rescaling")
        settings.output.say(f"Rescaled job {job_id}. Its new parallelism is {parallelism}.")
        settings.output.document({"jid": job_id, "request-id": request_id, "parallelism": parallelism})

    return carried_out(settings, modify, f"Could not rescale job {job_id}.")
