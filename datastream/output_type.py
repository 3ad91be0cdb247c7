"""What a program says about the results of an operator."""

from __future__ import annotations

from typing import Any

from millstream.common.typeinfo import RowTypeInfo, TypeInformation
from millstream.datastream.call_site import call_site

__all__ = ["declared_output_type"]


def declared_output_type(given: Any) -> TypeInformation | None:
    """The type itself; for a list of types, as in PyFlink, that of rows with such fields.

    :raises TypeError: it is neither, nor ``None``.
    """
    if isinstance(given, list):
        return RowTypeInfo(given)
    if given is not None and not isinstance(given, TypeInformation):
        raise TypeError(f"{call_site()}: output_type must be a TypeInformation such as Types.STRING(), not {given!r}")
    return given
