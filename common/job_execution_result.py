"""``JobExecutionResult`` under PyFlink's module name."""

from __future__ import annotations

from millstream.common.execution import JobExecutionResult

__all__ = ["JobExecutionResult"]
