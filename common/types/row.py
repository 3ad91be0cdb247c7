"""A record with fields, by position or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, cast

from millstream.common.types.row_kind import RowKind

__all__ = ["Row", "new_row", "new_rows", "values_by_name"]

_INSERT = RowKind.INSERT
_INTERNAL = frozenset({"_fields", "_names", "_row_kind", "_values"})


class _Storage:
    """What a row holds. Without :class:`Row`'s guard against new attributes, so that it is quick to fill."""

    __slots__ = ("_names", "_row_kind", "_values")

    _names: tuple[str, ...] | None
    _row_kind: RowKind
    _values: list[Any]


class _NoSuchField(KeyError, ValueError):
    """Programs expect the one or the other."""

    def __str__(self) -> str:
        return str(self.args[0])


class Row(_Storage):
    """A record with fields.

    ``Row(1, "a")`` has positions only, ``Row(id=1, name="a")`` has names too. ``Row("id", "name")`` called with
    values makes rows with these names: ``Person = Row("id", "name"); Person(1, "a")``.

    Two rows are equal when their kinds and their values are: by name where both have names, whatever the order of the
    fields, by position where neither has. Rows are hashable when their values are.
    """

    __slots__ = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("Can not use both args and kwargs to create Row: it has values by position or by name")
        _set_names(self, tuple(kwargs) if kwargs else None)
        _set_values(self, list(kwargs.values()) if kwargs else list(args))
        _set_kind(self, _INSERT)

    @staticmethod
    def of_kind(row_kind: RowKind, *args: Any, **kwargs: Any) -> Row:
        """Return a row of the given kind."""
        row = Row(*args, **kwargs)
        row.set_row_kind(row_kind)
        return row

    def as_dict(self, recursive: bool = False) -> dict[str, Any]:
        """Return the fields by name.

        :param recursive: rows inside rows, lists and dicts become dicts too.
        :raises TypeError: the row has no names.
        """
        if self._names is None:
            raise TypeError("Cannot convert a Row without field names into a dict")
        if not recursive:
            return dict(zip(self._names, self._values, strict=False))
        return dict(zip(self._names, map(_as_plain, self._values), strict=False))

    def get_row_kind(self) -> RowKind:
        return self._row_kind

    def set_row_kind(self, row_kind: RowKind) -> None:
        _set_kind(self, row_kind)

    def set_field_names(self, field_names: Sequence[str]) -> None:
        """Name the fields.

        :raises ValueError: there are more or fewer names than fields, or a name comes twice.
        """
        names = tuple(field_names)
        if len(names) != len(self._values):
            raise ValueError(f"{len(names)} names for a Row of {len(self._values)} fields")
        if len(set(names)) != len(names):
            raise ValueError(f"a name comes twice in {names}")
        _set_names(self, names)

    def get_field_names(self) -> list[str] | None:
        """The names, ``None`` if the row has none."""
        return None if self._names is None else list(self._names)

    def get_fields_by_names(self, names: Sequence[str]) -> list[Any]:
        """Return the values of these fields, in this order; all values if the row has no names.

        :raises ValueError: there is no field of one of the names.
        """
        own = self._names
        if own is None or tuple(names) == own:
            return self._values
        missing = [name for name in names if name not in own]
        if missing:
            raise ValueError(f"Field names {missing} not exist in {list(own)}.")
        return [self._values[own.index(name)] for name in names]

    @property
    def _fields(self) -> list[str]:
        # Programs ask hasattr(row, "_fields") for whether it has names.
        if self._names is None:
            raise AttributeError("_fields")
        return list(self._names)

    def __call__(self, *args: Any) -> Row:
        """Return a row of these values whose names are this row's values."""
        if len(args) > len(self._values):
            raise ValueError(
                f"Can not create Row with fields {self!r}, expected {len(self._values)} values but got {args}"
            )
        return new_row(tuple(self._values[: len(args)]), list(args), self._row_kind)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, slice)):
            return self._values[item]
        return self._values[self._index(item)]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, (int, slice)):
            self._values[key] = value
        else:
            self._values[self._index(key)] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[self._index(name)]
        except _NoSuchField as error:
            raise AttributeError(str(error)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_fields":
            _set_names(self, tuple(value))
        elif name in _INTERNAL:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"cannot set {name!r}: a Row's fields are set by row[{name!r}] = ...")

    def _index(self, name: Any) -> int:
        names = self._names
        if names is not None:
            try:
                return names.index(name)
            except ValueError:
                pass
        has = "no names" if names is None else f"the fields {', '.join(names)}"
        raise _NoSuchField(f"no field {name!r}: this Row has {has}")

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __contains__(self, item: object) -> bool:
        """Whether there is a field of this name; in a row without names, whether a field has this value."""
        return item in self._values if self._names is None else item in self._names

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        if self._row_kind is not other._row_kind or type(self) is not type(other):
            return False
        mine, others = self._names, other._names
        if mine == others:
            return self._values == other._values
        if mine is None or others is None or sorted(mine) != sorted(others):
            return False
        return values_by_name(self) == values_by_name(other)

    def __hash__(self) -> int:
        return hash(tuple(values_by_name(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        if type(self) is not Row:
            return _restore_subclass, (type(self), self._names, self._values, self._row_kind)
        if self._row_kind is _INSERT:
            return new_row, (self._names, self._values)
        return new_row, (self._names, self._values, self._row_kind)

    def __copy__(self) -> Row:
        restore, arguments = self.__reduce__()
        return cast("Row", restore(arguments[0], list(arguments[1]), *arguments[2:]))

    def __repr__(self) -> str:
        if self._names is not None:
            return f"Row({', '.join(f'{n}={v!r}' for n, v in zip(self._names, self._values, strict=False))})"
        return f"<Row({', '.join(map(repr, self._values))})>"


_slots = vars(_Storage)
_set_names = _slots["_names"].__set__
_set_values = _slots["_values"].__set__
_set_kind = _slots["_row_kind"].__set__


def new_row(names: tuple[str, ...] | None, values: list[Any], kind: RowKind = _INSERT) -> Row:
    """Return a row that keeps ``values`` itself, unchecked: one per name if there are names."""
    row = _Storage()
    row._names = names
    row._values = values
    row._row_kind = kind
    row.__class__ = Row  # same layout; half the time of passing Row's guard
    return cast("Row", row)


def new_rows(names: tuple[str, ...], fields: Iterable[list[Any]], kinds: Sequence[RowKind] | None) -> list[Row]:
    """Return what :func:`new_row` gives for each list of values.

    :param kinds: ``None``: all are inserts.
    """
    rows: list[Any] = []
    append = rows.append
    storage, cls = _Storage, Row
    for values, kind in zip(fields, repeat(_INSERT) if kinds is None else kinds):  # noqa: B905  # repeat() has no end
        row = storage()
        row._names = names
        row._values = values
        row._row_kind = kind
        row.__class__ = cls
        append(row)
    return rows


def _restore_subclass(kind: type[Row], names: tuple[str, ...] | None, values: list[Any], row_kind: RowKind) -> Row:
    row = kind.__new__(kind)
    _set_names(row, names)
    _set_values(row, values)
    _set_kind(row, row_kind)
    return row


@lru_cache(maxsize=1024)
def _alphabetical(names: tuple[str, ...]) -> list[int] | None:
    """The positions in the order of their names; ``None``: they are in that order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    return None if order == list(range(len(names))) else order


def values_by_name(row: Row) -> list[Any]:
    """The values in the alphabetical order of their names, if they have any: equal rows give equal lists."""
    if row._names is None:
        return row._values
    order = _alphabetical(row._names)
    values = row._values
    return values if order is None else [values[position] for position in order]


def _as_plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.as_dict(recursive=True)
    if isinstance(value, list):
        return [_as_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_plain(item) for key, item in value.items()}
    return value
