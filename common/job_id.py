"""``JobID`` under PyFlink's module name."""

from __future__ import annotations

from millstream.common.ids import JobID

__all__ = ["JobID"]
