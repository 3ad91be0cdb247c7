"""``ResultTypeQueryable`` under PyFlink's module name."""

from __future__ import annotations

from millstream.datastream.result_type_queryable import ResultTypeQueryable

__all__ = ["ResultTypeQueryable"]
