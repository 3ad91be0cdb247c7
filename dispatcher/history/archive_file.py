"""The archive of a job as a file.

It has Flink's form, ``{"archive": [{"path": "/jobs/<id>/config", "json": "..."}, ...]}``, so either history server
reads what either master has written. Whoever can write into the directory can write anything into it: a file is read
with suspicion, and its paths are nothing but names under which its bodies are found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from millstream.common.errors import MillstreamError
from millstream.common.ids import JobID
from millstream.dispatcher.history.answer import OVERVIEW, Answer
from millstream.dispatcher.rest.messages.jobs import JobOverview, JobsOverview

__all__ = ["ArchivedJob", "BrokenArchiveError", "decode", "encode", "job_of_file"]

_JOB_ID: Final = re.compile(r"[0-9a-f]{32}")
_ANY_JSON: Final = TypeAdapter(object)


class BrokenArchiveError(MillstreamError):
    """A file is no archive of the job that it is named after."""


@dataclass(frozen=True, slots=True)
class ArchivedJob:
    """What a history server needs of an archive.

    :ivar overview: the job in one line.
    :ivar bodies: JSON by path, in lower case; all paths are the job's own.
    """

    job_id: JobID
    overview: JobOverview
    bodies: Mapping[str, bytes]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str
    body: str = Field(validation_alias="json")


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    archive: list[_Entry]


def job_of_file(name: str) -> JobID | None:
    """Return the job whose archive a file of this name is, ``None``: it is no archive."""
    return JobID(name) if _JOB_ID.fullmatch(name) is not None else None


def encode(answers: Iterable[Answer]) -> Iterator[bytes]:
    """Return the file of a job's archive, in pieces."""
    yield b'{"archive":['
    separator = b""
    for answer in answers:
        yield separator + json.dumps({"path": answer.path, "json": answer.body.decode()}).encode()
        separator = b","
    yield b"]}"


def decode(data: bytes, job_id: JobID) -> ArchivedJob:
    """Return what a file holds of the job that it is named after; anything else in it is left out.

    :raises BrokenArchiveError: it is no archive of this job.
    """
    try:
        entries = _Document.model_validate_json(data).archive
    except ValidationError as error:
        raise BrokenArchiveError(f"it is no archive: {_first(error)}") from error
    overview: JobOverview | None = None
    bodies: dict[str, bytes] = {}
    own = f"/jobs/{job_id}"
    for entry in entries:
        path = entry.path.lower()
        if path == OVERVIEW:
            overview = _overview(entry.body, job_id) or overview
        elif path == own or path.startswith(f"{own}/"):
            try:
                _ANY_JSON.validate_json(entry.body)
            except ValidationError as error:
                raise BrokenArchiveError(f"what it has of {entry.path} is no JSON: {_first(error)}") from error
            bodies[path] = entry.body.encode()
    if overview is None:
        raise BrokenArchiveError(f"it has no line about job {job_id} ({OVERVIEW})")
    return ArchivedJob(job_id, overview, bodies)


def _overview(text: str, job_id: JobID) -> JobOverview | None:
    try:
        lines = JobsOverview.model_validate_json(text).jobs
    except ValidationError as error:
        raise BrokenArchiveError(f"what it has of {OVERVIEW} is not understood: {_first(error)}") from error
    return next((line for line in lines if line.jid == job_id), None)


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])
