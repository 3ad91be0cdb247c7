"""Packs the entries of one state and one key group into a segment of the canonical format.

What columns there are is decided by the values themselves, with a few calls that run in C for all of them: declared
types say what values should be, and a snapshot has to hold what they are.

Taking objects apart must not lose that two places of a value hold the same object. So where a record that can change
is inside others, it is taken apart only as long as there is no second place that refers to it; else the values are
pickled as they are. (That two keys hold the same object is not kept: each key has its own.)
"""

from __future__ import annotations

import io
import pickle
import struct
import weakref
from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, Final

import cloudpickle

from millstream.common.errors import MillstreamError
from millstream.common.typeinfo import TypeInformation
from millstream.common.types import Row
from millstream.common.types.row_kind import RowKind
from millstream.datastream.window.time_window import TimeWindow
from millstream.taskmanager.network.columns.column import MISFIT, ChunkWriter
from millstream.taskmanager.network.columns.number_columns import FloatColumn, IntegerColumn
from millstream.taskmanager.network.columns.text_columns import TextColumn
from millstream.taskmanager.state.canonical_format import TIMERS, RecordSchema, StateMeta, Tag
from millstream.taskmanager.state.record_classes import DATACLASS, field_getter, import_class, record_kind
from millstream.taskmanager.state.state_pickle import dump_state
from millstream.taskmanager.state.type_form import TypeForm, class_name, form_of

__all__ = ["ROW", "SegmentEncoder"]

ROW: Final = "row"
_NONE: Final = type(None)
_ATOMS: Final = frozenset({str, int, float, bytes, bool, tuple, _NONE})
_LONG_VALUE: Final = 256  # bytes: hashing longer ones costs more than it saves
_start_of: Final = attrgetter("start")
_end_of: Final = attrgetter("end")
_DEEPEST: Final = 8
"""So many records inside one another are taken apart; a list linked by its nodes is not."""


class _SharedError(Exception):
    """A record that was taken apart comes up in a second place."""


class SegmentEncoder:
    """Makes segments of one state.

    :ivar schemas: of the records in the segments so far, by id.
    """

    def __init__(self, meta: StateMeta) -> None:
        self.schemas: dict[bytes, RecordSchema] = {}
        self._meta = meta
        self._ids: dict[Hashable, bytes] = {}
        self._apart: dict[type, tuple[str, bytes, Callable[[Sequence[Any]], list[list[Any]] | None]] | None] = {}
        self._integers = IntegerColumn(checked=False, bits=None)
        self._floats = FloatColumn(checked=False, single=False)
        self._texts = TextColumn(checked=False)

    def encode(
        self, namespaces: Sequence[Hashable], counts: Sequence[int], keys: list[Any], values: list[Any]
    ) -> list[bytes]:
        """Return a segment, in parts.

        :param counts: how many of the entries belong to each namespace.
        :raises MillstreamError: a key, namespace or value cannot be pickled; it names which.
        :raises struct.error: there is too much for one segment.
        """
        try:
            return self._encode(namespaces, counts, keys, values, _Pool(), whole=False)
        except _SharedError:
            return self._encode(namespaces, counts, keys, values, _Pool(), whole=True)

    def _encode(
        self,
        namespaces: Sequence[Hashable],
        counts: Sequence[int],
        keys: list[Any],
        values: list[Any],
        pool: _Pool,
        *,
        whole: bool,
    ) -> list[bytes]:
        out = ChunkWriter()
        if len(namespaces) == 1 and namespaces[0] is None:
            out.add(Tag.NOTHING, b"")
        else:
            if not self._pack_windows(namespaces, out):
                self._pack_pooled(list(namespaces), pool, out)
            self._pack_numbers(Tag.INTEGERS, self._integers, counts, out)
        self._pack_keys(keys, pool, out)
        if whole:
            self._pack_pooled(values, pool, out)
        else:
            self._pack_state(values, pool, out)
        try:
            pooled = pool.dump()
        except _SharedError:
            raise
        except Exception as error:
            raise self._unpicklable(namespaces, keys, values, error) from error
        return [struct.pack("<Q", len(pooled)), pooled, out.finish(0, len(keys))]

    def _pack_keys(self, keys: list[Any], pool: _Pool, out: ChunkWriter) -> None:
        if self._meta.kind == TIMERS and self._meta.namespaced:
            out.add(Tag.PAIRS, b"")
            self._pack(list(map(itemgetter(0), keys)), pool, out, records=False)
            keys = list(map(itemgetter(1), keys))
            if self._pack_windows(keys, out):
                return
        self._pack(keys, pool, out, records=False)

    def _pack_state(self, values: list[Any], pool: _Pool, out: ChunkWriter) -> None:
        kind, form = self._meta.kind, self._meta.value_type
        if kind == "list" and set(map(type, values)) == {list}:
            out.add(Tag.LISTS, b"")
            self._pack_lengths(values, out)
            inner = form.fields[0][1] if form.kind == "LIST" else None
            self._pack_stamped(list(chain.from_iterable(values)), inner, pool, out)
        elif kind == "map" and set(map(type, values)) == {dict}:
            out.add(Tag.MAPS, b"")
            self._pack_lengths(values, out)
            self._pack(list(chain.from_iterable(values)), pool, out, records=False)
            inner = form.fields[1][1] if form.kind == "MAP" else None
            self._pack_stamped(list(chain.from_iterable(map(dict.values, values))), inner, pool, out)
        else:
            self._pack_stamped(values, form, pool, out)

    def _pack_stamped(self, values: list[Any], form: TypeForm | None, pool: _Pool, out: ChunkWriter) -> None:
        if self._meta.expires and set(map(type, values)) == {tuple} and set(map(len, values)) == {2}:
            out.add(Tag.PAIRS, b"")
            self._pack(list(map(itemgetter(0), values)), pool, out, form)
            self._pack(list(map(itemgetter(1), values)), pool, out)
        else:
            self._pack(values, pool, out, form)

    def _pack_lengths(self, values: list[Any], out: ChunkWriter) -> None:
        self._pack_numbers(Tag.INTEGERS, self._integers, list(map(len, values)), out)

    def _pack(
        self,
        values: list[Any],
        pool: _Pool,
        out: ChunkWriter,
        form: TypeForm | None = None,
        depth: int = 0,
        *,
        records: bool = True,
    ) -> None:
        kinds = set(map(type, values))
        if _NONE in kinds:
            if len(kinds) == 1:
                out.add(Tag.NOTHING, b"")
                return
            kinds.discard(_NONE)
            if len(kinds) == 1 and self._is_packed(next(iter(kinds)), records=records):
                out.add(Tag.NULLABLE, bytes([value is not None for value in values]))
                values = [value for value in values if value is not None]
            else:
                kinds.clear()
        if len(kinds) == 1:
            (kind,) = kinds
            if kind is int:
                packed = self._pack_numbers(Tag.INTEGERS, self._integers, values, out)
            elif kind is float:
                packed = self._pack_numbers(Tag.FLOATS, self._floats, values, out)
            elif kind is str:
                packed = self._pack_numbers(Tag.TEXTS, self._texts, values, out)
            elif records and kind is Row:
                packed = self._pack_rows(values, pool, out, form, depth)
            elif records and kind not in _ATOMS:
                packed = self._pack_records(kind, values, pool, out, form, depth)
            else:
                packed = False
            if packed:
                return
        self._pack_pooled(values, pool, out)

    def _is_packed(self, kind: type, *, records: bool) -> bool:
        return kind in (int, float, str) or (records and (kind is Row or self._taken_apart(kind, None) is not None))

    @staticmethod
    def _pack_numbers(tag: int, column: Any, values: Sequence[Any], out: ChunkWriter) -> bool:
        mark = out.mark()
        out.add(tag, b"")
        try:
            column.pack_dense(values, out, 0)
        except MISFIT:  # say, an int with more digits than Python writes as text
            out.undo(mark)
            return False
        return True

    def _pack_windows(self, values: Sequence[Any], out: ChunkWriter) -> bool:
        if set(map(type, values)) != {TimeWindow}:
            return False
        mark = out.mark()
        out.add(Tag.WINDOWS, b"")
        for bounds in (list(map(_start_of, values)), list(map(_end_of, values))):
            if not self._pack_numbers(Tag.INTEGERS, self._integers, bounds, out):
                out.undo(mark)
                return False
        return True

    @staticmethod
    def _pack_pooled(values: list[Any], pool: _Pool, out: ChunkWriter) -> None:
        out.add(Tag.POOL, struct.pack("<I", pool.add(values)))

    # ------------------------------------------------------------------------------------------------ records

    def _taken_apart(
        self, cls: type, form: TypeForm | None
    ) -> tuple[str, bytes, Callable[[Sequence[Any]], list[list[Any]] | None]] | None:
        try:
            return self._apart[cls]
        except KeyError:
            pass
        kind = record_kind(cls)
        if kind is None:
            self._apart[cls] = None
            return None
        schema = _schema_of(cls, kind, form)
        id_ = schema.identify()
        self.schemas[id_] = schema
        found = self._apart[cls] = kind, id_, field_getter(cls, kind, schema.names)
        return found

    def _pack_records(
        self, cls: type, values: list[Any], pool: _Pool, out: ChunkWriter, form: TypeForm | None, depth: int
    ) -> bool:
        apart = self._taken_apart(cls, form)
        if apart is None or depth == _DEEPEST:
            return False
        kind, id_, fields_of = apart
        columns = fields_of(values)
        if columns is None:
            return False
        pool.claim(values, alone=depth > 0 and kind == DATACLASS and not _is_frozen(cls))
        out.add(Tag.RECORDS, id_)
        for column in columns:
            self._pack(column, pool, out, None, depth + 1)
        return True

    def _pack_rows(self, values: list[Any], pool: _Pool, out: ChunkWriter, form: TypeForm | None, depth: int) -> bool:
        names = values[0]._names
        size = len(values[0]._values)
        if depth == _DEEPEST or not size:
            return False
        if any(row._names != names or len(row._values) != size for row in values):
            return False
        id_ = self._row_schema(names, size, form)
        pool.claim(values, alone=depth > 0)
        row_kinds = [row._row_kind for row in values]
        inserts = row_kinds.count(RowKind.INSERT) == len(row_kinds)
        out.add(Tag.RECORDS, id_ if inserts else id_ + bytes([kind.value for kind in row_kinds]))
        for column in zip(*[row._values for row in values], strict=True):
            self._pack(list(column), pool, out, None, depth + 1)
        return True

    def _row_schema(self, names: tuple[str, ...] | None, size: int, form: TypeForm | None) -> bytes:
        declared = dict(form.fields) if form is not None and form.kind == "ROW" else {}
        id_ = self._ids.get((names, size, tuple(declared)))
        if id_ is None:
            shown = names
            if shown is None:
                shown = tuple(declared) if len(declared) == size else tuple(f"f{index}" for index in range(size))
            any_object = form_of(None)
            types = tuple(declared.get(name, any_object) for name in shown)
            schema = RecordSchema(ROW, "", "", shown, types, positional=names is None)
            id_ = self._ids[names, size, tuple(declared)] = schema.identify()
            self.schemas[id_] = schema
        return id_

    # ------------------------------------------------------------------------------------------------ failures

    def _unpicklable(
        self, namespaces: Sequence[Hashable], keys: list[Any], values: list[Any], error: Exception
    ) -> MillstreamError:
        where = f"state {self._meta.name!r}"
        for namespace in namespaces:
            if not _can_be_pickled(namespace):
                where = f"the namespace {_shown(namespace)} of {where}"
                break
        else:
            for key, value in zip(keys, values, strict=True):
                if not _can_be_pickled(key):
                    where = f"the key {_shown(key)} of {where}"
                    break
                if not _can_be_pickled(value):
                    where = f"the value of {where} for the key {_shown(key)}"
                    break
        return MillstreamError(
            f"{where} cannot be pickled ({type(error).__name__}: {error}); keep in state only what can be, and make "
            "the rest anew in open()"
        )


class _Pool:
    """What is pickled of a segment, and what must not come up in it, since it was taken apart."""

    __slots__ = ("_alone", "_apart", "_columns")

    def __init__(self) -> None:
        self._columns: list[list[Any]] = []
        self._apart: list[list[Any]] = []
        self._alone: list[list[Any]] = []

    def add(self, values: list[Any]) -> int:
        self._columns.append(values)
        return len(self._columns) - 1

    def claim(self, values: list[Any], *, alone: bool) -> None:
        """:param alone: each of them is in one place only, or it could be seen that it has become two objects."""
        (self._alone if alone else self._apart).append(values)

    def dump(self) -> bytes:
        """Return the pickle.

        :raises _SharedError: what was taken apart is in a second place.
        :raises Exception: something cannot be pickled.
        """
        if not self._columns and not self._alone:
            return b""
        plain = _pickle_plain(self._columns)
        if plain is not None and not self._alone:
            return plain
        claimed: set[int] = set()
        for values in self._apart:
            claimed.update(map(id, values))
        for values in self._alone:
            before = len(claimed)
            claimed.update(map(id, values))
            if len(claimed) != before + len(values):
                raise _SharedError
        return plain if plain is not None else _pickle(self._columns, claimed)


class _PlainPickler(pickle.Pickler):
    """Refuses everything that is not of an exact builtin type; remembers nothing."""

    def reducer_override(self, obj: Any) -> Any:
        raise _NotPlainError


class _NotPlainError(Exception):
    pass


class _CheckingPickler(pickle.Pickler):
    """Finds objects that are stored elsewhere already."""

    claimed: set[int]

    def reducer_override(self, obj: Any) -> Any:
        if id(obj) in self.claimed:
            raise _SharedError
        return NotImplemented


class _CheckingCloudPickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    claimed: set[int]

    def reducer_override(self, obj: Any) -> Any:
        if id(obj) in self.claimed:
            raise _SharedError
        return super().reducer_override(obj)


def _pickle(columns: list[list[Any]], claimed: set[int]) -> bytes:
    if not claimed:
        return dump_state(columns)
    output = io.BytesIO()
    pickler: Any = _CheckingPickler(output, 5)
    pickler.claimed = claimed
    try:
        pickler.dump(columns)
    except _SharedError:
        raise
    except Exception:  # noqa: BLE001  # as dump_state: what cannot be pickled at all fails below
        output = io.BytesIO()
        pickler = _CheckingCloudPickler(output, 5)
        pickler.claimed = claimed
        pickler.dump(columns)
    return output.getvalue()


def _pickle_plain(columns: list[list[Any]]) -> bytes | None:
    """Return the pickle of values of builtin immutable types, which takes half the time if no object is remembered."""
    # Exact, and nearly free: a list, dict, set or bytearray anywhere inside refuses to be hashed, and the pickler asks
    # about every object that is of none of the builtin types it writes by itself.
    samples = [column[0] for column in columns if column]
    if not _ATOMS.issuperset(map(type, samples)):
        return None
    if any(isinstance(sample, (str, bytes)) and len(sample) > _LONG_VALUE for sample in samples):
        return None
    try:
        hash(tuple(map(tuple, columns)))
        output = io.BytesIO()
        pickler = _PlainPickler(output, 5)
        pickler.fast = True
        pickler.dump(columns)
        return output.getvalue()
    except Exception:  # noqa: BLE001  # a user's __hash__ may raise anything; the general way decides
        return None


# Weak, so that classes that came with a job can go with it.
_schemas: weakref.WeakKeyDictionary[type, RecordSchema] = weakref.WeakKeyDictionary()


def _schema_of(cls: type, kind: str, form: TypeForm | None) -> RecordSchema:
    known = _schemas.get(cls)
    if known is None:
        own = form_of(TypeInformation.of(cls))
        importable = cls.__module__ != "__main__" and import_class(cls.__module__, cls.__qualname__) is cls
        pickled: bytes = b"" if importable else cloudpickle.dumps(cls, 5)
        names, types = zip(*own.fields, strict=True)
        known = _schemas[cls] = RecordSchema(kind, cls.__module__, cls.__qualname__, names, types, False, pickled)
    if form is None or form.name != class_name(cls) or not form.fields:
        return known
    declared = dict(form.fields)
    types = tuple(declared.get(name, own) for name, own in zip(known.names, known.types, strict=True))
    return RecordSchema(kind, known.module, known.qualname, known.names, types, False, known.pickled_class)


def _is_frozen(cls: Any) -> bool:
    return bool(cls.__dataclass_params__.frozen)


def _can_be_pickled(value: Any) -> bool:
    try:
        dump_state(value)
    except Exception:  # noqa: BLE001  # whatever it is, it is this one
        return False
    return True


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  # a user's __repr__ may raise anything
        return f"<{type(value).__qualname__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= 100 else f"{text[:97]}..."
