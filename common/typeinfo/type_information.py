"""The base of all type informations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["TypeInformation", "text_of"]


class TypeInformation:
    """Says what a stream's records are.

    The network and the state layer choose an encoder by it; ``print`` chooses a text form by it. Two of them are
    equal when they describe the same type.
    """

    __slots__ = ()

    def need_conversion(self) -> bool:
        """Whether values differ on the wire from what the user sees."""
        return False

    def to_internal_type(self, obj: Any) -> Any:
        """From the user's value to its wire form."""
        return obj

    def conversion(self) -> Callable[[Any], Any]:
        """:meth:`to_internal_type` for many values."""
        return self.to_internal_type

    def from_internal_type(self, obj: Any) -> Any:
        """From the wire form to the user's value."""
        return obj

    def to_text(self, value: Any) -> str:
        """The text of a value as ``print()`` shows it (Java's notation, as PyFlink's)."""
        return str(value)

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
    return "null" if value is None else type_info.to_text(value)
