"""``millstream version``."""

from __future__ import annotations

from millstream.common.version import COMMIT_ID, VERSION

__all__ = ["version_line"]


def version_line() -> str:
    """Return ``Version: 0.1.0, Commit ID: 721cbeb``."""
    return f"Version: {VERSION}, Commit ID: {COMMIT_ID}"
