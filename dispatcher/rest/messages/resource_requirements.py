"""Within which bounds the parallelism of a job's vertices may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, RootModel

from millstream.dispatcher.rest.messages.base import CamelMessage
from millstream.dispatcher.rest.parameters import HEX_ID

__all__ = ["JobResourceRequirements", "ParallelismBounds", "VertexResourceRequirements"]

_INT_MAX = 2**31 - 1

_VertexId = Annotated[str, Field(pattern=HEX_ID), AfterValidator(str.lower)]


class ParallelismBounds(CamelMessage):
    """Both are within the bounds."""

    lower_bound: int = Field(ge=-(_INT_MAX + 1), le=_INT_MAX)
    upper_bound: int = Field(ge=-(_INT_MAX + 1), le=_INT_MAX)


class VertexResourceRequirements(CamelMessage):
    """What one vertex needs."""

    parallelism: ParallelismBounds


class JobResourceRequirements(RootModel[dict[_VertexId, VertexResourceRequirements]]):
    """What all vertices of a job need, by their ids."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "additionalProperties": False})
