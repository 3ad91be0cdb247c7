"""What the payload ``type_info`` of an edge in a JobGraph unpickles to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation

__all__ = ["EdgeType"]


@dataclass(frozen=True, slots=True)
class EdgeType:
    """The declared type of an edge's records.

    :ivar operator: the name of the operator that they come from, for messages.
    :ivar converted: that operator has converted them to the type; else each block is checked when it is sent.
    """

    type_info: TypeInformation
    operator: str
    converted: bool
