"""``JobStatus`` under PyFlink's module name."""

from __future__ import annotations

from millstream.common.states import JobStatus

__all__ = ["JobStatus"]
