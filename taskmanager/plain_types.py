"""Types whose values cannot change, nor anything in them: nobody has to copy these to be safe from their users."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any, Final

__all__ = ["PLAIN"]

PLAIN: Final[frozenset[type[Any]]] = frozenset(
    {
        bool,
        bytes,
        complex,
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        decimal.Decimal,
        float,
        int,
        range,
        str,
        type(None),
        uuid.UUID,
    }
)
