"""Restart strategies: how often, and after how long."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.config import Configuration
from millstream.jobmanager.failover.exponential_delay_strategy import ExponentialDelayRestartBackoffTimeStrategy
from millstream.jobmanager.failover.failure_rate_strategy import FailureRateRestartBackoffTimeStrategy
from millstream.jobmanager.failover.fixed_delay_strategy import FixedDelayRestartBackoffTimeStrategy
from millstream.jobmanager.failover.no_restart_strategy import NoRestartBackoffTimeStrategy
from millstream.jobmanager.failover.restart_strategy_factory import create_restart_strategy


def test_none_never_restarts() -> None:
    strategy = NoRestartBackoffTimeStrategy()
    strategy.notify_failure(0)
    assert not strategy.can_restart(0)


@given(st.integers(0, 20), st.integers(0, 10_000))
def test_fixed_delay_allows_exactly_its_attempts(attempts: int, delay_ms: int) -> None:
    strategy = FixedDelayRestartBackoffTimeStrategy(attempts, delay_ms)
    for _ in range(attempts):
        strategy.notify_failure(0)
        assert strategy.can_restart(0)
        assert strategy.backoff_time_ms(0) == delay_ms
    strategy.notify_failure(0)
    assert not strategy.can_restart(0)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=50), st.integers(0, 4), st.integers(1, 1000))
def test_failure_rate_counts_the_failures_of_the_interval(gaps: list[int], allowed: int, interval_ms: int) -> None:
    strategy = FailureRateRestartBackoffTimeStrategy(allowed, interval_ms, 5)
    times: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        times.append(now)
        strategy.notify_failure(now)
        recent = sum(1 for at in times if now - at <= interval_ms)
        assert strategy.can_restart(now) == (recent <= allowed)
    assert strategy.backoff_time_ms(now) == 5


def test_exponential_delay_grows_to_its_bound_and_begins_anew_after_quiet() -> None:
    strategy = ExponentialDelayRestartBackoffTimeStrategy(1000, 5000, 2.0, 60_000, 0.0, None, random.Random(1))
    now, delays = 0, []
    for _ in range(5):
        strategy.notify_failure(now)
        delays.append(strategy.backoff_time_ms(now))
        now += delays[-1] + 1
    assert delays == [1000, 2000, 4000, 5000, 5000]
    now += 60_000
    strategy.notify_failure(now)
    assert strategy.backoff_time_ms(now) == 1000


def test_exponential_delay_takes_failures_during_the_backoff_as_one() -> None:
    strategy = ExponentialDelayRestartBackoffTimeStrategy(1000, 5000, 2.0, 60_000, 0.0, 1, random.Random(1))
    assert strategy.notify_failure(0)
    assert not strategy.notify_failure(400)
    assert strategy.can_restart(400)
    assert strategy.backoff_time_ms(400) == 600
    assert strategy.notify_failure(1001)
    assert not strategy.can_restart(1001)


@given(st.floats(0, 1), st.integers(0, 2**32), st.lists(st.integers(0, 20_000), max_size=30))
def test_exponential_delay_stays_within_its_bounds(jitter: float, seed: int, gaps: list[int]) -> None:
    strategy = ExponentialDelayRestartBackoffTimeStrategy(100, 3000, 1.5, 10_000, jitter, None, random.Random(seed))
    now = 0
    for gap in gaps:
        now += gap
        strategy.notify_failure(now)
        assert strategy.can_restart(now)
        assert 0 <= strategy.backoff_time_ms(now) <= 3000


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "no restart strategy"),
        ({"restart-strategy.type": "off"}, "no restart strategy"),
        ({"execution.checkpointing.interval": "1 s"}, "backoff 1000 to 60000 ms by 1.5, attempts: unlimited"),
        ({"execution.checkpointing.interval": "1 s", "restart-strategy.type": "none"}, "no restart strategy"),
        ({"restart-strategy.type": "fixed-delay"}, r"fixed-delay restart strategy \(attempts: 1, delay: 1000 ms\)"),
        ({"restart-strategy.type": "failure-rate"}, r"at most 1 failures in 60000 ms, delay: 1000 ms"),
        ({"restart-strategy.type": "exponential-delay"}, "backoff 1000 to 60000 ms by 1.5, attempts: unlimited"),
        (
            {
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": "3",
                "restart-strategy.fixed-delay.delay": "20 ms",
            },
            r"attempts: 3, delay: 20 ms",
        ),
    ],
)
def test_strategy_from_the_configuration(settings: dict[str, str], expected: str) -> None:
    strategy = create_restart_strategy(Configuration.from_map(settings), random.Random(1))
    assert re.search(expected, strategy.describe())
