"""Deletes savepoints, and checkpoints that jobs have left behind, when a user asks for it."""

from __future__ import annotations

from collections.abc import Container

from millstream.common.checkpoint.deletion import delete_snapshot
from millstream.common.checkpoint.metadata_file import read_metadata
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError

__all__ = ["dispose_snapshot"]

_CHECKPOINT = "CHECKPOINT"


def dispose_snapshot(path: str, configuration: Configuration, running_jobs: Container[str]) -> None:
    """Delete a snapshot that a user names by its directory or its metadata file. Blocks.

    :param running_jobs: ids of the jobs whose checkpoints are needed.
    :raises MillstreamError: there is none at this place, or a running job needs it.
    """
    metadata = read_metadata(path, configuration).metadata
    if metadata.kind == _CHECKPOINT and metadata.job_id in running_jobs:
        raise MillstreamError(
            f"{path} is checkpoint {metadata.checkpoint_id} of job {metadata.job_id}, which runs and may have to begin "
            "from it again; cancel the job first"
        )
    delete_snapshot(path, configuration)
