"""Numbers that programs for PyFlink import, in triggers and window assigners of their own above all."""

from __future__ import annotations

from typing import Final

from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP

__all__ = ["MAX_LONG_VALUE", "MIN_LONG_VALUE"]

MAX_LONG_VALUE: Final = MAX_TIMESTAMP
MIN_LONG_VALUE: Final = MIN_TIMESTAMP
