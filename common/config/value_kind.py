"""What a configuration value may look like: how its text is read, written and described.

A :class:`ValueKind` belongs to an option. It reads the text that stands in a file or on a command line, writes a value
back as text that reads the same, and says in a few words what it expects, for error messages and the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

__all__ = ["BOOLEAN", "FLOAT", "FRACTION", "INTEGER", "STRING", "FloatKind", "IntegerKind", "ValueKind", "one_of"]

T = TypeVar("T")


class ValueKind(Protocol[T]):
    """Reads and writes the values of an option."""

    @property
    def name(self) -> str:
        """The type as the documentation names it, such as ``Duration``."""
        ...

    @property
    def expected(self) -> str:
        """What a good value is, to follow the words "expected ..."."""
        ...

    def parse(self, text: str) -> T:
        """Reads a value; raises ``ValueError`` where the text is not one."""
        ...

    def format(self, value: T) -> str:
        """Writes a value so that :meth:`parse` gives it back; raises ``ValueError`` for a value of another type."""
        ...


@dataclass(frozen=True, slots=True)
class StringKind:
    """Any text, as it stands."""

    name: str = "String"
    expected: str = "text"

    def parse(self, text: str) -> str:
        return text

    def format(self, value: str) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        return value


@dataclass(frozen=True, slots=True)
class IntegerKind:
    """A whole number between two bounds, both included."""

    minimum: int | None = None
    maximum: int | None = None
    name: str = "Integer"

    @property
    def expected(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"a whole number from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f"a whole number of at least {self.minimum}"
        return "a whole number"

    def parse(self, text: str) -> int:
        return self._checked(int(text.strip()))

    def format(self, value: int) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a whole number")
        return str(self._checked(value))

    def _checked(self, value: int) -> int:
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise ValueError(f"{value} is out of bounds")
        return value


@dataclass(frozen=True, slots=True)
class FloatKind:
    """A finite number between two bounds, both included."""

    minimum: float | None = None
    maximum: float | None = None
    name: str = "Float"

    @property
    def expected(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"a number from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f"a number of at least {self.minimum}"
        return "a number"

    def parse(self, text: str) -> float:
        return self._checked(float(text.strip()))

    def format(self, value: float) -> str:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a number")
        return repr(self._checked(float(value)))

    def _checked(self, value: float) -> float:
        if not abs(value) < float("inf"):
            raise ValueError(f"{value} is not finite")
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise ValueError(f"{value} is out of bounds")
        return value


@dataclass(frozen=True, slots=True)
class BooleanKind:
    """``true`` or ``false``, in any case."""

    name: str = "Boolean"
    expected: str = "true or false"

    def parse(self, text: str) -> bool:
        lowered = text.strip().lower()
        if lowered not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false")
        return lowered == "true"

    def format(self, value: bool) -> str:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not a boolean")
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class EnumKind:
    """One word out of a few, in any case; the value is the word as it is spelt in ``words``."""

    words: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    name: str = "Enum"

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, text: str) -> str:
        folded = _fold(text)
        for word in self.words:
            if _fold(word) == folded:
                return word
        for alias, word in self.aliases:
            if _fold(alias) == folded:
                return word
        raise ValueError(f"{text!r} is not among the possible words")

    def format(self, value: str) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        return self.parse(value)


def _fold(word: str) -> str:
    # Enum words are written with either dash or underscore in the documents that users copy from.
    return word.strip().lower().replace("_", "-")


def one_of(*words: str, **aliases: str) -> EnumKind:
    """The kind of an option whose value is one of some words; each alias stands for one of them."""
    return EnumKind(words, tuple(aliases.items()))


STRING = StringKind()
INTEGER = IntegerKind()
FLOAT = FloatKind()
BOOLEAN = BooleanKind()
FRACTION = FloatKind(0.0, 1.0)
