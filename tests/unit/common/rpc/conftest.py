"""For the tests of the RPC layer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _garbage_is_collected() -> Iterator[None]:
    """gRPC's poller thread ends with the last of its calls, and cancelled ones are cycles that need a collection."""
    yield
    gc.collect()
