"""Rows."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, RowKind


def test_fields_by_position_and_name() -> None:
    row = Row(id=1, name="a")
    assert (row[0], row["name"], row.id, row[0:2]) == (1, "a", 1, [1, "a"])
    assert (len(row), list(row), "a" in row) == (2, [1, "a"], True)
    assert row.get_fields_by_names(["name", "id"]) == ["a", 1]
    row.name = "b"
    row["id"] = 2
    row[0] += 1
    assert row.as_dict() == {"id": 3, "name": "b"}


def test_a_row_as_a_class_of_rows() -> None:
    person = Row("id", "name")
    assert person(1, "a") == Row(id=1, name="a")
    with pytest.raises(ValueError, match="can not create"):
        person(1)


def test_texts() -> None:
    assert repr(Row(1, "a")) == "<Row(1, 'a')>"
    assert repr(Row(1)) == "<Row(1)>"
    row = Row(1)
    row.set_field_names(["f0"])
    assert str(row) == "Row(f0=1)"


def test_equality_needs_names_and_kind() -> None:
    assert Row(1) == Row(1)
    assert Row(1) != Row(a=1)
    assert Row(a=1) != Row(b=1)
    assert Row(1) != Row.of_kind(RowKind.DELETE, 1)
    assert Row(1) != (1,)
    assert len({Row(1), Row(1), Row(2)}) == 2


@given(st.lists(st.integers() | st.text() | st.none(), max_size=4), st.booleans(), st.sampled_from(RowKind))
def test_a_row_travels(values: list[object], named: bool, kind: RowKind) -> None:
    row = Row(*values)
    if named:
        row.set_field_names([f"n{index}" for index in range(len(values))])
    row.set_row_kind(kind)
    copy = pickle.loads(pickle.dumps(row))
    assert copy == row
    assert hash(copy) == hash(row)
    assert copy.get_row_kind() is kind


def test_recursive_dicts() -> None:
    row = Row(a=Row(b=1), c=[Row(d=2)], e={"k": Row(f=3)})
    assert row.as_dict(True) == {"a": {"b": 1}, "c": [{"d": 2}], "e": {"k": {"f": 3}}}
    assert row.as_dict()["a"] == Row(b=1)
    with pytest.raises(TypeError, match="without field names"):
        Row(1).as_dict()


def test_errors() -> None:
    with pytest.raises(ValueError, match="not both"):
        Row(1, a=2)
    with pytest.raises(AttributeError, match="no field 'x': this Row has the fields a"):
        assert Row(a=1).x
    with pytest.raises(KeyError, match="no names"):
        Row(1)["a"]
    with pytest.raises(ValueError, match="2 names for a Row of 1"):
        Row(1).set_field_names(["a", "b"])
    with pytest.raises(ValueError, match="twice"):
        Row(1, 2).set_field_names(["a", "a"])


def test_kinds_have_short_names() -> None:
    assert [str(kind) for kind in RowKind] == ["+I", "-U", "+U", "-D"]
