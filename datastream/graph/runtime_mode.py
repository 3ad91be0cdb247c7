"""Whether a job streams or works through bounded input, and what follows for its operators.

On bounded input, rolling aggregations of a batch job give each key's last result only, when the input has ended, and
sinks of any job make what they have written visible only then.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import (
    AggregateSpec,
    BroadcastProcessSpec,
    CoProcessSpec,
    ProcessSpec,
    ReduceSpec,
    SinkSpec,
    SourceSpec,
    TimestampsSpec,
    WindowSpec,
)
from millstream.datastream.graph.stream_graph import StreamNode
from millstream.datastream.source import Boundedness

__all__ = ["apply_runtime_mode"]

_WITH_BATCH_MODE = (TimestampsSpec, ProcessSpec, CoProcessSpec, BroadcastProcessSpec, WindowSpec, SourceSpec)


def apply_runtime_mode(nodes: Collection[StreamNode], runtime_mode: str) -> None:
    """Let the operators run as ``execution.runtime-mode`` says. ``AUTOMATIC`` is batch if all sources are bounded.

    :raises InvalidProgramError: the mode is ``BATCH`` and a source never ends by itself.
    """
    unbounded = [node for node in nodes if not node.in_edges and not _is_bounded(node)]
    if unbounded and runtime_mode == "BATCH":
        source = unbounded[0].operator
        raise InvalidProgramError(
            f"{source.call_site}: source {source.name!r} is unbounded, and 'execution.runtime-mode' is BATCH, which "
            "needs sources that end by themselves; set it to STREAMING or AUTOMATIC (a SourceFunction counts as "
            "unbounded)"
        )
    batch = runtime_mode == "BATCH" or (runtime_mode == "AUTOMATIC" and not unbounded)
    for node in nodes:
        spec = node.operator.spec
        if isinstance(spec, (ReduceSpec, AggregateSpec)) and spec.emit_final_only != batch:
            node.operator.spec = replace(spec, emit_final_only=batch)
        elif isinstance(spec, _WITH_BATCH_MODE) and spec.batch != batch:
            node.operator.spec = replace(spec, batch=batch)
        elif isinstance(spec, SinkSpec) and spec.bounded == bool(unbounded):
            node.operator.spec = replace(spec, bounded=not unbounded)


def _is_bounded(source: StreamNode) -> bool:
    spec = source.operator.spec
    return isinstance(spec, SourceSpec) and spec.source.boundedness is Boundedness.BOUNDED
