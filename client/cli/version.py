"""``millstream version``."""

from __future__ import annotations

__all__ = ["version_line"]
