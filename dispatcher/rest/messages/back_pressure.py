"""How much the subtasks of a vertex are held up by those that they send to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, computed_field

from millstream.dispatcher.rest.messages.base import CamelMessage, Double, OrAbsent

__all__ = ["BackPressureLevel", "JobVertexBackPressureInfo", "SubtaskBackPressureInfo"]

BackPressureLevel = Literal["ok", "low", "high"]


class SubtaskBackPressureInfo(CamelMessage):
    """One subtask.

    :ivar ratio: the part of its time that it waits for room downstream, from 0 to 1; the other two likewise.
    """

    subtask: int
    backpressure_level: BackPressureLevel
    ratio: Double
    idle_ratio: Double
    busy_ratio: Double

    @computed_field(alias="backpressure-level")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def hyphenated_level(self) -> BackPressureLevel:
        """The level again, under its older name."""
        return self.backpressure_level


class JobVertexBackPressureInfo(CamelMessage):
    """All subtasks of a vertex.

    :ivar status: ``deprecated``: nothing is known of the vertex (any more), and there are no other fields.
    :ivar backpressure_level: of the subtask that is held up most.
    :ivar end_timestamp: when this was measured.
    """

    status: Literal["ok", "deprecated"]
    backpressure_level: OrAbsent[BackPressureLevel] = None
    end_timestamp: OrAbsent[int] = Field(default=None, serialization_alias="end-timestamp")
    subtasks: OrAbsent[list[SubtaskBackPressureInfo]] = None
    hyphenated_level: OrAbsent[BackPressureLevel] = Field(default=None, serialization_alias="backpressure-level")
