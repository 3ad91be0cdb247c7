"""What a snapshot says about the types of what is in it: readable without any class of the user's.

A type information names classes, so it cannot be stored as it is in a file that must be readable when these have
changed or are gone. Its form can: kinds, names and fields. When a state comes back under another type, the two forms
tell whether the old values can become the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from millstream.common.typeinfo import (
    BasicArrayTypeInfo,
    BasicTypeInfo,
    CaseClassTypeInfo,
    EnumTypeInfo,
    ExternalTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PickledBytesTypeInfo,
    PojoTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TupleTypeInfo,
    TypeInformation,
)

__all__ = ["ANY", "Convert", "TypeForm", "UnlikeTypesError", "class_name", "form_of", "widening"]

Convert = Callable[[Any], Any]

_ANY_KIND: Final = "ANY"
_INTEGERS: Final = ("BYTE", "SHORT", "INT", "LONG", "BIG_INT")
_FLOATS: Final = ("FLOAT", "DOUBLE")
_RECORDS: Final = ("POJO", "CASE_CLASS", "ROW")


class UnlikeTypesError(Exception):
    """Values of one type cannot become values of another.

    :ivar path: where inside the types, from outside in; empty: they as such.
    """

    def __init__(self, path: tuple[str, ...], old: TypeForm, new: TypeForm) -> None:
        super().__init__(f"{old} cannot become {new}")
        self.path = path
        self.old = old
        self.new = new


@dataclass(frozen=True, slots=True)
class TypeForm:
    """The form of a type.

    :ivar kind: ``LONG``, ``STRING``, ``ROW``, ...; ``ANY``: any objects.
    :ivar name: the class, where the type is one of the user's.
    :ivar fields: names and types of what is inside; elements have the name ``""``.
    """

    kind: str
    name: str = ""
    fields: tuple[tuple[str, TypeForm], ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(f"{name}: {form}" if name else str(form) for name, form in self.fields)
        head = f"{self.kind} {self.name}" if self.name else self.kind
        return f"{head}({inner})" if self.fields else head

    def to_json(self) -> list[Any]:
        """Return what :meth:`from_json` takes."""
        return [self.kind, self.name, [[name, form.to_json()] for name, form in self.fields]]

    @staticmethod
    def from_json(stored: list[Any]) -> TypeForm:
        """Return the form that :meth:`to_json` gave."""
        kind, name, fields = stored
        return TypeForm(kind, name, tuple((each, TypeForm.from_json(form)) for each, form in fields))


ANY: Final = TypeForm(_ANY_KIND)


def form_of(type_info: TypeInformation | None) -> TypeForm:
    """Return the form of a type; ``None`` is that of any objects."""
    if type_info is None or isinstance(type_info, PickledBytesTypeInfo):
        return ANY
    if isinstance(type_info, ExternalTypeInfo):
        return form_of(type_info.get_type_info())
    if isinstance(type_info, BasicTypeInfo):
        return TypeForm(type_info.basic_type.name)
    if isinstance(type_info, RowTypeInfo):
        return _with_fields("ROW", "", type_info.get_field_names(), type_info.get_field_types())
    if isinstance(type_info, TupleTypeInfo):
        types = type_info.get_field_types()
        return _with_fields("TUPLE", "", [f"f{index}" for index in range(len(types))], types)
    if isinstance(type_info, (PojoTypeInfo, CaseClassTypeInfo)):
        kind = "POJO" if isinstance(type_info, PojoTypeInfo) else "CASE_CLASS"
        cls = type_info.get_type_class()
        return _with_fields(kind, class_name(cls), type_info.get_field_names(), type_info.get_field_types())
    if isinstance(type_info, ListTypeInfo):
        return TypeForm("LIST", "", (("", form_of(type_info.elem_type)),))
    if isinstance(type_info, MapTypeInfo):
        key, value = type_info.get_key_type_info(), type_info.get_value_type_info()
        return TypeForm("MAP", "", (("", form_of(key)), ("", form_of(value))))
    if isinstance(type_info, (PrimitiveArrayTypeInfo, BasicArrayTypeInfo, ObjectArrayTypeInfo)):
        return TypeForm(type(type_info).__name__.removesuffix("TypeInfo"), repr(type_info))
    if isinstance(type_info, EnumTypeInfo):
        return TypeForm("ENUM", class_name(type_info.get_type_class()))
    return TypeForm(type(type_info).__name__.removesuffix("TypeInfo"), repr(type_info))


def class_name(cls: type) -> str:
    """Return the name of a class with that of its module."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _with_fields(kind: str, name: str, names: list[str], types: list[TypeInformation]) -> TypeForm:
    return TypeForm(kind, name, tuple(zip(names, map(form_of, types), strict=True)))


def widening(old: TypeForm, new: TypeForm) -> Convert | None:
    """Return what makes values of the new type of values of the old one; ``None``: they are such already.

    What the records in a state look like is known by the records themselves, whose schemas are stored beside them; so
    records are alike here whatever their fields.

    :raises UnlikeTypesError: there is no way that changes no value's meaning.
    """
    if old == new or _ANY_KIND in (old.kind, new.kind):
        return None
    if old.kind in _INTEGERS and new.kind in _INTEGERS and _INTEGERS.index(old.kind) <= _INTEGERS.index(new.kind):
        return None
    if old.kind in _INTEGERS and new.kind in _FLOATS:
        return _to_float
    if (old.kind, new.kind) in (("FLOAT", "DOUBLE"), ("CHAR", "STRING")):
        return None
    if old.kind == new.kind:
        if old.kind in _RECORDS:
            return None
        if old.kind in ("LIST", "MAP", "TUPLE") and len(old.fields) == len(new.fields):
            return _inside(old, new)
    raise UnlikeTypesError((), old, new)


def _inside(old: TypeForm, new: TypeForm) -> Convert | None:
    converts: list[Convert | None] = []
    for (name, before), (_, after) in zip(old.fields, new.fields, strict=True):
        try:
            converts.append(widening(before, after))
        except UnlikeTypesError as error:
            raise UnlikeTypesError((*([name] if name else []), *error.path), error.old, error.new) from None
    if not any(converts):
        return None
    each = [convert or _same for convert in converts]
    if old.kind == "LIST":
        return lambda value: list(map(each[0], value)) if type(value) is list else value
    if old.kind == "MAP":
        of_key, of_value = each
        return lambda value: (
            {of_key(key): of_value(one) for key, one in value.items()} if type(value) is dict else value
        )
    return lambda value: (
        tuple(convert(one) for convert, one in zip(each, value, strict=True))
        if type(value) is tuple and len(value) == len(each)
        else value
    )


def _to_float(value: Any) -> Any:
    """Nothing but an int is one: what is declared is not checked when state is written."""
    return float(value) if type(value) is int else value


def _same(value: Any) -> Any:
    return value
