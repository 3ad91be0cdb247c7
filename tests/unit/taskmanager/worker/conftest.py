"""Makes the tests' support modules importable, here and in launched worker processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

_SUPPORT = str(Path(__file__).parent / "worker_support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)


@pytest.fixture(autouse=True)
def _support_is_importable_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [_SUPPORT, os.environ.get("PYTHONPATH")])))
