"""Values that records are made of beside Python's own: :class:`Row` and its :class:`RowKind`, :class:`Either`."""

from __future__ import annotations

from millstream.common.types.either import Either, Left, Right
from millstream.common.types.row import Row
from millstream.common.types.row_kind import RowKind

__all__ = ["Either", "Left", "Right", "Row", "RowKind"]
