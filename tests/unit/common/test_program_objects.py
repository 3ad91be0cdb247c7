"""What programs get from ``millstream.common`` beside types: futures, restart strategies, metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from millstream.common import CompletableFuture, Configuration, JobExecutionResult, JobID, RestartStrategies
from millstream.common.metrics import MetricGroup
from millstream.common.restart_strategy import RestartStrategyConfiguration


def test_a_future_of_something_done() -> None:
    future = CompletableFuture.of(lambda: 3)
    seen: list[int] = []
    future.add_done_callback(lambda each: seen.append(each.result()))
    assert future.done()
    assert (future.result(), future.exception(), future.cancelled(), seen) == (3, None, False, [3])


def test_a_future_of_something_that_failed() -> None:
    future = CompletableFuture.of(lambda: int("x"))
    assert isinstance(future.exception(), ValueError)
    with pytest.raises(ValueError, match="invalid literal"):
        future.result()


def test_a_future_that_is_waited_for() -> None:
    gate = threading.Event()
    future: CompletableFuture[bool] = CompletableFuture.waiting(lambda: gate.wait(10), "waits")
    assert not future.done()
    with pytest.raises(TimeoutError):
        future.result(0.001)
    gate.set()
    assert future.result(10)


STRATEGIES: list[tuple[Callable[[], RestartStrategyConfiguration], dict[str, str]]] = [
    (RestartStrategies.no_restart, {"type": "none"}),
    (
        lambda: RestartStrategies.fixed_delay_restart(3, 1000),
        {"type": "fixed-delay", "fixed-delay.attempts": "3", "fixed-delay.delay": "1 s"},
    ),
    (
        lambda: RestartStrategies.failure_rate_restart(2, 60_000, 5000),
        {
            "type": "failure-rate",
            "failure-rate.max-failures-per-interval": "2",
            "failure-rate.failure-rate-interval": "1 min",
            "failure-rate.delay": "5 s",
        },
    ),
    (RestartStrategies.fall_back_restart, {}),
]


@pytest.mark.parametrize(("make", "settings"), STRATEGIES)
def test_restart_strategies_are_options(
    make: Callable[[], RestartStrategyConfiguration], settings: dict[str, str]
) -> None:
    configuration = Configuration()
    make().write_to(configuration)
    assert configuration.to_map() == {f"restart-strategy.{key}": value for key, value in settings.items()}
    assert make().get_description()


def test_restart_strategies_tell_what_they_are() -> None:
    fixed = RestartStrategies.fixed_delay_restart(3, 1000)
    assert (fixed.get_restart_attempts(), fixed.get_delay_between_attempts_interval()) == (3, timedelta(seconds=1))
    rate = RestartStrategies.failure_rate_restart(2, 60_000, 5000)
    assert (rate.get_max_failure_rate(), rate.get_failure_interval()) == (2, timedelta(minutes=1))


def test_a_result_without_accumulators() -> None:
    result = JobExecutionResult(JobID("0" * 32), 5)
    assert result.get_all_accumulator_results() == {}
    assert result.get_accumulator_result("records") is None


def test_metrics() -> None:
    group = MetricGroup(("job",))
    counter = group.counter("seen")
    counter.inc(3)
    counter.dec()
    assert group.counter("seen") is counter
    below = group.add_group("kind", "a")
    assert group.add_group("kind", "a") is below
    below.meter("rate").mark_event(4)
    group.gauge("size", lambda: 9)
    distribution = group.distribution("latency")
    for value in (3, 1, 2):
        distribution.update(value)
    assert (distribution.minimum, distribution.maximum, distribution.latest()) == (1, 3, [3, 1, 2])
    assert dict(group.values()) == {
        "job.seen": 2,
        "job.size": 9,
        "job.latency.count": 3,
        "job.latency.sum": 6,
        "job.kind.a.rate": 4,
    }
    with pytest.raises(ValueError, match=r"'job.seen' is already registered"):
        group.meter("seen")
    with pytest.raises(ValueError, match="another kind"):
        group.counter("size")
    with pytest.raises(ValueError, match="another kind"):
        group.gauge("seen", lambda: 1)
