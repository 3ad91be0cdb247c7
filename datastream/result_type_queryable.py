"""Functions and sources that say themselves what they produce."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.common.typeinfo import TypeInformation
from millstream.datastream.call_site import call_site

__all__ = ["ResultTypeQueryable", "produced_type_of"]


class ResultTypeQueryable(ABC):
    """Mixed into a function class or a source: the type counts where the program gives no ``output_type``."""

    @abstractmethod
    def get_produced_type(self) -> TypeInformation:
        """What the results are."""


def produced_type_of(spec: Any) -> TypeInformation | None:
    """What the function or source of an operator's spec says that it produces; ``None``: it says nothing.

    :raises TypeError: what it gives is no type.
    """
    if not hasattr(spec, "output_type"):
        return None  # its results are of its input's type, or there are none
    for attribute in ("window_function", "function", "source"):
        function = getattr(spec, attribute, None)
        if function is None:
            continue
        produced_type = getattr(function, "get_produced_type", None)
        if not callable(produced_type):
            return None
        given = produced_type()
        if not isinstance(given, TypeInformation):
            raise TypeError(
                f"{call_site()}: get_produced_type() of {type(function).__name__} must return a TypeInformation such "
                f"as Types.STRING(), not {given!r}"
            )
        return given
    return None
