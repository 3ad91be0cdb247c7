"""Whether an operator may share a task with its neighbours."""

from __future__ import annotations

from enum import Enum

__all__ = ["ChainingStrategy"]


class ChainingStrategy(Enum):
    """What an operator allows.

    ``ALWAYS``: chain with what comes before and after. ``HEAD``: only with what comes after. ``NEVER``: with nothing.
    """

    ALWAYS = "ALWAYS"
    HEAD = "HEAD"
    NEVER = "NEVER"
