"""Names one subtask of one JobVertex, over all its attempts."""

from __future__ import annotations

from typing import NamedTuple

from millstream.common.ids import VertexId

__all__ = ["ExecutionVertexID"]


class ExecutionVertexID(NamedTuple):
    """``subtask_index`` of ``vertex_id``; orders by vertex, then by subtask."""

    vertex_id: VertexId
    subtask_index: int
