"""Jobs drawn by seeds, on clusters drawn by seeds, under faults drawn by seeds: every promise holds, and together the
seeds come to every fault point and let something fail there.

A seed that fails is the whole reproduction: ``python -m tests.sim --step --seeds <seed>``.
"""

from __future__ import annotations

import logging

import pytest

from millstream.common.fault_points import FaultPoint, all_fault_points
from millstream.testing.simulation.drawn_runs import AIMS, run_drawn
from millstream.testing.simulation.faults import FaultCoverage

_SEEDS = 210
_IN_ONE_TEST = 10

EXEMPT = {
    "ha.garbage-node-removed": "only `ha clean` comes there, when the cluster has ended; it may run again",
}
"""Fault points that no seed strikes, each with the reason."""


@pytest.fixture(scope="module")
def coverage() -> FaultCoverage:
    """What all seeds of this module have covered so far."""
    return FaultCoverage()


@pytest.mark.parametrize("first", range(0, _SEEDS, _IN_ONE_TEST))
def test_every_promise_holds_under_faults(
    first: int, coverage: FaultCoverage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "millstream")
    for seed in range(first, first + _IN_ONE_TEST):
        report = run_drawn(seed)
        assert not report.violations, report.story()
        coverage.add(report.coverage)


def test_something_failed_at_every_fault_point(coverage: FaultCoverage) -> None:
    if coverage.runs < _SEEDS:
        pytest.skip("only the seeds of the whole module together come to every fault point")
    assert sorted(set(coverage.never_struck(_points())) - set(EXEMPT)) == []


def test_seeds_aim_at_every_fault_point() -> None:
    assert sorted(AIMS) == sorted({point.name for point in _points()} - set(EXEMPT))


def _points() -> list[FaultPoint]:
    """Those of the product; tests may have made others in the same process."""
    return [point for point in all_fault_points() if point.name.partition(".")[0] in _PACKAGES]


_PACKAGES = {"checkpoint", "dispatcher", "file-sink", "ha", "jobmaster", "network", "sink", "taskmanager"}
