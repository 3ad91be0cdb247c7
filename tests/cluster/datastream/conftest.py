"""One embedded cluster for all tests of this folder."""

from __future__ import annotations

from millstream.testing.pytest_plugin import environment as environment
from millstream.testing.pytest_plugin import mini_cluster as mini_cluster
