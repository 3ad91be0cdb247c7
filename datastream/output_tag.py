"""Side outputs: streams beside an operator's main output, told apart by tags."""

from __future__ import annotations

from typing import Any

from millstream.common.borrowed_names import borrowed_names
from millstream.common.typeinfo import TypeInformation

__all__ = ["OutputTag"]


class OutputTag:
    """Names a side output. Two tags with the same id are the same tag. It has no subclasses: results are many, and
    looking at a type costs a fraction of looking through its bases.

    :param tag_id: unique among the side outputs of an operator.
    :param type_info: what the records are; a list of types means a row of them. ``None``: any objects.
    """

    __slots__ = ("tag_id", "type_info")

    def __init__(self, tag_id: str, type_info: TypeInformation | list[Any] | None = None) -> None:
        if not isinstance(tag_id, str) or not tag_id:
            raise ValueError("OutputTag tag_id cannot be None or empty string")
        if isinstance(type_info, list):
            from millstream.common.typeinfo import RowTypeInfo

            type_info = RowTypeInfo(type_info)
        if type_info is not None and not isinstance(type_info, TypeInformation):
            raise TypeError("OutputTag type_info must be None, a list or a TypeInformation")
        self.tag_id = tag_id
        self.type_info = type_info

    def __init_subclass__(cls) -> None:
        raise TypeError(f"{cls.__qualname__}: OutputTag cannot be subclassed; make one with OutputTag('name')")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OutputTag):
            return NotImplemented
        return self.tag_id == other.tag_id

    def __hash__(self) -> int:
        return hash(self.tag_id)

    def __repr__(self) -> str:
        return f"OutputTag({self.tag_id!r})"


__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.typeinfo": "RowTypeInfo Types",
    },
)
