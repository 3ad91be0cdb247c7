"""The comparison with Flink's answers: what counts as alike, and what does not."""

from __future__ import annotations

import pytest

from tests.unit.dispatcher.rest.shapes import Json, Shape, differences, endpoints, named_shape, shape_of

JOB = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (1, "integer"),
        (1, "number"),
        (1.5, "number"),
        ("NaN", "number|NaN"),
        (None, "string|null"),
        ({"a": 1, "more": "x"}, {"a": "integer"}),
        ({}, {"a?": "integer"}),
        ({"x": 1, "y": 2}, {"*": "integer"}),
        ([], ["string"]),
        (None, {"null|": {"a": "string"}}),
        ({"errors": ["no"]}, "@ErrorAnswer"),
        ({"deep": [None, {}]}, "any"),
    ],
)
def test_alike(answer: Json, shape: Shape) -> None:
    assert differences(answer, shape) == []


@pytest.mark.parametrize(
    ("answer", "shape", "difference"),
    [
        (True, "integer", "$: True is no integer"),
        (1.5, "integer", "$: 1.5 is no integer"),
        ("1", "number|NaN", "$: '1' is no number|NaN"),
        (None, "string", "$: None is no string"),
        ({}, {"a": "integer"}, "$.a: is missing"),
        ({"a": "x"}, {"a?": "integer"}, "$.a: 'x' is no integer"),
        ({"x": {"y": [1, "2"]}}, {"*": {"y": ["integer"]}}, "$.x.y[1]: '2' is no integer"),
        ({"errors": "no"}, "@ErrorAnswer", "$.errors: 'no' is no list"),
        ([], {}, "$: [] is no object"),
    ],
)
def test_different(answer: Json, shape: Shape, difference: str) -> None:
    assert differences(answer, shape) == [difference]


def test_finds_an_endpoint_by_its_path() -> None:
    assert shape_of("GET", f"/v1/jobs/{JOB}/status") == {"status": "string"}
    assert shape_of("GET", "/jobs/overview") != shape_of("GET", f"/jobs/{JOB}")
    assert shape_of("GET", f"/jobs/{JOB}/metrics?get=uptime") == ["@MetricValue"]
    assert shape_of("GET", f"/jobs/{JOB}/metrics") == ["@Identified"]
    assert shape_of("GET", f"/jobs/{JOB}/exceptions?maxExceptions=3") == shape_of("GET", f"/jobs/{JOB}/exceptions")
    assert shape_of("PATCH", f"/jobs/{JOB}?mode=stop", 308) == "@ErrorAnswer"


def test_says_what_is_not_known() -> None:
    with pytest.raises(LookupError, match="GET /nothing"):
        shape_of("GET", "/nothing")
    with pytest.raises(LookupError, match="not with 418"):
        shape_of("GET", "/overview", 418)


def test_the_table_is_read_whole() -> None:
    recorded = [shape for statuses in endpoints().values() for shape in statuses.values()]
    assert len(recorded) > 80
    for shape in recorded:
        assert differences(_example(shape), shape) == []


def _example(shape: Shape) -> Json:
    """An answer of this shape. Fails where the table names what it does not hold."""
    if isinstance(shape, list):
        return [_example(shape[0])]
    if isinstance(shape, dict):
        fields: dict[str, Json] = {}
        for name, of in shape.items():
            if name == "null|":
                return _example(of)
            fields[name.removesuffix("?")] = _example(of)
        return fields
    if shape.startswith("@"):
        return _example(named_shape(shape[1:]))
    return _EXAMPLES[shape.split("|")[0]]


_EXAMPLES: dict[str, Json] = {"integer": 1, "number": 0.5, "string": "s", "boolean": True, "any": None, "text": "text"}
