"""Archives of jobs, as a master writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from millstream.common.config import Configuration
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.history.answer import Answer
from millstream.dispatcher.history.archive_file import encode
from millstream.dispatcher.history.job_answers import job_answers
from tests.unit.dispatcher.rest.job_reports import NOW, checkpoints, completed_checkpoint, ended_job

__all__ = ["answers", "archive", "job_id", "put_archive"]


def job_id(number: int) -> str:
    return f"{number:032x}"


def answers(
    details: JobDetails, known: JobCheckpoints | None = None, configuration: Configuration | None = None
) -> list[Answer]:
    """All that is archived of a job."""
    known = known if known is not None else checkpoints(completed_checkpoint(2), completed_checkpoint(1, "SAVEPOINT"))
    configuration = configuration if configuration is not None else Configuration()
    return list(job_answers(details, known, configuration, ["-m", "millstream.dispatcher.main"], NOW))


def archive(number: int, state: str = "FINISHED", **changes: Any) -> bytes:
    """The archive of a job.

    :param changes: other fields of its summary.
    """
    details = ended_job(state)
    details.summary.job_id = job_id(number)
    for name, value in changes.items():
        setattr(details.summary, name, value)
    data = b"".join(encode(answers(details)))
    assert json.loads(data)
    return data


def put_archive(directory: Path, number: int, state: str = "FINISHED", **changes: Any) -> Path:
    """Archive a job."""
    path = directory / job_id(number)
    path.write_bytes(archive(number, state, **changes))
    return path
