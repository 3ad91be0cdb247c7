"""What all messages of the REST interface have in common.

Attributes are Python's names; on the wire they have Flink's, which are written in three ways. A model says by its base
which one is its own, and names the exceptions with ``Field(serialization_alias=...)`` in answers and
``Field(validation_alias=...)`` in requests. A request may hold fields that nobody knows: newer clients send them.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

__all__ = ["CamelMessage", "Double", "EmptyMessage", "HyphenatedMessage", "Message", "OrAbsent"]

T = TypeVar("T")

Double = Annotated[
    float,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]}),
]
"""A number that may be none: not-a-number and the infinities are written as text."""

OrAbsent = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""A field of an answer that is left out where there is nothing to say: ``endpoint: OrAbsent[str] = None``."""


def _hyphenated(name: str) -> str:
    return name.replace("_", "-")


class Message(BaseModel):
    """Attributes are on the wire as they are here: ``state_size``, ``jid``."""

    model_config = ConfigDict(
        populate_by_name=True, serialize_by_alias=True, extra="ignore", ser_json_inf_nan="strings", frozen=True
    )


class HyphenatedMessage(Message):
    """``slots_total`` is ``slots-total`` on the wire."""

    model_config = ConfigDict(alias_generator=_hyphenated)


class CamelMessage(Message):
    """``free_slots`` is ``freeSlots`` on the wire."""

    model_config = ConfigDict(alias_generator=to_camel)


class EmptyMessage(Message):
    """``{}``: nothing to say."""
