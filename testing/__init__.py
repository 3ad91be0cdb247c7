"""Help for testing programs: harnesses that run a piece of one without a cluster, and a small cluster in the test
process, shared by the tests that need it.

One operator, or a few, under the test's control::

    from millstream.testing import OperatorHarness

    with OperatorHarness(lambda stream: stream.map(lambda x: 2 * x)) as harness:
        harness.process_element(1)
        assert harness.get_output() == [2]

A whole job, in a ``conftest.py`` or test module::

    from millstream.testing import mini_cluster, environment

    def test_doubles(environment):
        results = environment.from_collection([1, 2]).map(lambda x: 2 * x).execute_and_collect()
        assert sorted(results) == [2, 4]

or, for a whole test suite, ``pytest_plugins = ["millstream.testing.pytest_plugin"]`` in the topmost ``conftest.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.testing.cluster_environment import environment_for, submitting_to
from millstream.testing.function_harness import harness_for
from millstream.testing.harness_output import StreamRecord
from millstream.testing.operator_harness import OperatorHarness

if TYPE_CHECKING:
    from millstream.testing.pytest_plugin import environment, mini_cluster

__all__ = [
    "OperatorHarness",
    "StreamRecord",
    "environment",
    "environment_for",
    "harness_for",
    "mini_cluster",
    "submitting_to",
]


def __getattr__(name: str) -> Any:
    # pytest is no dependency of Millstream's: only the fixtures need it.
    if name in ("environment", "mini_cluster"):
        from millstream.testing import pytest_plugin

        return getattr(pytest_plugin, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
