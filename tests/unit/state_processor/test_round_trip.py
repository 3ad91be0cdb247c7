"""What is written into a savepoint is read from it, by this package and by the state backends."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common import Time, Types
from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.errors import MillstreamError
from millstream.common.types import Row
from millstream.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from millstream.datastream.time_domain import TimeDomain
from millstream.datastream.window import TimeWindow
from millstream.state_processor import OperatorIdentifier, SavepointReader, SavepointWriter, StateRow

_KEYS = st.one_of(st.integers(-(2**40), 2**40), st.text(max_size=5))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@dataclass
class Account:
    owner: str
    balance: float


class Point(NamedTuple):
    x: int
    y: int


class Colour(Enum):
    RED = 1
    BLUE = 2


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(_KEYS, _VALUES, max_size=30),
    st.dictionaries(_KEYS, st.lists(_VALUES, max_size=4), max_size=10),
    st.dictionaries(_KEYS, st.dictionaries(st.text(max_size=3), _VALUES, max_size=4), max_size=10),
    st.lists(st.tuples(_KEYS, st.integers(0, 2**40)), max_size=20),
    st.sampled_from([1, 7, 128]),
)
def test_keyed_state(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[Any, Any],
    lists: dict[Any, list[Any]],
    maps: dict[Any, dict[str, Any]],
    timers: list[tuple[Any, int]],
    max_parallelism: int,
) -> None:
    path = str(tmp_path_factory.mktemp("savepoint"))
    writer = SavepointWriter.new_savepoint(max_parallelism)
    writer.with_keyed_state("op", ValueStateDescriptor("value"), values.items())
    writer.with_keyed_state("op", ListStateDescriptor("list"), lists.items())
    writer.with_keyed_state("op", MapStateDescriptor("map"), maps.items())
    writer.with_timers("op", timers)
    writer.with_timers("op", timers[:1], TimeDomain.PROCESSING_TIME)
    assert writer.write(path) == path
    operator = SavepointReader.read(path).operator("op")
    assert (operator.uid, operator.max_parallelism) == ("op", max_parallelism)
    expected = {
        "value": {key: value for key, value in values.items() if value is not None},
        "list": {key: value for key, value in lists.items() if value},
        "map": {key: value for key, value in maps.items() if value},
    }
    for name, entries in expected.items():
        table = operator.table(name)
        assert {row.key: row.value for row in table.rows()} == entries
        assert (table.info.kind, table.info.entries) == (name, len(entries))
    for name, given_timers in (("event-time", timers), ("processing-time", timers[:1])):
        table = operator.table(f"{name} timers")
        assert Counter((row.key, row.value) for row in table.rows()) == Counter(set(given_timers))
        assert table.info.kind == "timers"


def test_records_are_structs_in_tables(tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint()
    accounts = {number: Account(f"owner {number}", number / 2) for number in range(100)}
    writer.with_keyed_state("op", ValueStateDescriptor("accounts"), accounts.items())
    writer.with_keyed_state("op", ListStateDescriptor("points"), [("a", [Point(1, 2), Point(3, 4)])])
    rows = [("a", {"x": Row(name="one", at=dt.date(2026, 1, 2))})]
    writer.with_keyed_state("op", MapStateDescriptor("rows"), rows)
    mixed = [(("k", 1), [Colour.RED, None]), (("k", 2), [Colour.BLUE])]
    writer.with_keyed_state("op", ListStateDescriptor("colours"), mixed)
    writer.with_keyed_state("op", ValueStateDescriptor("numbers"), [(1, 1), (2, 2.5), (3, 2**70)][:2])
    operator = SavepointReader.read(writer.write(str(tmp_path / "s"))).operator("op")

    assert {row.key: row.value for row in operator.table("accounts").rows()} == accounts
    table = operator.table("accounts").to_arrow()
    assert table.schema == pa.schema(
        [("key", pa.int64()), ("value", pa.struct([("owner", pa.string()), ("balance", pa.float64())]))]
    )
    assert {each["key"]: Account(**each["value"]) for each in table.to_pylist()} == accounts
    points = operator.table("points").to_arrow().to_pylist()
    assert points == [{"key": "a", "value": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}]
    assert operator.table("rows").to_arrow().to_pylist() == [
        {"key": "a", "value": [("x", {"name": "one", "at": dt.date(2026, 1, 2)})]}
    ]
    colours = operator.table("colours").to_arrow().to_pylist()
    assert sorted(colours, key=str) == [
        {"key": {"f0": "k", "f1": 1}, "value": ["RED", None]},
        {"key": {"f0": "k", "f1": 2}, "value": ["BLUE"]},
    ]
    assert operator.table("numbers").schema.field("value").type == pa.float64()

    operator.table("accounts").to_parquet(tmp_path / "accounts.parquet")
    assert pq.read_table(tmp_path / "accounts.parquet").equals(table)
    assert sum(batch.num_rows for batch in operator.table("accounts").batches(7)) == 100
    assert pa.RecordBatchReader.from_stream(operator.table("accounts")).read_all().equals(table)


def test_values_of_many_types_are_read_as_rows_only(tmp_path: Path) -> None:
    entries = {1: "text", 2: 5, 3: Account("a", 1)}
    writer = SavepointWriter.new_savepoint().with_keyed_state("op", ValueStateDescriptor("any"), entries.items())
    table = SavepointReader.read(writer.write(str(tmp_path / "s"))).table("op", "any")
    assert {row.key: row.value for row in table.rows()} == entries
    with pytest.raises(MillstreamError, match=r"state 'any' of operator 'op', column 'value': values of .*rows\(\)"):
        table.to_arrow()


def test_tables_are_written_with_the_types_of_the_state(tmp_path: Path) -> None:
    row_type = Types.ROW_NAMED(["name", "n"], [Types.STRING(), Types.LONG()])
    table = pa.table(
        {
            "key": [1, 2],
            "value": pa.array(
                [[{"name": "a", "n": 1}], []], pa.list_(pa.struct([("name", pa.string()), ("n", pa.int64())]))
            ),
        }
    )
    pairs = pa.table({"key": [{"f0": "a", "f1": 1}], "value": pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int64()))})
    writer = SavepointWriter.new_savepoint()
    writer.with_keyed_state("op", ListStateDescriptor("rows", row_type), table)
    map_descriptor = MapStateDescriptor("map", Types.STRING(), Types.LONG())
    writer.with_keyed_state("op", map_descriptor, pairs, key_type=Types.TUPLE([Types.STRING(), Types.LONG()]))
    operator = SavepointReader.read(writer.write(str(tmp_path / "s"))).operator("op")
    assert [(row.key, row.value) for row in operator.table("rows").rows()] == [(1, [Row(name="a", n=1)])]
    assert [(row.key, row.value) for row in operator.table("map").rows()] == [(("a", 1), {"x": 1})]
    with pytest.raises(MillstreamError, match="has the columns key and value"):
        writer.with_keyed_state("op", ValueStateDescriptor("x"), pa.table({"a": [1]}))


def test_state_with_a_time_to_live_and_of_windows(tmp_path: Path) -> None:
    ttl = StateTtlConfig.new_builder(Time.hours(1)).build()

    def living(descriptor: Any) -> Any:
        descriptor.enable_time_to_live(ttl)
        return descriptor

    writer = SavepointWriter.new_savepoint()
    value = StateRow("k", 5, written_ms=1000)
    writer.with_keyed_state("op", living(ValueStateDescriptor("value")), [value])
    listed = StateRow("k", [1, 2], written_ms=[1000, 2000])
    writer.with_keyed_state("op", living(ListStateDescriptor("list")), [listed])
    mapped = StateRow("k", {"a": 1}, written_ms={"a": 3000})
    writer.with_keyed_state("op", living(MapStateDescriptor("map")), [mapped, ("now", {"b": 1})])
    windows = [
        StateRow("k", 1, TimeWindow(0, 10)),
        StateRow("k", 2, TimeWindow(10, 20)),
        StateRow("l", 3, TimeWindow(0, 10)),
    ]
    writer.with_keyed_state("op", ValueStateDescriptor("windows"), windows)
    operator = SavepointReader.read(writer.write(str(tmp_path / "s"))).operator("op")
    assert list(operator.table("value").rows()) == [value]
    assert list(operator.table("list").rows()) == [listed]
    by_key = {row.key: row for row in operator.table("map").rows()}
    assert by_key["k"] == mapped
    assert by_key["now"].written_ms["b"] > 1_700_000_000_000
    assert operator.table("list").to_arrow().to_pylist() == [{"key": "k", "value": [1, 2], "written_ms": [1000, 2000]}]
    table = operator.table("windows")
    assert sorted(table.rows(), key=lambda row: row.value) == windows
    assert table.info.namespaced
    assert min(table.to_arrow().to_pylist(), key=str) == {
        "key": "k",
        "namespace": {"start": 0, "end": 10},
        "value": 1,
    }


def test_state_without_keys(tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint()
    writer.with_operator_state("op", ListStateDescriptor("offsets", Types.LONG()), range(5))
    writer.with_operator_state("op", ListStateDescriptor("all"), [Account("a", 1)], union=True)
    writer.with_broadcast_state("op", MapStateDescriptor("rules"), {"a": 1, "b": 2})
    operator = SavepointReader.read(writer.write(str(tmp_path / "s"))).operator(OperatorIdentifier.for_uid("op"))
    assert [(info.name, info.kind, info.keyed) for info in operator.states] == [
        ("all", "UNION", False),
        ("offsets", "SPLIT", False),
        ("rules", "BROADCAST", False),
    ]
    assert [row.value for row in operator.table("offsets").rows()] == list(range(5))
    assert operator.table("all").to_arrow().to_pylist() == [{"value": {"owner": "a", "balance": 1}}]
    assert operator.table("rules").to_arrow().to_pylist() == [{"key": "a", "value": 1}, {"key": "b", "value": 2}]
    with pytest.raises(SnapshotError, match="given before"):
        writer.with_operator_state("op", ListStateDescriptor("all"), [])


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint().with_keyed_state("op", ValueStateDescriptor("v"), [(1, 1)])
    reader = SavepointReader.read(writer.write(str(tmp_path / "s")))
    with pytest.raises(SnapshotError, match="has no operator 'other'; its operators: operator 'op'"):
        reader.operator("other")
    with pytest.raises(SnapshotError, match="operator 'op' has no state 'w'; its states: 'v'"):
        reader.table("op", "w")
    with pytest.raises(SnapshotError, match="is not empty"):
        writer.write(str(tmp_path / "s"))
    with pytest.raises(MillstreamError, match="the key 1 comes twice"):
        writer.with_keyed_state("op", ValueStateDescriptor("v"), [(1, 1), (1, 2)])
    with pytest.raises(MillstreamError, match="is a pair of key and value"):
        writer.with_keyed_state("op", ValueStateDescriptor("v"), [5])
    with pytest.raises(MillstreamError, match="is a list, not 5"):
        writer.with_keyed_state("op", ListStateDescriptor("v"), [(1, 5)])
    with pytest.raises(ValueError, match="32 hexadecimal"):
        OperatorIdentifier.for_uid_hash("x")


def test_a_savepoint_with_changes_needs_nothing_of_the_old_one(tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint(64)
    large = dict.fromkeys(range(1000), "x" * 100)
    for uid in ("kept", "changed", "renamed", "gone"):
        writer.with_keyed_state(uid, ValueStateDescriptor("large"), large.items())
        writer.with_keyed_state(uid, ValueStateDescriptor("small"), [(1, uid)])
        writer.with_operator_state(uid, ListStateDescriptor("list"), [uid])
    first = Path(writer.write(str(tmp_path / "first")))
    changed = SavepointWriter.from_existing(str(first))
    changed.with_keyed_state("changed", ValueStateDescriptor("small"), [(2, "new")])
    changed.with_operator_state("changed", ListStateDescriptor("other"), [1])
    changed.with_keyed_state("added", ValueStateDescriptor("small"), [(3, "added")])
    changed.change_operator_identifier("renamed", "new name").remove_operator("gone")
    with pytest.raises(SnapshotError, match="no operator 'gone'"):
        changed.remove_operator("gone")
    with pytest.raises(SnapshotError, match="'kept' has state already"):
        changed.change_operator_identifier("added", "kept")
    before = {path: path.read_bytes() for path in first.iterdir()}
    second = changed.write(str(tmp_path / "second"))
    assert {path: path.read_bytes() for path in first.iterdir()} == before
    for path in before:
        path.unlink()

    reader = SavepointReader.read(second)
    assert {each.uid for each in reader.operators} == {"kept", "changed", "new name", "added"}
    for uid in ("kept", "changed", "new name"):
        assert {row.key: row.value for row in reader.table(uid, "large").rows()} == large
        assert reader.operator(uid).max_parallelism == 64
    assert [row.value for row in reader.table("kept", "small").rows()] == ["kept"]
    assert [(row.key, row.value) for row in reader.table("changed", "small").rows()] == [(2, "new")]
    assert [row.value for row in reader.table("changed", "list").rows()] == ["changed"]
    assert [row.value for row in reader.table("changed", "other").rows()] == [1]
    assert [row.value for row in reader.table("new name", "list").rows()] == ["renamed"]
    assert [(row.key, row.value) for row in reader.table("added", "small").rows()] == [(3, "added")]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint()
    writer.with_keyed_state("a", ValueStateDescriptor("v"), [(number, "x" * 100) for number in range(1000)])
    writer.with_keyed_state("b", ValueStateDescriptor("v"), [(1, threading.Lock())])
    with pytest.raises(MillstreamError, match="cannot be pickled"):
        writer.write(str(tmp_path / "s"))
    assert list((tmp_path / "s").iterdir()) == []


def test_a_broken_file_is_not_copied(tmp_path: Path) -> None:
    entries = [(number, "x" * 100) for number in range(1000)]
    writer = SavepointWriter.new_savepoint().with_keyed_state("a", ValueStateDescriptor("v"), entries)
    first = Path(writer.write(str(tmp_path / "first")))
    [file] = [path for path in first.iterdir() if path.name.startswith("keyed")]
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(MillstreamError, match="checksum"):
        SavepointWriter.from_existing(str(first)).write(str(tmp_path / "second"))
    with pytest.raises(MillstreamError, match="checksum"):
        list(SavepointReader.read(str(first)).table("a", "v").rows())
