"""Values of options: their syntax, and that what is written reads the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import (
    ConfigOption,
    OptionTemplate,
    format_duration,
    format_memory_size,
    parse_duration,
    parse_memory_size,
    parse_port_range,
)
from millstream.common.config.collection_kind import MAP, STRING_LIST, list_of
from millstream.common.config.duration import DURATION_IN_SECONDS
from millstream.common.config.registry import OPTIONS_CLASSES, options_of, templates_of
from millstream.common.config.value_kind import BOOLEAN, FRACTION, STRING, FloatKind, IntegerKind, one_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 s", timedelta(seconds=10)),
        ("3s", timedelta(seconds=3)),
        (" 1min ", timedelta(minutes=1)),
        ("5 MINUTES", timedelta(minutes=5)),
        ("2 hours", timedelta(hours=2)),
        ("1 d", timedelta(days=1)),
        ("7500 ms", timedelta(milliseconds=7500)),
        ("10000", timedelta(seconds=10)),
        ("3 µs", timedelta(microseconds=3)),
        ("5000 ns", timedelta(microseconds=5)),
        ("9223372036854775807", timedelta.max),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "s", "1.5 s", "-1 s", "PT10S", "10 lightyears", "1 s 2 ms", "10 ns", "1 0 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is"):
        parse_duration(text)


def test_a_bare_number_may_stand_for_seconds() -> None:
    assert DURATION_IN_SECONDS.parse("3600") == timedelta(hours=1)


@given(st.timedeltas(min_value=timedelta(0)))
def test_a_duration_reads_as_it_was_written(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32 kb", 32768),
        ("32kb", 32768),
        ("1g", 1 << 30),
        ("1024m", 1 << 30),
        ("0", 0),
        ("512", 512),
        ("10485760b", 10485760),
    ],
)
def test_a_memory_size_is_a_number_and_a_unit(text: str, expected: int) -> None:
    assert parse_memory_size(text) == expected


@pytest.mark.parametrize("text", ["", "kb", "1.5 kb", "-1 kb", "32 qb", "3 2 kb"])
def test_what_is_no_memory_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a memory size"):
        parse_memory_size(text)


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_memory_size_reads_as_it_was_written(value: int) -> None:
    assert parse_memory_size(format_memory_size(value)) == value


def test_a_port_range_lists_its_ports_in_the_order_written() -> None:
    assert parse_port_range("9249") == [9249]
    assert parse_port_range("50102-50104,50100") == [50102, 50103, 50104, 50100]


@pytest.mark.parametrize("text", ["", "x", "70000", "5-3", "1-2-3", "-1", "1,"])
def test_what_is_no_port_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_port_range(text)


def test_a_list_keeps_quoted_separators_together() -> None:
    assert STRING_LIST.parse("a; b ;'c;d';'it''s'") == ["a", "b", "c;d", "it's"]
    assert STRING_LIST.parse("  ") == []
    assert list_of(STRING, ",;").parse("a.py,b.py;c.py") == ["a.py", "b.py", "c.py"]


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="quote"):
        STRING_LIST.parse("'a;b")


def test_a_map_splits_at_the_first_colon() -> None:
    assert MAP.parse("a:1,url:http://x, b : 'x,y'") == {"a": "1", "url": "http://x", "b": "x,y"}
    with pytest.raises(ValueError, match="not a pair"):
        MAP.parse("a")


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))


@given(st.lists(_TEXT))
def test_a_list_reads_as_it_was_written(value: list[str]) -> None:
    assert STRING_LIST.parse(STRING_LIST.format(value)) == value


@given(st.dictionaries(_TEXT, _TEXT))
def test_a_map_reads_as_it_was_written(value: dict[str, str]) -> None:
    assert MAP.parse(MAP.format(value)) == value


def test_enums_ignore_case_and_know_aliases() -> None:
    kind = one_of("none", "fixed-delay", off="none")
    assert kind.parse("Fixed_Delay") == "fixed-delay"
    assert kind.parse("OFF") == "none"
    with pytest.raises(ValueError, match="not among"):
        kind.parse("maybe")


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (BOOLEAN, "yes"),
        (IntegerKind(0, 10), "11"),
        (IntegerKind(0), "-1"),
        (IntegerKind(), "1.0"),
        (FRACTION, "1.1"),
        (FloatKind(), "nan"),
        (FloatKind(), "inf"),
    ],
)
def test_values_out_of_bounds_are_refused(kind: Any, bad: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        kind.parse(bad)


def test_every_default_is_a_possible_value() -> None:
    for options_class in OPTIONS_CLASSES:
        entries: list[ConfigOption[Any] | OptionTemplate[Any]] = [
            *options_of(options_class),
            *templates_of(options_class),
        ]
        for entry in entries:
            if entry.default is not None:
                assert entry.kind.parse(entry.kind.format(entry.default)) == entry.default, entry.key
