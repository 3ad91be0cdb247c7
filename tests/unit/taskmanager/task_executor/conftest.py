"""Makes the tests' support modules importable."""

from __future__ import annotations

import sys
from pathlib import Path

_SUPPORT = str(Path(__file__).parent / "task_executor_support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)
