"""Names that programs import from a module that only uses them.

A module of PyFlink holds whatever it imports itself, and programs have come to write
``from pyflink.datastream.functions import ValueStateDescriptor``. Here such names are found too, but only looked up
when somebody asks, so that no module imports another for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["borrowed_names"]


def borrowed_names(module: str, places: dict[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module.

    :param module: its name.
    :param places: names, separated by spaces, of each module that has them.
    """
    homes = {name: home for home, names in places.items() for name in names.split()}

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home), name)

    return get
