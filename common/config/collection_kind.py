"""Lists (``a;b;c``) and maps (``k1:v1,k2:v2``) in configuration values.

An item that holds a separator or a quote is quoted with single quotes, a quote in it doubled: ``'a;b';c``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from millstream.common.config.value_kind import STRING, ValueKind

__all__ = ["MAP", "STRING_LIST", "ListKind", "MapKind", "list_of"]

T = TypeVar("T")


def _split(text: str, separators: str, boundaries: str = "") -> list[str]:
    """The parts between separators that stand outside quotes, still quoted.

    :param boundaries: further characters after which, as after a separator, a quote may open.
    """
    parts: list[str] = []
    start = 0
    quote = ""
    may_open = True
    for index, character in enumerate(text):
        if quote:
            if character == quote:
                # It closes, unless the next character is another one: a doubled quote is one quote of the item.
                quote, may_open = "", text[index + 1 : index + 2] == character
        elif character in "'\"" and may_open:
            quote = character
        elif character in separators:
            parts.append(text[start:index])
            start, may_open = index + 1, True
        elif not character.isspace():
            may_open = character in boundaries
    if quote:
        raise ValueError(f"{text!r} opens a quote {quote} that it does not close")
    parts.append(text[start:])
    return parts


def _unquote(item: str) -> str:
    item = item.strip()
    if len(item) >= 2 and item[0] in "'\"" and item[-1] == item[0]:
        return item[1:-1].replace(item[0] * 2, item[0])
    return item


def _quote(item: str, separators: str) -> str:
    plain = item and item == item.strip() and not any(mark in item for mark in separators + "'\"")
    return item if plain else "'" + item.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class ListKind(Generic[T]):
    """Several values of one kind, in order.

    :ivar element: the kind of each item.
    :ivar separators: any of these characters parts the items; the first is the one that is written.
    """

    element: ValueKind[T]
    separators: str = ";"

    @property
    def name(self) -> str:
        return f"List<{self.element.name}>"

    @property
    def expected(self) -> str:
        return f"items parted by '{self.separators[0]}' (a YAML list in the file), each {self.element.expected}"

    def parse(self, text: str) -> list[T]:
        if not text.strip():
            return []
        return [self.element.parse(_unquote(item)) for item in _split(text, self.separators) if item.strip()]

    def format(self, value: list[T]) -> str:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError(f"{value!r} is not a list")
        return self.separators[0].join(_quote(self.element.format(item), self.separators) for item in value)


@dataclass(frozen=True, slots=True)
class MapKind:
    """Names with a text each, in order."""

    name: str = "Map"
    expected: str = "pairs such as 'name1:value1,name2:value2' (a YAML map in the file)"

    def parse(self, text: str) -> dict[str, str]:
        pairs: dict[str, str] = {}
        if not text.strip():
            return pairs
        for part in _split(text, ",", ":"):
            name, *rest = _split(part, ":")
            if not rest:
                raise ValueError(f"{part.strip()!r} is not a pair 'name:value'")
            pairs[_unquote(name)] = _unquote(":".join(rest))
        return pairs

    def format(self, value: dict[str, str]) -> str:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not a dict")
        return ",".join(f"{_quote(str(k), ',:')}:{_quote(str(v), ',:')}" for k, v in value.items())


def list_of(element: ValueKind[T], separators: str = ";") -> ListKind[T]:
    """The kind of an option that holds several values."""
    return ListKind(element, separators)


STRING_LIST = ListKind(STRING)
MAP = MapKind()
