"""Which Flink this REST interface speaks like.

Clients read a version from it to know what they may ask for.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from millstream.common import version

__all__ = ["FLINK_VERSION", "revision"]

FLINK_VERSION: Final = "1.20.1"
"""The version whose interface this is."""


def revision() -> str:
    """What runs here: ``<commit> @ <when it was installed>``."""
    installed = datetime.fromtimestamp(int(Path(version.__file__).stat().st_mtime), tz=timezone.utc)
    return f"{version.COMMIT_ID} @ {installed.isoformat()}"
