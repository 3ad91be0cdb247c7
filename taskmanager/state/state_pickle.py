"""Pickles what is in state: objects of any class of the user's."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle

__all__ = ["dump_state", "load_state"]


def dump_state(value: Any) -> bytes:
    """Return the pickle of ``value``.

    The classes of a program that is run as a script, or that are defined in functions, have no module they can be
    imported from; only then the slower cloudpickle is needed.
    """
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001  # pickle raises many kinds of errors; what cannot be pickled at all fails below
        dumped: bytes = cloudpickle.dumps(value)
        return dumped


def load_state(data: bytes) -> Any:
    """Return the value of a pickle that :func:`dump_state` made."""
    return pickle.loads(data)  # our own snapshot
