"""The stream graph: operators and the edges between them, before chaining.

:func:`~millstream.datastream.graph.stream_graph_generator.generate_stream_graph` makes it from a program's
transformations. All defaults are resolved here: every node has its parallelism, max parallelism and slot sharing group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from millstream.datastream.transformation import OperatorTransformation

if TYPE_CHECKING:
    from millstream.common.graph.operator_spec import PartitionerSpec
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.call_site import CallSite

__all__ = ["StreamEdge", "StreamGraph", "StreamNode"]


@dataclass(slots=True, eq=False)
class StreamEdge:
    """Records of ``source`` go to ``target``.

    :ivar partitioner: resolved, as in the JobGraph.
    :ivar buffer_timeout: ms; -1: only full buffers are sent.
    :ivar input_index: which logical input of the target it is for (0 or 1).
    :ivar output_tag: the side output whose records these are; empty: the main output.
    :ivar type_info: what the records are; ``None``: any objects.
    """

    source: StreamNode
    target: StreamNode
    partitioner: str
    spec: PartitionerSpec | None
    call_site: CallSite
    buffer_timeout: int
    input_index: int = 0
    output_tag: str = ""
    type_info: TypeInformation | None = None


@dataclass(slots=True, eq=False)
class StreamNode:
    """An operator with its settings resolved.

    :ivar max_parallelism_set: the program says the max parallelism; else it was derived from the parallelism.
    :ivar enumerates_for: the readers of the source whose enumerator it is; ``None``: it is an operator of the program.
    """

    id: int
    operator: OperatorTransformation
    parallelism: int
    max_parallelism: int
    max_parallelism_set: bool
    slot_sharing_group: str
    in_edges: list[StreamEdge] = field(default_factory=list)
    out_edges: list[StreamEdge] = field(default_factory=list)
    enumerates_for: StreamNode | None = None

    @property
    def name(self) -> str:
        return self.operator.display_name


@dataclass(slots=True, eq=False)
class StreamGraph:
    """All operators of a job.

    :ivar nodes: by id, in topological order; an enumerator stands right before its readers.
    :ivar chaining: operators may be chained.
    """

    job_name: str
    nodes: dict[int, StreamNode]
    chaining: bool = True
