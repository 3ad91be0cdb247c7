"""Entries of a state from a table: Arrow's values as the objects that a state's type declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from millstream.common.errors import MillstreamError
from millstream.common.typeinfo import (
    CaseClassTypeInfo,
    ExternalTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    PojoTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
)
from millstream.common.types.row import Row
from millstream.state_processor.state_row import StateRow

__all__ = ["as_rows"]

_Convert = Callable[[Any], Any]


def as_rows(
    entries: Iterable[Any], key_type: TypeInformation | None, value_type: TypeInformation | None
) -> Iterator[StateRow]:
    """The entries that a user gave.

    :param entries: :class:`StateRow`, pairs of key and value, or anything that gives Arrow's batches (a table, a
        reader, DuckDB's result) with the columns ``key``, ``value`` and perhaps ``written_ms``.
    :param value_type: as a state's descriptor has it.
    :raises MillstreamError: an entry is none of these.
    """
    if hasattr(entries, "__arrow_c_stream__"):
        yield from _rows_of_batches(pa.RecordBatchReader.from_stream(entries), key_type, value_type)
        return
    for entry in entries:
        if isinstance(entry, StateRow):
            yield entry
        elif isinstance(entry, tuple) and len(entry) == 2:
            yield StateRow(*entry)
        else:
            raise MillstreamError(f"an entry of a state is a pair of key and value, or a StateRow, not {entry!r:.200}")


def _rows_of_batches(
    batches: pa.RecordBatchReader, key_type: TypeInformation | None, value_type: TypeInformation | None
) -> Iterator[StateRow]:
    names = batches.schema.names
    if "value" not in names or "key" not in names:
        raise MillstreamError(f"a table of a state has the columns key and value, not {', '.join(names) or 'none'}")
    if "namespace" in names:
        raise MillstreamError("state that belongs to windows is written from StateRow objects, not from a table")
    of_key, of_value = _converter(key_type), _converter(value_type)
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in ("key", "value")]
        stamps = batch.column("written_ms").to_pylist() if "written_ms" in names else [None] * len(batch)
        for key, value, stamp in zip(*columns, stamps, strict=True):
            yield StateRow(of_key(key), of_value(value), None, stamp)


def _converter(type_info: TypeInformation | None) -> _Convert:
    """What makes the objects of a type of what pyarrow gives: dicts for structs, pairs for maps."""
    if isinstance(type_info, ExternalTypeInfo):
        return _converter(type_info.get_type_info())
    if isinstance(type_info, ListTypeInfo):
        of_item = _converter(type_info.elem_type)
        return _unless_none(lambda value: [of_item(item) for item in value])
    if isinstance(type_info, MapTypeInfo):
        of_key, of_item = _converter(type_info.get_key_type_info()), _converter(type_info.get_value_type_info())
        return _unless_none(lambda value: {of_key(key): of_item(item) for key, item in dict(value).items()})
    if isinstance(type_info, TupleTypeInfo):
        each = [_converter(field) for field in type_info.get_field_types()]
        return _unless_none(
            lambda value: tuple(convert(item) for convert, item in zip(each, value.values(), strict=True))
        )
    if isinstance(type_info, (RowTypeInfo, PojoTypeInfo, CaseClassTypeInfo)):
        types = zip(type_info.get_field_names(), type_info.get_field_types(), strict=True)
        fields = {name: _converter(field) for name, field in types}
        make: Callable[..., Any] = Row if isinstance(type_info, RowTypeInfo) else type_info.get_type_class()
        return _unless_none(lambda value: make(**{name: convert(value[name]) for name, convert in fields.items()}))
    return _same


def _unless_none(convert: _Convert) -> _Convert:
    return lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value
