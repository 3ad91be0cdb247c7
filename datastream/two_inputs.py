"""Operators on two streams: what has to hold for both, whichever operator it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.common.typeinfo import PickledBytesTypeInfo
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream
from millstream.datastream.keyed_stream import KeyedStream
from millstream.datastream.output_type import declared_output_type

if TYPE_CHECKING:
    from millstream.common.graph.operator_spec import OperatorSpec

__all__ = ["add_two_input_operator", "check_key_types", "check_streams"]


def check_streams(method: str, first: Any, second: Any) -> None:
    """Refuse what are not two streams of one program.

    :raises TypeError: one of them is no stream.
    :raises InvalidProgramError: they belong to different environments.
    """
    for stream in (first, second):
        if not isinstance(stream, DataStream):
            raise TypeError(f"{call_site()}: {method}() takes streams, not {stream!r}")
    if first._environment is not second._environment:
        raise InvalidProgramError(f"{call_site()}: {method}() of streams of different environments")


def check_key_types(method: str, first: KeyedStream, second: KeyedStream) -> None:
    """Refuse two keys whose types are stated and differ: no key of one stream could meet one of the other.

    :raises InvalidProgramError: they differ.
    """
    types = (first.get_key_type(), second.get_key_type())
    if None in types or types[0] == types[1] or any(isinstance(each, PickledBytesTypeInfo) for each in types):
        return
    raise InvalidProgramError(
        f"{call_site()}: {method}() of streams whose keys are of different types, {types[0]!r} and {types[1]!r}, so "
        "that no two of them are equal; let both key selectors give keys of one type"
    )


def add_two_input_operator(
    kind: str, name: str, spec: OperatorSpec, first: DataStream, second: DataStream, output_type: Any
) -> DataStream:
    """Add an operator to the streams' program and return the stream of its results.

    :param output_type: a ``TypeInformation``, or a list of them: rows of these.
    """
    inputs = (first._transformation, second._transformation)
    environment = first._environment
    declared = declared_output_type(output_type)
    return DataStream(environment, environment._add_operator(kind, name, spec, inputs, declared))
