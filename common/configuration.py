"""``Configuration`` under PyFlink's module name."""

from __future__ import annotations

from millstream.common.config import Configuration

__all__ = ["Configuration"]
