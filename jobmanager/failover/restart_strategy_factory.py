"""Makes the restart strategy that a job's configuration asks for."""

from __future__ import annotations

import random
from datetime import timedelta

from millstream.common.config import CheckpointingOptions, Configuration, RestartStrategyOptions
from millstream.common.errors import ConfigurationError
from millstream.jobmanager.failover.exponential_delay_strategy import ExponentialDelayRestartBackoffTimeStrategy
from millstream.jobmanager.failover.failure_rate_strategy import FailureRateRestartBackoffTimeStrategy
from millstream.jobmanager.failover.fixed_delay_strategy import FixedDelayRestartBackoffTimeStrategy
from millstream.jobmanager.failover.no_restart_strategy import NoRestartBackoffTimeStrategy
from millstream.jobmanager.failover.restart_strategy import RestartBackoffTimeStrategy

__all__ = ["create_restart_strategy"]

# Flink's own "no bound" where an attempt count is asked for.
_UNLIMITED = 2**31 - 1


def create_restart_strategy(configuration: Configuration, source: random.Random) -> RestartBackoffTimeStrategy:
    """Return the strategy of ``restart-strategy.type``. Unset, a job with periodic checkpoints is restarted as often as
    it fails, with growing delays; one without is not restarted: it has nothing to begin from.

    :param source: of the jitter.
    :raises ConfigurationError: an unknown type or a setting out of its bounds.
    """
    checkpoints = bool(configuration.get(CheckpointingOptions.INTERVAL))
    kind = configuration.get(RestartStrategyOptions.TYPE) or ("exponential-delay" if checkpoints else "none")
    try:
        if kind == "none":
            return NoRestartBackoffTimeStrategy()
        if kind == "fixed-delay":
            return FixedDelayRestartBackoffTimeStrategy(
                configuration.get(RestartStrategyOptions.FIXED_DELAY_ATTEMPTS),
                _ms(configuration.get(RestartStrategyOptions.FIXED_DELAY_DELAY)),
            )
        if kind == "failure-rate":
            return FailureRateRestartBackoffTimeStrategy(
                configuration.get(RestartStrategyOptions.FAILURE_RATE_MAX_FAILURES),
                _ms(configuration.get(RestartStrategyOptions.FAILURE_RATE_INTERVAL)),
                _ms(configuration.get(RestartStrategyOptions.FAILURE_RATE_DELAY)),
            )
        if kind == "exponential-delay":
            attempts = configuration.get(RestartStrategyOptions.EXPONENTIAL_ATTEMPTS)
            return ExponentialDelayRestartBackoffTimeStrategy(
                _ms(configuration.get(RestartStrategyOptions.EXPONENTIAL_INITIAL_BACKOFF)),
                _ms(configuration.get(RestartStrategyOptions.EXPONENTIAL_MAX_BACKOFF)),
                configuration.get(RestartStrategyOptions.EXPONENTIAL_BACKOFF_MULTIPLIER),
                _ms(configuration.get(RestartStrategyOptions.EXPONENTIAL_RESET_THRESHOLD)),
                configuration.get(RestartStrategyOptions.EXPONENTIAL_JITTER_FACTOR),
                None if attempts is None or not 0 <= attempts < _UNLIMITED else attempts,
                source,
            )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    raise ConfigurationError(
        f"restart-strategy.type is {kind!r}; it must be one of none, fixed-delay, failure-rate, exponential-delay"
    )


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
