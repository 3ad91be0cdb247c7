"""One configuration option: its key, kind, default and meaning.

Options are declared once, as attributes of the options classes beside this file, and read with
:meth:`~millstream.common.config.configuration.Configuration.get`, which gives them their Python type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from millstream.common.config.value_kind import ValueKind

__all__ = ["ConfigOption", "Effect", "FormerKey", "OptionTemplate", "option", "optional", "template"]

T = TypeVar("T")


class Effect(Enum):
    """What setting an option does in this version of Millstream."""

    ACTIVE = "takes effect"
    RESERVED = "no effect yet"
    JVM_ONLY = "ignored: it concerns a JVM"


@dataclass(frozen=True, slots=True)
class FormerKey:
    """An older name of an option, still accepted.

    :ivar key: the older name.
    :ivar convert: turns a value of the older option into one of the newer, where the unit has changed.
    """

    key: str
    convert: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class ConfigOption(Generic[T]):
    """A typed configuration option.

    :ivar key: the full dotted key.
    :ivar kind: reads and writes its values.
    :ivar default: the value where none is set; ``None`` where there is none.
    :ivar description: what it does, for the documentation.
    :ivar former_keys: older names, the most recent first.
    :ivar effect: whether this version heeds it.
    """

    key: str
    kind: ValueKind[Any]
    default: T
    description: str
    former_keys: tuple[FormerKey, ...] = ()
    effect: Effect = Effect.ACTIVE


@dataclass(frozen=True, slots=True)
class OptionTemplate(Generic[T]):
    """Options that exist once per name that the user invents, such as ``metrics.reporter.<name>.interval``.

    :ivar key: the key with each invented part in angle brackets.
    """

    key: str
    kind: ValueKind[Any]
    default: T
    description: str
    former_keys: tuple[str, ...] = ()
    effect: Effect = Effect.ACTIVE

    def option(self, *names: str) -> ConfigOption[T]:
        """The option with these names in the places of the bracketed parts."""
        return ConfigOption(
            key=_filled(self.key, names),
            kind=self.kind,
            default=self.default,
            description=self.description,
            former_keys=tuple(FormerKey(_filled(key, names)) for key in self.former_keys),
            effect=self.effect,
        )

    def match(self, key: str) -> ConfigOption[T] | None:
        """The option of this family that ``key``, current or former, names; ``None`` where it names none."""
        for template in (self.key, *self.former_keys):
            found = _pattern(template).fullmatch(key)
            if found is not None:
                return self.option(*found.groups())
        return None


_BRACKETED = re.compile(r"<[^>]+>")


def _pattern(template: str) -> re.Pattern[str]:
    parts = _BRACKETED.split(template)
    # A name is one word; what stands last may have dots of its own, as a reporter's parameters do.
    groups = ["([^.]+)"] * (len(parts) - 1)
    if template.endswith(">"):
        groups[-1] = "(.+)"
    pattern = re.escape(parts[0])
    for group, part in zip(groups, parts[1:], strict=True):
        pattern += group + re.escape(part)
    return re.compile(pattern)


def _filled(template: str, names: tuple[str, ...]) -> str:
    rest = list(names)
    filled = _BRACKETED.sub(lambda _: rest.pop(0), template)
    if rest:
        raise ValueError(f"{template} has no place for {rest}")
    return filled


def _former(keys: tuple[str | FormerKey, ...]) -> tuple[FormerKey, ...]:
    return tuple(key if isinstance(key, FormerKey) else FormerKey(key) for key in keys)


def option(
    key: str,
    kind: ValueKind[T],
    default: T,
    description: str,
    *,
    former: tuple[str | FormerKey, ...] = (),
    effect: Effect = Effect.ACTIVE,
) -> ConfigOption[T]:
    """Declares an option that has a default."""
    return ConfigOption(key, kind, default, description, _former(former), effect)


def optional(
    key: str,
    kind: ValueKind[T],
    description: str,
    *,
    former: tuple[str | FormerKey, ...] = (),
    effect: Effect = Effect.ACTIVE,
) -> ConfigOption[T | None]:
    """Declares an option without a default: reading it gives ``None`` where nothing is set."""
    return ConfigOption(key, kind, None, description, _former(former), effect)


def template(
    key: str,
    kind: ValueKind[T],
    default: T | None,
    description: str,
    *,
    former: tuple[str, ...] = (),
    effect: Effect = Effect.ACTIVE,
) -> OptionTemplate[T | None]:
    """Declares a family of options: a key with parts in angle brackets that the user names."""
    return OptionTemplate(key, kind, default, description, former, effect)
