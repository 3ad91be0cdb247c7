"""Lets the results of a user's function be what its output type says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["convert_results"]


def convert_results(function: UserFunction, spec: MapSpec | FilterSpec | FlatMapSpec) -> None:
    """Put the conversion of the spec's output type, if it has one, behind the function."""
    if isinstance(spec, FilterSpec) or spec.output_type is None:
        return
    convert: Callable[[Any], Any] = spec.output_type.conversion()
    call = function.call

    def one(value: Any) -> Any:
        return convert(call(value))

    def several(value: Any) -> Iterable[Any]:
        results = call(value)
        return () if results is None else map(convert, results)

    function.call = one if isinstance(spec, MapSpec) else several
