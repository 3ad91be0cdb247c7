"""What the formats of files and messages make of types, settings and bad input."""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, Types
from millstream.common.errors import MillstreamError
from millstream.connectors.file_system.local_part_store import LocalPartStore
from millstream.datastream.connectors import FileSource
from millstream.datastream.formats.avro import AvroBulkWriters, AvroReaderFormat, AvroSchema
from millstream.datastream.formats.csv import CsvBulkWriters, CsvReaderFormat, CsvSchema
from millstream.datastream.formats.json import (
    JsonRowDeserializationSchema,
    JsonRowSerializationSchema,
    LineDeserializationFormat,
    LineSerializationEncoder,
)
from millstream.datastream.formats.parquet import ParquetBulkWriters, ParquetColumnarRowInputFormat
from tests.unit.connectors.readers import read

WIDE = Types.ROW_NAMED(
    ["text", "flag", "small", "real", "money", "day", "time", "stamp", "raw", "tags", "sizes", "inner"],
    [
        Types.STRING(),
        Types.BOOLEAN(),
        Types.SHORT(),
        Types.DOUBLE(),
        Types.BIG_DEC(),
        Types.SQL_DATE(),
        Types.SQL_TIME(),
        Types.SQL_TIMESTAMP(),
        Types.PRIMITIVE_ARRAY(Types.BYTE()),
        Types.LIST(Types.STRING()),
        Types.MAP(Types.STRING(), Types.INT()),
        Types.ROW_NAMED(["x", "more"], [Types.INT(), Types.LIST(Types.ROW_NAMED(["y"], [Types.LONG()]))]),
    ],
)
FULL = Row(
    text="ä\n",
    flag=True,
    small=-5,
    real=1.5,
    money=decimal.Decimal("12.340000000000000000"),
    day=dt.date(2024, 2, 29),
    time=dt.time(23, 59, 1),
    stamp=dt.datetime(2024, 2, 29, 1, 2, 3, 4000),  # noqa: DTZ001  # as SQL has it
    raw=b"\x00\xff",
    tags=["a", "b"],
    sizes={"s": 1, "m": 2},
    inner=Row(x=7, more=[Row(y=2**40)]),
)
EMPTY = Row(**dict.fromkeys(WIDE.get_field_names()))


def written(factory: Any, path: Path, records: Sequence[Any]) -> None:
    """A file as the sink has it written."""
    stream = LocalPartStore().create(str(path))
    try:
        writer = cloudpickle.loads(cloudpickle.dumps(factory)).create(stream)
        try:
            for record in records:
                writer.add_element(record)
            writer.finish()
        except BaseException:
            writer.abandon()
            raise
    finally:
        stream.finish()


def bulk(file_format: Any, path: Path) -> list[Any]:
    return read(FileSource.for_bulk_file_format(file_format, str(path)).build())


def stream(file_format: Any, path: Path) -> list[Any]:
    return read(FileSource.for_record_stream_format(file_format, str(path)).build())


# ---------------------------------------------------------------- parquet


def test_parquet_has_all_types(tmp_path: Path) -> None:
    written(ParquetBulkWriters.for_row_type(WIDE, compression="zstd"), tmp_path / "f", [FULL, EMPTY])
    assert bulk(ParquetColumnarRowInputFormat(WIDE), tmp_path / "f") == [FULL, EMPTY]


@dataclass
class Reading:
    sensor: str
    value: float


class Pair(NamedTuple):
    sensor: str
    value: float


@pytest.mark.parametrize("kind", [Reading, Pair])
def test_parquet_of_classes(kind: Any, tmp_path: Path) -> None:
    records = [kind("a", 1.5), ("b", 2.5), {"sensor": "c", "value": 3.5}]
    written(ParquetBulkWriters.for_row_type(kind), tmp_path / "f", records)
    expected = [Row(sensor="a", value=1.5), Row(sensor="b", value=2.5), Row(sensor="c", value=3.5)]
    assert bulk(ParquetColumnarRowInputFormat(kind), tmp_path / "f") == expected
    assert bulk(ParquetColumnarRowInputFormat(), tmp_path / "f") == expected
    only = ParquetColumnarRowInputFormat(Types.ROW_NAMED(["value"], [Types.DOUBLE()]))
    assert [tuple(row) for row in bulk(only, tmp_path / "f")] == [(1.5,), (2.5,), (3.5,)]


def test_parquet_of_others(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([1, 2], pa.int32())}), tmp_path / "f")
    assert bulk(ParquetColumnarRowInputFormat(Types.ROW_NAMED(["n"], [Types.LONG()])), tmp_path / "f") == [
        Row(n=1),
        Row(n=2),
    ]
    with pytest.raises(ValueError, match=r"has no column 'm'; it has \['n'\]"):
        bulk(ParquetColumnarRowInputFormat(Types.ROW_NAMED(["m"], [Types.LONG()])), tmp_path / "f")
    with pytest.raises(ValueError, match=r"column 'n' of the Parquet file .* cannot be read as list"):
        bulk(ParquetColumnarRowInputFormat(Types.ROW_NAMED(["n"], [Types.LIST(Types.INT())])), tmp_path / "f")
    (tmp_path / "no").write_text("not this")
    with pytest.raises(OSError, match="/no' cannot be read: it is no Parquet file"):
        bulk(ParquetColumnarRowInputFormat(), tmp_path / "no")


def test_what_parquet_refuses(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"takes a Types.ROW_NAMED.*not 5"):
        ParquetBulkWriters.for_row_type(5)
    with pytest.raises(TypeError, match=r"field 'a' is of the type .* which files do not have"):
        ParquetBulkWriters.for_row_type(Types.ROW_NAMED(["a"], [Types.PICKLED_BYTE_ARRAY()]))
    with pytest.raises(ValueError, match="batch size"):
        ParquetColumnarRowInputFormat(batch_size=0)
    money = ParquetBulkWriters.for_row_type(Types.ROW_NAMED(["m"], [Types.BIG_DEC()]))
    with pytest.raises(ValueError, match=r"Decimal\('1E\+30'\) of the field 'm' does not fit into a Parquet column"):
        written(money, tmp_path / "f", [(decimal.Decimal(1),), (decimal.Decimal("1E30"),)])


# ---------------------------------------------------------------- avro

AVRO = AvroSchema.parse_string(
    '{"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}, '
    '{"name": "in", "type": {"type": "record", "name": "i", "fields": [{"name": "b", "type": "string"}]}}]}'
)


def test_avro_of_any_record(tmp_path: Path) -> None:
    class Nested(NamedTuple):
        a: int
        inner: Any

    records = [{"a": 1, "in": {"b": "x"}}, Row(2, Row(b="y")), Nested(3, {"b": "z"})]
    written(AvroBulkWriters.for_generic_record(AVRO, "deflate"), tmp_path / "f", records)
    dicts = [{"a": 1, "in": {"b": "x"}}, {"a": 2, "in": {"b": "y"}}, {"a": 3, "in": {"b": "z"}}]
    assert bulk(AvroReaderFormat(), tmp_path / "f") == dicts
    (first, *_) = bulk(AvroReaderFormat(as_rows=True), tmp_path / "f")
    assert first.as_dict(recursive=True) == dicts[0]
    newer = AvroSchema.parse_string(
        '{"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}, '
        '{"name": "new", "type": "int", "default": 7}]}'
    )
    assert bulk(AvroReaderFormat(newer), tmp_path / "f")[0] == {"a": 1, "new": 7}


def test_what_avro_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd: Any = 5
    for text in ("{", '{"type": "nope"}'):
        with pytest.raises(ValueError, match="this is no Avro schema"):
            AvroSchema.parse_string(text)
    with pytest.raises(TypeError, match="takes an AvroSchema"):
        AvroBulkWriters.for_generic_record(odd)
    with pytest.raises(TypeError, match="takes an AvroSchema"):
        AvroReaderFormat(odd)
    with pytest.raises(TypeError, match=r"5 is no record for the Avro fields \['a', 'in'\]"):
        written(AvroBulkWriters.for_generic_record(AVRO), tmp_path / "f", [5])
    (tmp_path / "no").write_text("not this")
    with pytest.raises(OSError, match="/no' cannot be read: it is no Avro file"):
        bulk(AvroReaderFormat(), tmp_path / "no")
    (tmp_path / "schema").write_text('{"type": "string"}')
    assert AvroSchema.parse_file(str(tmp_path / "schema")).field_names() is None
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(MillstreamError, match=r"pip install 'millstream\[avro\]'"):
        AvroSchema.parse_string('"string"')


# ---------------------------------------------------------------- csv


def test_csv_columns_and_settings(tmp_path: Path) -> None:
    more = CsvSchema.builder().add_array_column("tags").add_array_column("sizes", "|", Types.INT()).build()
    schema = (
        CsvSchema.builder()
        .add_string_column("name")
        .add_number_column("price", Types.BIG_DEC())
        .add_number_column("real")
        .add_boolean_column("on")
        .add_columns_from(more)
        .set_use_header()
        .set_column_separator(";")
        .set_quote_char("'")
        .set_line_separator("\r\n")
        .set_null_value("NULL")
        .build()
    )
    rows = [
        Row(name="a;'b'", price=decimal.Decimal("1.10"), real=2.5, on=True, tags=["x", "y"], sizes=[1, 2]),
        Row(name="", price=None, real=-1.0, on=False, tags=["z"], sizes=None),
        Row(name=None, price=decimal.Decimal(3), real=None, on=None, tags=None, sizes=[3]),
    ]
    written(CsvBulkWriters.for_schema(schema), tmp_path / "f", rows)
    text = (tmp_path / "f").read_bytes().decode()
    assert text.startswith("name;price;real;on;tags;sizes\r\n'a;''b''';1.10;2.5;true;'x;y';1|2\r\n")
    assert stream(CsvReaderFormat.for_schema(schema), tmp_path / "f") == rows


def test_csv_of_others(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("\ufeff# made by hand\nb,a,c\nunits,of,all\n\n1,x,\n# no\n 2 ,y,z\n")
    columns = CsvSchema.builder().add_string_column("a").add_number_column("b", Types.INT())
    with pytest.raises(ValueError, match="no column 'a' in the header"):
        stream(CsvReaderFormat.for_schema(columns.set_use_header().build()), tmp_path)
    schema = columns.set_allow_comments().set_skip_first_data_row().build()
    (tmp_path / "f").write_text("# made by hand\nb,a,c\nunits,of,all\n\n1,x,\n# no\n 2 ,y,z\n")
    assert stream(CsvReaderFormat.for_schema(schema), tmp_path) == [Row(a="x", b=1), Row(a="y", b=2)]
    plain = CsvSchema.builder().add_string_column("a").add_number_column("b", Types.INT()).build()
    for text, message in (
        ("x,1\ny\n", r"CSV file '.*/f', about line 2: the line has 1 fields, not 2"),
        ("x,y\n", r"about line 1: column 'b': 'y' is no .*Int"),
        ('"x,1\n', "unexpected end of data"),
    ):
        (tmp_path / "f").write_text(text)
        with pytest.raises(ValueError, match=message):
            stream(CsvReaderFormat.for_schema(plain), tmp_path)
    unquoted = CsvSchema.builder().add_string_column("a").disable_quote_char().set_escape_char("\\").build()
    written(CsvBulkWriters.for_schema(unquoted), tmp_path / "g", [('"a,b',)])
    assert stream(CsvReaderFormat.for_schema(unquoted), tmp_path / "g") == [Row(a='"a,b')]


def test_what_csv_refuses() -> None:
    builder = CsvSchema.builder()
    with pytest.raises(ValueError, match="at least one column"):
        builder.build()
    builder.add_string_column("a")
    with pytest.raises(ValueError, match="a column 'a' already"):
        builder.add_string_column("a")
    with pytest.raises(TypeError, match="no type of numbers"):
        builder.add_number_column("b", Types.STRING())
    with pytest.raises(ValueError, match="not empty"):
        builder.add_array_column("b", "")
    with pytest.raises(ValueError, match="single character"):
        builder.set_column_separator("ab")
    with pytest.raises(ValueError, match="lines end in"):
        builder.set_line_separator("x")
    odd: Any = "x"
    with pytest.raises(TypeError, match="takes a CsvSchema"):
        CsvReaderFormat.for_schema(odd)


# ---------------------------------------------------------------- json


def test_json_has_all_types() -> None:
    to_json = JsonRowSerializationSchema.builder().with_type_info(WIDE).build()
    from_json = JsonRowDeserializationSchema.builder().type_info(WIDE).fail_on_missing_field().build()
    for row in (FULL, EMPTY):
        assert from_json.deserialize(to_json.serialize(row)) == row
    assert from_json.get_produced_type() == WIDE
    text = JsonRowSerializationSchema.builder().with_type_info(Reading).build().serialize(Reading("ä", 1.5))
    assert text == '{"sensor":"ä","value":1.5}'.encode()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{", "Expecting"),
        (b"[1]", "it is no object"),
        (b'{"a": 1.5}', "field 'a': 1.5 is no"),
        (b'{"a": true}', "field 'a': True is no"),
        (b'{"a": {}}', "field 'a': {} is no"),
        (b"\xff", "cannot be read"),
    ],
)
def test_json_that_does_not_fit(message: bytes, reason: str) -> None:
    kind = Types.ROW_NAMED(["a"], [Types.INT()])
    schema = JsonRowDeserializationSchema.builder().type_info(kind).build()
    with pytest.raises(ValueError, match="the JSON message") as caught:
        schema.deserialize(message)
    assert reason in str(caught.value)
    assert (
        JsonRowDeserializationSchema.builder().type_info(kind).ignore_parse_errors().build().deserialize(message)
        is None
    )
    assert schema.deserialize(b'{"b": 1}') == Row(a=None)


def test_what_json_builders_refuse() -> None:
    kind = Types.ROW_NAMED(["a"], [Types.INT()])
    with pytest.raises(ValueError, match="there is no field 'a'"):
        JsonRowDeserializationSchema.builder().type_info(kind).fail_on_missing_field().build().deserialize(b"{}")
    with pytest.raises(ValueError, match="exclude each other"):
        JsonRowDeserializationSchema.builder().type_info(kind).fail_on_missing_field().ignore_parse_errors().build()
    with pytest.raises(ValueError, match=r"needs type_info\(\)"):
        JsonRowDeserializationSchema.builder().build()
    with pytest.raises(ValueError, match=r"needs with_type_info\(\)"):
        JsonRowSerializationSchema.builder().build()


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 12), st.integers(1, 3))
def test_lines_that_are_left_out_do_not_shift_the_place(good: list[bool], polls: int, batch: int) -> None:
    import tempfile

    from tests.unit.connectors.readers import context, drain

    kind = Types.ROW_NAMED(["a"], [Types.INT()])
    schema = JsonRowDeserializationSchema.builder().type_info(kind).ignore_parse_errors().build()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "f").write_text("".join(f'{{"a": {i}}}\n' if ok else "no\n\n" for i, ok in enumerate(good)))
        source = FileSource.for_record_stream_format(LineDeserializationFormat(schema), directory).build()
        first = source.create_reader(context(batch=batch))
        first.start()
        found = drain(first, polls)
        state = first.snapshot_state()
        first.close()
        second = source.create_reader(context(batch=batch))
        second.restore_state(state)
        second.start()
        found += drain(second)
        second.close()
        assert [row.a for row in found] == [i for i, ok in enumerate(good) if ok]


def test_a_message_with_a_line_end_is_no_line(tmp_path: Path) -> None:
    from millstream.common import ByteArraySchema

    encoder = LineSerializationEncoder(ByteArraySchema())
    assert encoder.encode(b"a") == b"a\n"
    with pytest.raises(ValueError, match="has a line end in it"):
        encoder.encode(b"a\nb")
    odd: Any = 5
    with pytest.raises(TypeError, match="takes a SerializationSchema"):
        LineSerializationEncoder(odd)
    with pytest.raises(TypeError, match="takes a DeserializationSchema"):
        LineDeserializationFormat(odd)
    (tmp_path / "f").write_text("no json\n")
    schema = JsonRowDeserializationSchema.builder().type_info(Types.ROW_NAMED(["a"], [Types.INT()])).build()
    with pytest.raises(ValueError, match=r"file '.*/f': the JSON message b'no json' cannot be read"):
        stream(LineDeserializationFormat(schema), tmp_path)
