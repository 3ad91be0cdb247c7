"""The base of all type informations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, convert_each, unchanged_test

__all__ = ["TypeInformation", "text_of"]


class TypeInformation:
    """Says what a stream's records are.

    Results of a function with such a type are converted to it, the network chooses an encoder by it, and ``print``
    chooses a text form by it. Two of them are equal when they describe the same type.
    """

    __slots__ = ()

    @staticmethod
    def of(hint: Any) -> TypeInformation:
        """The type information of a class or annotation: ``TypeInformation.of(tuple[str, int])``.

        See :func:`~millstream.common.typeinfo.type_hints.type_of_hint`.
        """
        from millstream.common.typeinfo.type_hints import type_of_hint

        return type_of_hint(hint)

    def need_conversion(self) -> bool:
        """Whether :meth:`to_internal_type` may change or refuse a value."""
        return True

    def to_internal_type(self, obj: Any) -> Any:
        """Return the value as one of this type; the value itself if it is one. ``None`` stays ``None``.

        :raises TypeMismatchError: it cannot be one.
        """
        return self.conversion()(obj)

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        """Return :meth:`to_internal_type` for many values.

        :param narrow: be less strict, as the elements of a collection are taken: an int that is too large is cut to
            the bits of its type, and anything has a text.
        """
        return _same

    def batch_conversion(self) -> Callable[[list[Any]], list[Any]]:
        """Return :meth:`conversion` for lists of values: what it gives is the list itself or a new one."""
        if not self.need_conversion():
            return _same
        convert, test = self.conversion(), self.column_test()
        return lambda values: values if test(values) else convert_each(convert, values)

    def column_test(self) -> ColumnTest:
        """Return a test of many values: whether :meth:`conversion` would change none of them."""
        return unchanged_test(self.conversion())

    def from_internal_type(self, obj: Any) -> Any:
        """The reverse of :meth:`to_internal_type`: values are held as they are, so nothing changes."""
        return obj

    def guard(self, variable: str) -> str | None:
        """Python source of a test that is true only if ``variable`` is of this type or ``None`` and would be converted
        to itself; ``None`` if there is no simple one. Generated loops use it to leave out the call of a conversion.
        """
        return None

    def to_text(self, value: Any) -> str:
        """The text of a value as ``print()`` shows it (Java's notation, as PyFlink's)."""
        return str(value)

    def to_java_text(self, value: Any) -> str:
        """The text of a value inside another one and in files: Java's ``toString`` throughout."""
        return self.to_text(value)

    def text_differs(self) -> bool:
        """Whether :meth:`to_text` may give something else than ``str``."""
        return False

    def _parts(self) -> tuple[Any, ...]:
        """What makes one type information differ from another of its class."""
        return ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TypeInformation):
            return NotImplemented
        return type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._parts()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts()))})"


def text_of(type_info: TypeInformation, value: Any) -> str:
    """The text of a field of a composite type, which may be absent."""
    return "null" if value is None else type_info.to_java_text(value)


def _same(value: Any) -> Any:
    return value
