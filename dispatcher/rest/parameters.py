"""Parameters of paths and queries.

Routes name these types; a value that is not of its type is answered with status 400 and Flink's words, see
:mod:`millstream.dispatcher.rest.errors`. Ids come out in lower case.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, WithJsonSchema

__all__ = [
    "HEX_ID",
    "LONG_MAX",
    "AttemptPath",
    "CheckpointIdPath",
    "FileNamePath",
    "JobIdPath",
    "ListQuery",
    "SubtaskPath",
    "TaskManagerIdPath",
    "TriggerIdPath",
    "VertexIdPath",
    "split_list",
]

HEX_ID: Final = "^[0-9a-fA-F]{32}$"
_INT_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1
"""Nothing larger can be told on the wire."""

JobIdPath = Annotated[str, Path(alias="jobid", pattern=HEX_ID, description="Id of a job."), AfterValidator(str.lower)]
VertexIdPath = Annotated[
    str,
    Path(alias="vertexid", pattern=HEX_ID, description="Id of a vertex of the job graph."),
    AfterValidator(str.lower),
]
TriggerIdPath = Annotated[
    str,
    Path(alias="triggerid", pattern=HEX_ID, description="What the answer to the trigger calls `request-id`."),
    AfterValidator(str.lower),
]
CheckpointIdPath = Annotated[int, Path(alias="checkpointid", ge=0, le=LONG_MAX, description="Number of a checkpoint.")]
SubtaskPath = Annotated[int, Path(alias="subtaskindex", ge=0, le=_INT_MAX, description="Index of a subtask, from 0.")]
AttemptPath = Annotated[int, Path(alias="attempt", ge=0, le=_INT_MAX, description="Number of an attempt, from 0.")]
FileNamePath = Annotated[str, Path(alias="filename", min_length=1, description="Name of a file, as listed.")]
TaskManagerIdPath = Annotated[str, Path(alias="taskmanagerid", min_length=1, description="Id of a TaskManager.")]


def split_list(values: list[str] | None) -> list[str]:
    """The elements of a query parameter that is a list: parted by commas, given several times, or both."""
    return [part for value in values or () for part in value.split(",") if part]


ListQuery = Annotated[list[str] | None, WithJsonSchema({"type": "array", "items": {"type": "string"}}), Query()]
"""A query parameter for :func:`split_list`."""
