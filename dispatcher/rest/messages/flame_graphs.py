"""Flame graphs."""

from __future__ import annotations

from typing import Final

from millstream.dispatcher.rest.messages.base import CamelMessage, Message, OrAbsent

__all__ = ["DISABLED", "TERMINATED", "WAITING", "FlameGraphFrame", "VertexFlameGraph"]


class FlameGraphFrame(Message):
    """A frame with the frames that it called.

    :ivar value: how many of the samples went through it.
    """

    name: str
    value: int
    children: list[FlameGraphFrame]


class VertexFlameGraph(CamelMessage):
    """The flame graph of a vertex, or of one of its subtasks.

    :ivar end_timestamp: when the last sample was taken, in milliseconds since the epoch; negative: there is no graph,
        because the tasks have ended (-1), flame graphs are switched off (-2), or no samples have come yet (-3).
    """

    end_timestamp: int
    data: OrAbsent[FlameGraphFrame] = None


TERMINATED: Final = VertexFlameGraph(end_timestamp=-1)
DISABLED: Final = VertexFlameGraph(end_timestamp=-2)
WAITING: Final = VertexFlameGraph(end_timestamp=-3)
