"""Which classes are records, that is, stored by fields: dataclasses and named tuples that are nothing but their fields.

A class that says itself how it is pickled is not taken apart; that is its own business.
"""

from __future__ import annotations

import copyreg
import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from operator import attrgetter, itemgetter
from typing import Any, Final

__all__ = ["DATACLASS", "NAMED_TUPLE", "field_getter", "find_class", "import_class", "maker", "record_kind"]

DATACLASS: Final = "dataclass"
NAMED_TUPLE: Final = "namedtuple"

_HOOKS: Final = (
    "__reduce__",
    "__reduce_ex__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__new__",
    "__getattribute__",
    "__getattr__",
)


def record_kind(cls: type) -> str | None:
    """Return :data:`DATACLASS` or :data:`NAMED_TUPLE`; ``None``: its instances are not stored by fields."""
    if issubclass(cls, tuple):
        return NAMED_TUPLE if _is_named_tuple(cls) else None
    if not dataclasses.is_dataclass(cls) or not dataclasses.fields(cls) or cls in copyreg.dispatch_table:
        return None
    if any(getattr(cls, name, None) is not getattr(object, name, None) for name in _HOOKS):
        return None
    # dataclass(frozen=True, slots=True) makes these two; before Python 3.11 others have no __getstate__ at all.
    for name in ("__getstate__", "__setstate__"):
        method = getattr(cls, name, None)
        if method is not getattr(object, name, None) and getattr(method, "__module__", "") != "dataclasses":
            return None
    if _other_base(cls):
        return None
    slots = _slots(cls)
    names = {field.name for field in dataclasses.fields(cls)}
    return DATACLASS if cls.__dictoffset__ or names <= slots else None


def _is_named_tuple(cls: type) -> bool:
    names = getattr(cls, "_fields", None)
    if cls.__dictoffset__ or not isinstance(names, tuple) or not names:
        return False
    # The methods that typing.NamedTuple and collections.namedtuple give a class, or inherit from tuple.
    if any(getattr(cls, name) is not getattr(object, name) for name in ("__reduce__", "__reduce_ex__")):
        return False
    return "__new__" in vars(cls) and getattr(cls.__new__, "__module__", "").startswith("namedtuple_")


def _other_base(cls: type) -> bool:
    """It inherits from a class of C's (say, dict or Exception) that holds more than attributes."""
    return any(not _is_heap_type(base) for base in cls.__mro__ if base is not object)


def _is_heap_type(cls: type) -> bool:
    return bool(cls.__flags__ & (1 << 9))


def _slots(cls: type) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        own = vars(base).get("__slots__", ())
        found.update([own] if isinstance(own, str) else own)
    return found - {"__dict__", "__weakref__"}


def field_getter(cls: type, kind: str, names: Sequence[str]) -> Callable[[Sequence[Any]], list[list[Any]] | None]:
    """Return what takes records apart into a list for each field.

    It gives ``None`` if one of the records is more, or less, than its fields.
    """
    if kind == NAMED_TUPLE:
        return lambda records: [list(column) for column in zip(*records, strict=True)]
    slots = _slots(cls)
    in_slots = [name for name in names if name in slots]
    if not cls.__dictoffset__:
        others = slots - set(names)
        getters = [attrgetter(name) for name in names]

        def of_slots(records: Sequence[Any]) -> list[list[Any]] | None:
            try:
                if others and any(hasattr(record, name) for record in records for name in others):
                    return None
                return [list(map(getter, records)) for getter in getters]
            except AttributeError:  # a slot that nothing was assigned to
                return None

        return of_slots
    if slots:
        return lambda records: None if in_slots or records else []  # some fields here, some there: pickle knows best
    size = len(names)
    items = [itemgetter(name) for name in names]

    def of_dicts(records: Sequence[Any]) -> list[list[Any]] | None:
        attributes = [record.__dict__ for record in records]
        if set(map(len, attributes)) != {size}:
            return None
        try:
            return [list(map(item, attributes)) for item in items]
        except KeyError:
            return None

    return of_dicts


def maker(cls: Any, kind: str, names: Sequence[str]) -> Callable[[Sequence[Sequence[Any]], int], list[Any]]:
    """Return what makes records of a list for each field, without calling the user's ``__init__``: as pickle does."""
    if kind == NAMED_TUPLE:
        make = cls._make
        return lambda columns, count: list(map(make, zip(*columns, strict=True))) if columns else [make(())] * count
    new = cls.__new__
    if cls.__dictoffset__ and not _slots(cls):

        def of_dicts(columns: Sequence[Sequence[Any]], count: int) -> list[Any]:
            made = [new(cls) for _ in range(count)]
            for record, *fields in zip(made, *columns, strict=True):
                record.__dict__.update(zip(names, fields, strict=True))
            return made

        return of_dicts

    def of_slots(columns: Sequence[Sequence[Any]], count: int) -> list[Any]:
        made = [new(cls) for _ in range(count)]
        for name, column in zip(names, columns, strict=True):
            for record, value in zip(made, column, strict=True):
                object.__setattr__(record, name, value)  # a frozen one refuses its own
        return made

    return of_slots


def import_class(module: str, qualname: str) -> type | None:
    """Return the class that has this name in this module; ``None``: there is none."""
    try:
        found: Any = sys.modules.get(module) or import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) else None


def find_class(module: str, qualname: str) -> type | None:
    """Return the class of this name in this process; ``None``: there is none.

    A class of a script or of a function cannot be imported; if the job's code brought it, it is found all the same.
    """
    found = import_class(module, qualname)
    if found is not None:
        return found
    same = [cls for cls in _all_classes() if cls.__module__ == module and cls.__qualname__ == qualname]
    filled = [cls for cls in same if not _is_hollow(cls)]
    return filled[-1] if filled else same[0] if same else None


def _is_hollow(cls: type) -> bool:
    """It has nothing of its own. So has what cloudpickle makes first of a class that it then finds to be there already:
    nobody has that one, but until the garbage collector comes by it is a class of the same name.
    """
    return vars(cls).keys() <= {
        "__module__",
        "__qualname__",
        "__doc__",
        "__dict__",
        "__weakref__",
        "__slots__",
        *_slots(cls),
    }


def _all_classes() -> Iterator[type]:
    """All classes below object, the newest of siblings last."""
    seen: set[type] = set()
    waiting: list[type] = [object]
    while waiting:
        cls = waiting.pop()
        if cls in seen:
            continue
        seen.add(cls)
        yield cls
        # type's own are metaclasses, whose __subclasses__ asks for an argument.
        waiting += [] if issubclass(cls, type) else reversed(cls.__subclasses__())
