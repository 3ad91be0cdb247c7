"""Unpacks segments of the canonical format, for the classes and types of today.

Records come back as instances of the class that has their class's name now, or that the state's descriptor declares.
Between the fields that were stored and those of the class, the names decide: new fields have their defaults, fields
that are gone are dropped, ints become floats where the class says so. What cannot be bridged is refused by name.
"""

from __future__ import annotations

import dataclasses
import pickle
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from millstream.common.errors import StateMismatchError
from millstream.common.typeinfo import (
    CaseClassTypeInfo,
    ExternalTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    PickledBytesTypeInfo,
    PojoTypeInfo,
    RowTypeInfo,
    TypeInformation,
)
from millstream.common.types.row import new_rows
from millstream.common.types.row_kind import RowKind
from millstream.datastream.window.time_window import TimeWindow
from millstream.taskmanager.network.columns.column import MISFIT, ChunkReader
from millstream.taskmanager.network.columns.number_columns import FloatColumn, IntegerColumn
from millstream.taskmanager.network.columns.text_columns import TextColumn
from millstream.taskmanager.state.canonical_format import SCHEMA_ID_SIZE, EntryBlock, RecordSchema, StateMeta, Tag
from millstream.taskmanager.state.record_classes import NAMED_TUPLE, find_class, maker, record_kind
from millstream.taskmanager.state.type_form import (
    ANY,
    Convert,
    TypeForm,
    UnlikeTypesError,
    class_name,
    form_of,
    widening,
)

__all__ = ["SegmentDecoder"]

_Columns = list[list[Any]]
_RECORD_TYPES = (PojoTypeInfo, CaseClassTypeInfo, RowTypeInfo)


@dataclass(slots=True)
class _RecordPlan:
    """How records of one schema are made.

    :ivar converts: of the stored fields.
    :ivar make: of the stored columns, how many there are and the rows' kinds.
    """

    converts: list[Convert | None]
    make: Callable[[_Columns, int, bytes], list[Any]]


class SegmentDecoder:
    """Reads segments of one state of one file."""

    def __init__(
        self,
        meta: StateMeta,
        schemas: Mapping[bytes, RecordSchema],
        type_info: TypeInformation | None,
        source: str,
    ) -> None:
        """
        :param type_info: the type that the state is declared with now; ``None``: none.
        :param source: the file, for messages.
        :raises StateMismatchError: values of the old type cannot become values of this one.
        """
        self._meta = meta
        self._schemas = schemas
        self._source = source
        self._plans: dict[tuple[bytes, TypeInformation | None], _RecordPlan] = {}
        self._integers = IntegerColumn(checked=False, bits=None)
        self._floats = FloatColumn(checked=False, single=False)
        self._texts = TextColumn(checked=False)
        old, new = meta.value_type, form_of(type_info)
        try:
            # Lists and maps are looked at element by element, so that the message can say so.
            self._whole = widening(old, new)
        except UnlikeTypesError as error:
            raise self._refused(error) from None
        self._key_convert = self._convert = self._whole
        if meta.kind == "list" and isinstance(type_info, ListTypeInfo):
            type_info = type_info.elem_type
            old, new, self._convert = self._inner(old, new, 0)
        elif meta.kind == "map" and isinstance(type_info, MapTypeInfo):
            type_info = type_info.get_value_type_info()
            _, _, self._key_convert = self._inner(old, new, 0)
            old, new, self._convert = self._inner(old, new, 1)
        # Nobody checks what is put into state: where the declaration is what it was, what was stored comes back.
        self._type = None if old == new and not isinstance(type_info, _RECORD_TYPES) else type_info
        self._same_name = bool(old.name) and old.name == new.name

    def _inner(self, old: TypeForm, new: TypeForm, position: int) -> tuple[TypeForm, TypeForm, Convert | None]:
        before, after = old.fields[position][1] if old.fields else ANY, new.fields[position][1]
        return before, after, widening(before, after)

    def decode(self, segment: bytes | memoryview) -> Iterator[EntryBlock]:
        """Unpack a segment, namespace by namespace.

        :raises StateMismatchError: classes are missing, refuse, or have changed in a way that cannot be bridged.
        """
        try:
            namespaces, counts, keys, values = self._unpack(memoryview(segment))
        except (*MISFIT, IndexError, KeyError) as error:
            raise StateMismatchError(
                f"state {self._meta.name!r} in {self._source} cannot be read: {type(error).__name__}: {error}"
            ) from error
        name = self._meta.name
        if len(namespaces) == 1:
            yield EntryBlock(name, namespaces[0], keys, values)
            return
        each_key, each_value = iter(keys), iter(values)
        for namespace, count in zip(namespaces, counts, strict=True):
            yield EntryBlock(name, namespace, list(islice(each_key, count)), list(islice(each_value, count)))

    def _unpack(self, segment: memoryview) -> tuple[list[Any], Sequence[int], list[Any], list[Any]]:
        (size,) = struct.unpack_from("<Q", segment)
        pool = self._unpickle(segment[8 : 8 + size]) if size else []
        chunks = ChunkReader(segment[8 + size :])
        count = chunks.count
        namespaces: list[Any] = [None]
        counts: Sequence[int] = [count]
        if chunks.peek() == Tag.NOTHING:
            chunks.take()
        else:
            namespaces = self._take(chunks, pool, 0, None, None)
            counts = self._take(chunks, pool, len(namespaces), None, None)
        keys = self._take_keys(chunks, pool, count)
        values = self._take_state(chunks, pool, count)
        if not len(keys) == len(values) == count == sum(counts):
            raise ValueError(f"{count} entries have {len(keys)} keys and {len(values)} values")
        return namespaces, counts, keys, values

    def _take_keys(self, chunks: ChunkReader, pool: _Columns, count: int) -> list[Any]:
        if chunks.peek() != Tag.PAIRS:
            return self._take(chunks, pool, count, None, None)
        chunks.take()
        keys = self._take(chunks, pool, count, None, None)
        return list(zip(keys, self._take(chunks, pool, count, None, None), strict=True))

    def _take_state(self, chunks: ChunkReader, pool: _Columns, count: int) -> list[Any]:
        tag = chunks.peek()
        if tag == Tag.LISTS:
            chunks.take()
            lengths = self._take(chunks, pool, count, None, None)
            elements = iter(self._take_stamped(chunks, pool, sum(lengths)))
            return [list(islice(elements, length)) for length in lengths]
        if tag == Tag.MAPS:
            chunks.take()
            lengths = self._take(chunks, pool, count, None, None)
            total = sum(lengths)
            keys = self._take(chunks, pool, total, None, self._key_convert)
            values = self._take_stamped(chunks, pool, total)
            pairs = zip(keys, values, strict=True)
            return [dict(islice(pairs, length)) for length in lengths]
        if self._meta.kind in ("list", "map"):  # not lists or dicts only: they are in the pool as they were
            return self._take(chunks, pool, count, None, self._whole)
        return self._take_stamped(chunks, pool, count)

    def _take_stamped(self, chunks: ChunkReader, pool: _Columns, count: int) -> list[Any]:
        if chunks.peek() != Tag.PAIRS:
            return self._take(chunks, pool, count, self._type, self._convert)
        chunks.take()
        values = self._take(chunks, pool, count, self._type, self._convert)
        return list(zip(values, self._take(chunks, pool, count, None, None), strict=True))

    def _take(
        self,
        chunks: ChunkReader,
        pool: _Columns,
        count: int,
        type_info: TypeInformation | None,
        convert: Convert | None,
    ) -> list[Any]:
        tag, chunk = chunks.take()
        if tag == Tag.RECORDS:
            return self._take_records(chunks, pool, count, chunk, type_info)
        if tag == Tag.NULLABLE:
            there = bytes(chunk)
            dense = iter(self._take(chunks, pool, sum(there), type_info, convert))
            return [next(dense) if here else None for here in there]
        if tag == Tag.NOTHING:
            return [None] * count
        if tag == Tag.POOL:
            values = pool[struct.unpack("<I", chunk)[0]]
        elif tag == Tag.INTEGERS:
            values = list(self._integers.unpack_dense(chunks, count))
        elif tag == Tag.FLOATS:
            values = list(self._floats.unpack_dense(chunks, count))
        elif tag == Tag.TEXTS:
            values = list(self._texts.unpack_dense(chunks, count))
        elif tag == Tag.WINDOWS:
            starts = self._take(chunks, pool, count, None, None)
            values = list(map(TimeWindow, starts, self._take(chunks, pool, count, None, None)))
        else:
            raise ValueError(f"there are columns of a kind ({tag}) that this version does not know")
        return values if convert is None else list(map(convert, values))

    def _unpickle(self, data: memoryview) -> _Columns:
        try:
            columns: _Columns = pickle.loads(data)  # the job's own snapshot
        except Exception as error:
            raise StateMismatchError(
                f"values of state {self._meta.name!r} in {self._source} cannot be unpickled: {type(error).__name__}: "
                f"{error}; the classes of what is in state must be importable under the names that they had: ship "
                "their modules with the job (env.add_python_file), or move the classes back"
            ) from error
        return columns

    # ------------------------------------------------------------------------------------------------ records

    def _take_records(
        self, chunks: ChunkReader, pool: _Columns, count: int, chunk: memoryview, type_info: TypeInformation | None
    ) -> list[Any]:
        id_ = bytes(chunk[:SCHEMA_ID_SIZE])
        plan = self._plans.get((id_, type_info))
        if plan is None:
            plan = self._plans[id_, type_info] = self._plan(self._schemas[id_], type_info)
        # Records inside records are what their own class says now: an annotation is no more than a hint.
        columns = [self._take(chunks, pool, count, None, convert) for convert in plan.converts]
        return plan.make(columns, count, bytes(chunk[SCHEMA_ID_SIZE:]))

    def _plan(self, schema: RecordSchema, type_info: TypeInformation | None) -> _RecordPlan:
        if isinstance(type_info, ExternalTypeInfo):
            return self._plan(schema, type_info.get_type_info())
        if isinstance(type_info, PickledBytesTypeInfo):
            type_info = None
        if not schema.module:
            return self._plan_of_rows(schema, type_info)
        if type_info is not None and not isinstance(type_info, (PojoTypeInfo, CaseClassTypeInfo)):
            raise self._error(f"it holds a {schema}, and is declared as {type_info} now")
        declared = None if type_info is None else type_info.get_type_class()
        cls = self._class_of(schema, declared)
        now = type_info if type_info is not None and cls is declared else TypeInformation.of(cls)
        if not isinstance(now, (PojoTypeInfo, CaseClassTypeInfo)) or record_kind(cls) != schema.kind:
            raise self._error(
                f"it holds a {schema}, and {class_name(cls)} is not a {schema.kind} of plain fields any more; "
                "keep the class as it was and convert the values in the program"
            )
        new_fields = dict(zip(now.get_field_names(), now.get_field_types(), strict=True))
        added = [name for name in new_fields if name not in schema.names]
        defaults = [_default_of(cls, name) for name in added]
        for name, default in zip(added, defaults, strict=True):
            if default is None:
                raise self._error(
                    f"the field {name!r} of {class_name(cls)} is new and has no default, so that the values stored "
                    f"before cannot have it; give it one ({name}: ... = ...)"
                )
        kept = [name for name in schema.names if name in new_fields]
        make = maker(cls, schema.kind, list(new_fields) if schema.kind == NAMED_TUPLE else [*kept, *added])
        positions = {name: schema.names.index(name) for name in kept}

        def build(columns: _Columns, count: int, _: bytes) -> list[Any]:
            of_name = {name: columns[position] for name, position in positions.items()}
            for name, default in zip(added, defaults, strict=True):
                assert default is not None
                of_name[name] = [default() for _ in range(count)]
            if schema.kind == NAMED_TUPLE:
                return make([of_name[name] for name in new_fields], count)
            return make(list(of_name.values()), count)

        types: list[TypeInformation | None] = [new_fields.get(name) for name in schema.names]
        return _RecordPlan(self._field_converts(schema, types), build)

    def _class_of(self, schema: RecordSchema, declared: type | None) -> type:
        if declared is not None and class_name(declared) == f"{schema.module}.{schema.qualname}":
            return declared
        found = find_class(schema.module, schema.qualname)
        if declared is not None:
            as_before = found is not None and (self._same_name or issubclass(found, declared))
            return found if found is not None and as_before else declared
        if found is None and schema.pickled_class:
            try:
                found = pickle.loads(schema.pickled_class)  # the job's own snapshot
            except Exception as error:
                raise self._error(f"{schema} cannot be loaded: {type(error).__name__}: {error}") from error
        if found is None:
            raise self._error(
                f"it holds a {schema}, and there is no such class now; ship its module with the job "
                "(env.add_python_file), or declare the class that takes its place in the state's descriptor"
            )
        return found

    def _plan_of_rows(self, schema: RecordSchema, type_info: TypeInformation | None) -> _RecordPlan:
        if type_info is not None and not isinstance(type_info, RowTypeInfo):
            raise self._error(f"it holds rows, and is declared as {type_info} now")
        names = schema.names
        types: list[TypeInformation | None] = [None] * len(names)
        stored: dict[str, int] = {name: position for position, name in enumerate(names)}
        if type_info is not None:
            names = tuple(type_info.get_field_names())
            if schema.positional and len(names) == len(schema.names) and not set(names) & set(schema.names):
                stored = {name: position for position, name in enumerate(names)}  # it had positions only
            new = dict(zip(names, type_info.get_field_types(), strict=True))
            of_position = {position: name for name, position in stored.items()}
            types = [new.get(of_position[position]) for position in range(len(schema.names))]
        positions = [stored.get(name) for name in names]
        shown: Any = None if schema.positional else names

        def build(columns: _Columns, count: int, kinds: bytes) -> list[Any]:
            chosen = [[None] * count if position is None else columns[position] for position in positions]
            values: Any = map(list, zip(*chosen, strict=True)) if chosen else ([] for _ in range(count))
            return new_rows(shown, values, list(map(RowKind, kinds)) if kinds else None)

        return _RecordPlan(self._field_converts(schema, types), build)

    def _field_converts(self, schema: RecordSchema, types: Sequence[TypeInformation | None]) -> list[Convert | None]:
        converts = []
        for name, old, type_info in zip(schema.names, schema.types, types, strict=True):
            try:
                converts.append(widening(old, ANY if type_info is None else form_of(type_info)))
            except UnlikeTypesError as error:
                inside = "".join(f".{part}" for part in error.path)
                raise self._error(
                    f"the field {name + inside!r} of {schema} was {error.old} and is {error.new} now, and the one does "
                    "not become the other; give the new field another name, and convert in the program"
                ) from None
        return converts

    def _refused(self, error: UnlikeTypesError) -> StateMismatchError:
        inside = f" (in it {'.'.join(error.path)}: {error.old} and {error.new})" if error.path else ""
        return self._error(
            f"it was declared as {self._meta.value_type} and is declared differently now{inside}: {error}; give the "
            "state another name, and convert in the program"
        )

    def _error(self, text: str) -> StateMismatchError:
        return StateMismatchError(f"state {self._meta.name!r} cannot be restored from {self._source}: {text}")


def _default_of(cls: Any, name: str) -> Callable[[], Any] | None:
    """Return what makes the value of a field that was not stored; ``None``: it has no default."""
    if issubclass(cls, tuple):
        if name not in cls._field_defaults:
            return None
        default = cls._field_defaults[name]
        return lambda: default
    (field,) = [each for each in dataclasses.fields(cls) if each.name == name]
    # A class of a script, sent by value, brings a marker of its own for what is missing: its type is the same.
    missing = type(dataclasses.MISSING)
    factory: Any = field.default_factory
    if not isinstance(factory, missing):
        made: Callable[[], Any] = factory
        return made
    return None if isinstance(field.default, missing) else lambda: field.default
