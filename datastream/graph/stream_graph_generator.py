"""From a program's transformations to its stream graph, with every refusal that this step can find."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import (
    AggregateSpec,
    AsyncSpec,
    BroadcastProcessSpec,
    CoFlatMapSpec,
    CoMapSpec,
    CoProcessSpec,
    FlatMapSpec,
    IntervalJoinSpec,
    LegacySourceSpec,
    MapSpec,
    PartitionerSpec,
    ProcessSpec,
    ReduceSpec,
    SourceSpec,
    WindowSpec,
)
from millstream.datastream.call_site import CallSite
from millstream.datastream.collection_source import CollectionSource
from millstream.datastream.graph.enumerators import with_enumerators
from millstream.datastream.graph.runtime_mode import apply_runtime_mode
from millstream.datastream.graph.stream_graph import StreamEdge, StreamGraph, StreamNode
from millstream.datastream.transformation import (
    OperatorTransformation,
    PartitionTransformation,
    SideOutputTransformation,
    Transformation,
    UnionTransformation,
)

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation

__all__ = ["MAX_PARALLELISM_LIMIT", "GraphDefaults", "default_max_parallelism", "generate_stream_graph"]

MAX_PARALLELISM_LIMIT = 1 << 15
_MIN_DEFAULT_MAX_PARALLELISM = 128
DEFAULT_SLOT_SHARING_GROUP = "default"
_CONVERTING = (
    SourceSpec,
    LegacySourceSpec,
    ReduceSpec,
    AggregateSpec,
    MapSpec,
    FlatMapSpec,
    ProcessSpec,
    CoMapSpec,
    CoFlatMapSpec,
    CoProcessSpec,
    BroadcastProcessSpec,
    WindowSpec,
    IntervalJoinSpec,
    AsyncSpec,
)
"""Specs of operators that convert what they give."""


@dataclass(frozen=True, slots=True)
class GraphDefaults:
    """What holds for operators that do not say otherwise.

    :ivar max_parallelism: ``None``: derived from each operator's parallelism.
    :ivar buffer_timeout: ms; -1: only full buffers are sent.
    :ivar auto_generated_uids: operators need no uid.
    :ivar runtime_mode: ``STREAMING``, ``BATCH`` or ``AUTOMATIC``.
    """

    parallelism: int
    max_parallelism: int | None = None
    buffer_timeout: int = 100
    chaining: bool = True
    auto_generated_uids: bool = True
    runtime_mode: str = "STREAMING"


@dataclass(frozen=True, slots=True)
class _Route:
    """Where the records of a transformation come from, and how they are to be distributed."""

    source: StreamNode
    partition: PartitionTransformation | None
    output_tag: str = ""
    type_info: TypeInformation | None = None


def default_max_parallelism(parallelism: int) -> int:
    """The number of key groups of an operator that sets none.

    128, or the next power of two above 1.5 times the parallelism, at most 32768.
    """
    wanted = parallelism + parallelism // 2
    return min(max(1 << max(wanted - 1, 0).bit_length(), _MIN_DEFAULT_MAX_PARALLELISM), MAX_PARALLELISM_LIMIT)


def generate_stream_graph(
    transformations: Sequence[Transformation], job_name: str, defaults: GraphDefaults
) -> StreamGraph:
    """Resolve the operators that ``transformations`` and everything before them define.

    :raises InvalidProgramError: the program cannot run as it is written.
    """
    if not transformations:
        raise InvalidProgramError("No operators defined in streaming topology. Cannot execute.")
    nodes: dict[int, StreamNode] = {}
    routes: dict[int, list[_Route]] = {}
    for transformation in _in_topological_order(transformations):
        inputs = [routes[id(each)] for each in transformation.inputs]
        all_inputs = [route for each in inputs for route in each]
        if isinstance(transformation, UnionTransformation):
            routes[id(transformation)] = all_inputs
        elif isinstance(transformation, PartitionTransformation):
            routes[id(transformation)] = [replace(route, partition=transformation) for route in all_inputs]
        elif isinstance(transformation, SideOutputTransformation):
            tag, type_info = transformation.tag, transformation.output_type
            routes[id(transformation)] = [_Route(route.source, None, tag, type_info) for route in all_inputs]
        else:
            node = _node(transformation, all_inputs, defaults)
            nodes[node.id] = node
            routes[id(transformation)] = [_Route(node, None, type_info=transformation.output_type)]
            for index, of_input in enumerate(inputs):
                for route in of_input:
                    edge = _edge(route, node, index, defaults)
                    route.source.out_edges.append(edge)
                    node.in_edges.append(edge)
    _check_uids(nodes.values(), defaults)
    apply_runtime_mode(nodes.values(), defaults.runtime_mode)
    for each in nodes.values():
        _apply_output_type(each.operator)
    of_program = [node for _, node in sorted(nodes.items())]
    complete = {node.id: node for node in with_enumerators(of_program, default_max_parallelism(1))}
    if len(complete) > len(nodes):
        _check_uids(complete.values(), replace(defaults, auto_generated_uids=True))
    return StreamGraph(job_name, complete, defaults.chaining)


def _in_topological_order(transformations: Iterable[Transformation]) -> list[Transformation]:
    """Inputs first. Iterative: a program may be longer than Python's stack is deep."""
    order: list[Transformation] = []
    done: set[int] = set()
    open_: dict[int, Transformation] = {}
    for start in transformations:
        stack: list[tuple[Transformation, bool]] = [(start, False)]
        while stack:
            current, inputs_done = stack.pop()
            key = id(current)
            if inputs_done:
                del open_[key]
                done.add(key)
                order.append(current)
                continue
            if key in done:
                continue
            if key in open_:
                raise _cycle(current, open_.values())
            open_[key] = current
            stack.append((current, True))
            for each in reversed(current.inputs):
                if id(each) in open_:
                    raise _cycle(each, open_.values())
                if id(each) not in done:
                    stack.append((each, False))
    return order


def _cycle(found: Transformation, path: Iterable[Transformation]) -> InvalidProgramError:
    names = [each.name for each in path if isinstance(each, OperatorTransformation)]
    return InvalidProgramError(
        f"{found.call_site}: the program has a cycle through {', '.join(map(repr, names)) or 'this stream'}; "
        "a stream cannot be its own input"
    )


def _node(transformation: OperatorTransformation, inputs: list[_Route], defaults: GraphDefaults) -> StreamNode:
    parallelism = transformation.parallelism
    if transformation.non_parallel:
        if parallelism not in (None, 1):
            raise InvalidProgramError(
                f"{transformation.call_site}: the parallelism of {transformation.name!r} must be 1, not {parallelism}: "
                "it is a non-parallel operator"
            )
        parallelism = 1
    elif parallelism is None:
        parallelism = defaults.parallelism
    max_parallelism_set = transformation.max_parallelism or defaults.max_parallelism
    max_parallelism = max_parallelism_set or default_max_parallelism(parallelism)
    if parallelism > max_parallelism:
        raise InvalidProgramError(
            f"{transformation.call_site}: parallelism {parallelism} of {transformation.name!r} is above its max "
            f"parallelism {max_parallelism}; lower it, or raise it with set_max_parallelism (at most "
            f"{MAX_PARALLELISM_LIMIT})"
        )
    return StreamNode(
        transformation.id,
        transformation,
        parallelism,
        max_parallelism,
        max_parallelism_set is not None,
        _slot_sharing_group(transformation, inputs),
    )


def _slot_sharing_group(transformation: OperatorTransformation, inputs: list[_Route]) -> str:
    if transformation.slot_sharing_group is not None:
        return transformation.slot_sharing_group
    groups = {route.source.slot_sharing_group for route in inputs}
    return groups.pop() if len(groups) == 1 else DEFAULT_SLOT_SHARING_GROUP


def _edge(route: _Route, target: StreamNode, input_index: int, defaults: GraphDefaults) -> StreamEdge:
    source, partition = route.source, route.partition
    call_site: CallSite = target.operator.call_site
    spec: PartitionerSpec | None = None
    if partition is None:
        partitioner = "FORWARD" if source.parallelism == target.parallelism else "REBALANCE"
    else:
        partitioner, spec, call_site = partition.partitioner, partition.spec, partition.call_site
        if partitioner == "FORWARD" and source.parallelism != target.parallelism:
            raise InvalidProgramError(
                f"{call_site}: forward partitioning does not allow change of parallelism: {source.name!r} has "
                f"parallelism {source.parallelism}, {target.name!r} ({target.operator.call_site}) has "
                f"{target.parallelism}; use another partitioning, such as rebalance, shuffle, broadcast or global"
            )
    timeout = source.operator.buffer_timeout
    return StreamEdge(
        source,
        target,
        partitioner,
        spec,
        call_site,
        defaults.buffer_timeout if timeout is None else timeout,
        input_index,
        route.output_tag,
        route.type_info,
    )


def _apply_output_type(operator: OperatorTransformation) -> None:
    """What a function gives is converted to the type that the program states for it."""
    spec, output_type = operator.spec, operator.output_type
    wanted = output_type if output_type is not None and output_type.need_conversion() else None
    if isinstance(spec, SourceSpec) and isinstance(spec.source, CollectionSource):
        if spec.source.element_type == wanted:
            wanted = None  # that was done when the program gave the elements
    elif isinstance(spec, AggregateSpec) and spec.kind != "sum":
        wanted = None  # the results are fields of the input
    if isinstance(spec, _CONVERTING) and spec.output_type != wanted:
        operator.spec = replace(spec, output_type=wanted)


def _check_uids(nodes: Iterable[StreamNode], defaults: GraphDefaults) -> None:
    seen: dict[tuple[str, str], OperatorTransformation] = {}
    for node in sorted(nodes, key=lambda each: each.id):
        operator = node.operator
        if not operator.uid and not operator.uid_hash and not defaults.auto_generated_uids:
            raise InvalidProgramError(
                f"{operator.call_site}: {operator.name!r} has no uid, and auto generated uids are disabled; "
                "give it one with uid(...)"
            )
        for what, value in (("uid", operator.uid), ("uid hash", operator.uid_hash)):
            if not value:
                continue
            other = seen.setdefault((what, value), operator)
            if other is not operator:
                raise InvalidProgramError(
                    f"{operator.call_site}: {what} {value!r} of {operator.name!r} is already that of {other.name!r} "
                    f"({other.call_site}); give each operator its own"
                )
