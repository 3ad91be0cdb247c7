"""Jobs drawn by seeds, on clusters drawn by seeds, under faults drawn by seeds: every promise holds.

A seed that fails is the whole reproduction: ``python -m tests.sim --step --seeds <seed>``.
"""

from __future__ import annotations

import logging

import pytest

from millstream.testing.simulation.drawn_runs import run_drawn

_SEEDS = 210
_IN_ONE_TEST = 10


@pytest.mark.parametrize("first", range(0, _SEEDS, _IN_ONE_TEST))
def test_every_promise_holds_under_faults(first: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "millstream")
    for seed in range(first, first + _IN_ONE_TEST):
        report = run_drawn(seed)
        assert not report.violations, report.story()
