"""Deletes the checkpoints of a job that ended under a leader which died before it had deleted them itself."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.file_system import file_system_of
from millstream.common.states import JobStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.checkpoint.settings import CheckpointSettings

__all__ = ["delete_left_checkpoints"]

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 1.0


async def delete_left_checkpoints(graph: JobGraph, status: JobStatus, configuration: Configuration) -> None:
    """Delete what the job has in its directory of checkpoints, unless its settings retain them. Best effort, as when
    a job ends: what cannot be deleted is named in the log.

    :param status: what the job ended with, which is kept: no leader goes on from its checkpoints.
    :param configuration: of the cluster; the job's own settings lie over it.
    """
    settings = Configuration(configuration).add_all(Configuration.from_map(dict(graph.configuration)))
    checkpoints = CheckpointSettings.from_configuration(settings)
    directory = checkpoints.directory_of(graph.job_id)
    if not directory or not checkpoints.keeps_nothing(status):
        return
    thread = ThreadPoolExecutor(1, thread_name_prefix="delete-left-checkpoints")
    try:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await asyncio.get_running_loop().run_in_executor(thread, _delete, directory, settings)
            except MillstreamError as error:
                if attempt == _ATTEMPTS:
                    logger.warning(
                        "The checkpoints in %s are left behind, though nobody needs them: %s", directory, error
                    )
                    return
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
    finally:
        thread.shutdown(wait=False)


def _delete(directory: str, configuration: Configuration) -> None:
    file_system_of(directory, configuration).delete_directory(directory)
