"""Waits for a savepoint, a checkpoint or a rescaling that was begun; on a terminal it shows how that gets on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from millstream.client.cli.output import Output
    from millstream.client.remote.job_client import RpcJobClient
    from millstream.common.wire.cluster_pb2 import OperationStatus

__all__ = ["awaited"]

_REFRESH: Final = timedelta(milliseconds=500)


def awaited(output: Output, job: RpcJobClient, request_id: str, what: str) -> OperationStatus:
    """Return what became of it.

    :param what: it is, for people.
    :raises SavepointError: it failed.
    """
    if not output.terminal:
        return job.await_operation(request_id)
    from millstream.client.cli.terminal.live_operation import LiveOperation

    with LiveOperation(what) as line:
        return job.await_operation(request_id, _REFRESH, lambda: line.show(job.get_checkpoints()))
