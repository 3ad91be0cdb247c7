"""Says where an answer of the REST API differs in its shape from Flink's.

``flink_shapes.json`` holds the fields and JSON types of real answers of Flink 1.20, by endpoint and status:

- ``"integer"``, ``"number"`` (an integer will do), ``"string"``, ``"boolean"``, ``"null"``, ``"any"``; ``"NaN"`` is the
  string that stands for that number; ``|`` stands between alternatives;
- ``"@Name"`` is the shape of that name, ``[shape]`` a list, ``{"*": shape}`` a map whose keys are data,
  ``{"null|": shape}`` the shape or null; a field whose name ends in ``?`` may be absent;
- ``"text"`` is a body that is no JSON.

An answer may have more fields than Flink's. Endpoints are named with their query only where that decides on the shape:
``GET /jobs/{jobid}/metrics?get`` is the one that asks for values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["Json", "Shape", "differences", "endpoints", "named_shape", "shape_of"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

_OR_NULL: Final = "null|"
_DATA_KEYS: Final = "*"


def _load() -> tuple[dict[str, Shape], dict[str, dict[str, Shape]]]:
    table = json.loads(Path(__file__).with_name("flink_shapes.json").read_text("utf-8"))
    return table["shapes"], table["endpoints"]


_SHAPES, _ENDPOINTS = _load()


def endpoints() -> Mapping[str, Mapping[str, Shape]]:
    """Return the shapes by ``"<method> <template>"`` and then by status."""
    return _ENDPOINTS


def shape_of(method: str, path: str, status: int = 200) -> Shape:
    """Return the shape of an endpoint's answers.

    :param path: with or without ``/v1``, parameters filled in or not, with its query.
    :raises LookupError: Flink's answer to this was not recorded.
    """
    path, _, query = path.partition("?")
    path = path.removeprefix("/v1")
    asks_for_values = any(item.split("=")[0] == "get" for item in query.split("&"))
    found = [name for name in _ENDPOINTS if _fits(name, method, path, asks_for_values)]
    if not found:
        raise LookupError(f"no answer of Flink to {method} {path} is known")
    endpoint = _ENDPOINTS[min(found, key=lambda name: name.count("{"))]  # /jobs/overview is no job
    if str(status) not in endpoint:
        raise LookupError(f"Flink answered {method} {path} with {', '.join(endpoint)}, but not with {status}")
    return endpoint[str(status)]


def named_shape(name: str) -> Shape:
    """Return the shape that ``@name`` stands for."""
    return _SHAPES[name]


def differences(answer: Json, shape: Shape, place: str = "$") -> list[str]:
    """Return what is missing in an answer or of another type than in Flink's, a line each; nothing if it is alike."""
    return list(_differences(answer, shape, place))


def _fits(name: str, method: str, path: str, asks_for_values: bool) -> bool:
    known_method, _, template = name.partition(" ")
    template, question, _ = template.partition("?")
    if known_method != method or (bool(question) != asks_for_values and template.endswith("metrics")):
        return False
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        segment == other or segment.startswith("{") for segment, other in zip(wanted, given, strict=True)
    )


def _differences(answer: Json, shape: Shape, place: str) -> Iterator[str]:
    if isinstance(shape, str):
        if shape.startswith("@"):
            yield from _differences(answer, named_shape(shape[1:]), place)
        elif not any(_is_of_type(answer, name) for name in shape.split("|")):
            yield f"{place}: {answer!r} is no {shape}"
    elif isinstance(shape, list):
        if not isinstance(answer, list):
            yield f"{place}: {answer!r} is no list"
            return
        for index, item in enumerate(answer):
            yield from _differences(item, shape[0], f"{place}[{index}]")
    elif _OR_NULL in shape:
        if answer is not None:
            yield from _differences(answer, shape[_OR_NULL], place)
    elif not isinstance(answer, dict):
        yield f"{place}: {answer!r} is no object"
    elif _DATA_KEYS in shape:
        for key, value in answer.items():
            yield from _differences(value, shape[_DATA_KEYS], f"{place}.{key}")
    else:
        for field, field_shape in shape.items():
            key = field.removesuffix("?")
            if key in answer:
                yield from _differences(answer[key], field_shape, f"{place}.{key}")
            elif not field.endswith("?"):
                yield f"{place}.{key}: is missing"


def _is_of_type(answer: Json, name: str) -> bool:
    if name == "any":
        return True
    if name == "null":
        return answer is None
    if name == "boolean":
        return isinstance(answer, bool)
    if name == "integer":
        return isinstance(answer, int) and not isinstance(answer, bool)
    if name == "number":
        return isinstance(answer, (int, float)) and not isinstance(answer, bool)
    if name == "NaN":
        return answer == "NaN"
    return name in ("string", "text") and isinstance(answer, str)
