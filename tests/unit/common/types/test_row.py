"""Rows."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, RowKind
from millstream.common.stable_hash import stable_hash


class Special(Row):
    pass


def test_fields_by_position_and_name() -> None:
    row = Row(id=1, name="a")
    assert (row[0], row["name"], row.id, row[0:2]) == (1, "a", 1, [1, "a"])
    assert (len(row), list(row), "a" in row) == (2, [1, "a"], False)
    assert row.get_fields_by_names(["name", "id"]) == ["a", 1]
    row["name"] = "b"
    row["id"] = 2
    row[0] += 1
    assert row.as_dict() == {"id": 3, "name": "b"}


def test_a_row_as_a_class_of_rows() -> None:
    person = Row("id", "name")
    assert person(1, "a") == Row(id=1, name="a")
    assert person(1) == Row(id=1)
    assert Row.of_kind(RowKind.DELETE, "id")(1).get_row_kind() is RowKind.DELETE
    with pytest.raises(ValueError, match="expected 2 values"):
        person(1, 2, 3)


def test_texts() -> None:
    assert repr(Row(1, "a")) == "<Row(1, 'a')>"
    assert repr(Row(1)) == "<Row(1)>"
    row = Row(1)
    row.set_field_names(["f0"])
    assert str(row) == "Row(f0=1)"


def test_a_name_is_in_a_row_and_without_names_a_value_is() -> None:
    assert "a" in Row(a=1)
    assert 1 not in Row(a=1)
    assert 1 in Row(1)
    assert hasattr(Row(a=1), "_fields")
    assert not hasattr(Row(1), "_fields")


def test_copies_share_no_values() -> None:
    row = Row(a=1, b=[2])
    shallow, deep = copy.copy(row), copy.deepcopy(row)
    row["a"] = 5
    row.b.append(3)
    assert (shallow, deep) == (Row(a=1, b=[2, 3]), Row(a=1, b=[2]))


def test_subclasses_travel() -> None:
    row = Special(a=1)
    row.set_row_kind(RowKind.DELETE)
    again = pickle.loads(pickle.dumps(row))
    assert type(again) is Special
    assert again == row != Row.of_kind(RowKind.DELETE, a=1)


def test_equality_needs_names_and_kind() -> None:
    assert Row(1) == Row(1)
    assert Row(1) != Row(a=1)
    assert Row(a=1) != Row(b=1)
    assert Row(a=1, b=2) == Row(b=2, a=1) != Row(a=2, b=1)
    assert hash(Row(a=1, b=2)) == hash(Row(b=2, a=1))
    assert stable_hash(Row(a=1, b=2)) == stable_hash(Row(b=2, a=1))
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
    with pytest.raises(ValueError, match="both args and kwargs"):
        Row(1, a=2)
    with pytest.raises(AttributeError, match="no field 'x': this Row has the fields a"):
        assert Row(a=1).x
    with pytest.raises(KeyError, match="no names"):
        Row(1)["a"]
    with pytest.raises(ValueError, match="the fields a"):
        Row(a=1)["b"]
    with pytest.raises(ValueError, match="not exist"):
        Row(a=1).get_fields_by_names(["a", "b"])
    with pytest.raises(AttributeError, match="set by row"):
        Row(a=1).a = 2
    with pytest.raises(ValueError, match="2 names for a Row of 1"):
        Row(1).set_field_names(["a", "b"])
    with pytest.raises(ValueError, match="twice"):
        Row(1, 2).set_field_names(["a", "a"])


def test_kinds_have_short_names() -> None:
    assert [str(kind) for kind in RowKind] == ["+I", "-U", "+U", "-D"]
