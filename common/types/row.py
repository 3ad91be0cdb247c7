"""A record with fields, by position or by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millstream.common.types.row_kind import RowKind

__all__ = ["Row"]


class Row:
    """A record with fields.

    ``Row(1, "a")`` has positions only, ``Row(id=1, name="a")`` has names too. ``Row("id", "name")`` called with
    values makes rows with these names: ``Person = Row("id", "name"); Person(1, "a")``.

    Two rows are equal when kind, names and values are; rows are hashable when their values are.
    """

    __slots__ = ("_fields", "_row_kind", "_values")

    _fields: tuple[str, ...] | None
    _row_kind: RowKind
    _values: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("a Row takes its values by position or by name, not both")
        set_attribute = object.__setattr__
        set_attribute(self, "_fields", tuple(kwargs) if kwargs else None)
        set_attribute(self, "_values", list(kwargs.values()) if kwargs else list(args))
        set_attribute(self, "_row_kind", RowKind.INSERT)

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
        if self._fields is None:
            raise TypeError("cannot convert a Row without field names into a dict")
        if not recursive:
            return dict(zip(self._fields, self._values, strict=True))
        return dict(zip(self._fields, (_as_plain(value) for value in self._values), strict=True))

    def get_row_kind(self) -> RowKind:
        return self._row_kind

    def set_row_kind(self, row_kind: RowKind) -> None:
        object.__setattr__(self, "_row_kind", row_kind)

    def set_field_names(self, field_names: list[str]) -> None:
        """Name the fields.

        :raises ValueError: there are more or fewer names than fields, or a name comes twice.
        """
        names = tuple(field_names)
        if len(names) != len(self._values):
            raise ValueError(f"{len(names)} names for a Row of {len(self._values)} fields")
        if len(set(names)) != len(names):
            raise ValueError(f"a name comes twice in {names}")
        object.__setattr__(self, "_fields", names)

    def get_field_names(self) -> list[str] | None:
        """The names, ``None`` if the row has none."""
        return None if self._fields is None else list(self._fields)

    def get_fields_by_names(self, names: list[str]) -> list[Any]:
        """Return the values of these fields, in this order."""
        return [self[name] for name in names]

    def __call__(self, *args: Any) -> Row:
        if len(args) != len(self._values):
            raise ValueError(f"can not create a Row with fields {self._values} from {len(args)} values {args}")
        row = Row(*args)
        object.__setattr__(row, "_fields", tuple(self._values))
        return row

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, slice)):
            return self._values[item]
        return self._values[self._index(item, KeyError)]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, int):
            self._values[key] = value
        else:
            self._values[self._index(key, KeyError)] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Row.__slots__:
            raise AttributeError(name)
        return self._values[self._index(name, AttributeError)]

    def __setattr__(self, name: str, value: Any) -> None:
        self._values[self._index(name, AttributeError)] = value

    def _index(self, name: Any, error: type[Exception]) -> int:
        if self._fields is not None:
            try:
                return self._fields.index(name)
            except ValueError:
                pass
        has = "no names" if self._fields is None else f"the fields {', '.join(self._fields)}"
        raise error(f"no field {name!r}: this Row has {has}")

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __contains__(self, item: object) -> bool:
        return item in self._values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._values == other._values and self._fields == other._fields and self._row_kind is other._row_kind

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._values, self._fields, self._row_kind.value)

    def __repr__(self) -> str:
        if self._fields is not None:
            return f"Row({', '.join(f'{n}={v!r}' for n, v in zip(self._fields, self._values, strict=True))})"
        return f"<Row({', '.join(map(repr, self._values))})>"


def _restore(values: list[Any], fields: tuple[str, ...] | None, kind: int) -> Row:
    row = Row()
    set_attribute = object.__setattr__
    set_attribute(row, "_values", values)
    set_attribute(row, "_fields", fields)
    set_attribute(row, "_row_kind", RowKind(kind))
    return row


def _as_plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.as_dict(recursive=True)
    if isinstance(value, list):
        return [_as_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_plain(item) for key, item in value.items()}
    return value
