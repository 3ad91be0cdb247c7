"""Restart strategies as objects, for programs that set them on the environment.

Each writes the same ``restart-strategy.*`` options that a configuration file would hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta

from millstream.common.config import Configuration, RestartStrategyOptions

__all__ = [
    "FailureRateRestartStrategyConfiguration",
    "FallbackRestartStrategyConfiguration",
    "FixedDelayRestartStrategyConfiguration",
    "NoRestartStrategyConfiguration",
    "RestartStrategies",
    "RestartStrategyConfiguration",
    "restart_strategy_of",
]


class RestartStrategyConfiguration(ABC):
    """What is done when a job fails."""

    @abstractmethod
    def get_description(self) -> str:
        """For people."""

    @abstractmethod
    def write_to(self, configuration: Configuration) -> None:
        """Set the options that mean this."""


@dataclass(frozen=True)
class NoRestartStrategyConfiguration(RestartStrategyConfiguration):
    """The first failure fails the job."""

    def get_description(self) -> str:
        return "Restart deactivated."

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(RestartStrategyOptions.TYPE, "none")


@dataclass(frozen=True)
class FixedDelayRestartStrategyConfiguration(RestartStrategyConfiguration):
    """A number of restarts, with a pause before each."""

    restart_attempts: int
    delay_between_attempts_interval: timedelta

    def get_restart_attempts(self) -> int:
        return self.restart_attempts

    def get_delay_between_attempts_interval(self) -> timedelta:
        return self.delay_between_attempts_interval

    def get_description(self) -> str:
        return (
            f"Restart with fixed delay ({self.delay_between_attempts_interval}). #{self.restart_attempts} restart "
            "attempts."
        )

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(RestartStrategyOptions.TYPE, "fixed-delay")
        configuration.set(RestartStrategyOptions.FIXED_DELAY_ATTEMPTS, self.restart_attempts)
        configuration.set(RestartStrategyOptions.FIXED_DELAY_DELAY, self.delay_between_attempts_interval)


@dataclass(frozen=True)
class FailureRateRestartStrategyConfiguration(RestartStrategyConfiguration):
    """Restarts unless there are too many failures within an interval."""

    max_failure_rate: int
    failure_interval: timedelta
    delay_between_attempts_interval: timedelta

    def get_max_failure_rate(self) -> int:
        return self.max_failure_rate

    def get_failure_interval(self) -> timedelta:
        return self.failure_interval

    def get_delay_between_attempts_interval(self) -> timedelta:
        return self.delay_between_attempts_interval

    def get_description(self) -> str:
        return (
            f"Failure rate restart with maximum of {self.max_failure_rate} failures within interval "
            f"{self.failure_interval} and fixed delay {self.delay_between_attempts_interval}."
        )

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(RestartStrategyOptions.TYPE, "failure-rate")
        configuration.set(RestartStrategyOptions.FAILURE_RATE_MAX_FAILURES, self.max_failure_rate)
        configuration.set(RestartStrategyOptions.FAILURE_RATE_INTERVAL, self.failure_interval)
        configuration.set(RestartStrategyOptions.FAILURE_RATE_DELAY, self.delay_between_attempts_interval)


@dataclass(frozen=True)
class FallbackRestartStrategyConfiguration(RestartStrategyConfiguration):
    """What the cluster is configured to do."""

    def get_description(self) -> str:
        return "Cluster level default restart strategy"

    def write_to(self, configuration: Configuration) -> None:
        for key in configuration.key_set():
            if key.startswith("restart-strategy"):
                configuration.remove_config(key)


# Within the class below its own attributes hide the classes' names.
_None = NoRestartStrategyConfiguration
_Fallback = FallbackRestartStrategyConfiguration
_FixedDelay = FixedDelayRestartStrategyConfiguration
_FailureRate = FailureRateRestartStrategyConfiguration


class RestartStrategies:
    """Makes restart strategies. Times are in ms."""

    NoRestartStrategyConfiguration = NoRestartStrategyConfiguration
    FixedDelayRestartStrategyConfiguration = FixedDelayRestartStrategyConfiguration
    FailureRateRestartStrategyConfiguration = FailureRateRestartStrategyConfiguration
    FallbackRestartStrategyConfiguration = FallbackRestartStrategyConfiguration

    @staticmethod
    def no_restart() -> _None:
        return _None()

    @staticmethod
    def fall_back_restart() -> _Fallback:
        return _Fallback()

    @staticmethod
    def fixed_delay_restart(restart_attempts: int, delay_between_attempts: int) -> _FixedDelay:
        return _FixedDelay(restart_attempts, timedelta(milliseconds=delay_between_attempts))

    @staticmethod
    def failure_rate_restart(failure_rate: int, failure_interval: int, delay_interval: int) -> _FailureRate:
        return _FailureRate(
            failure_rate, timedelta(milliseconds=failure_interval), timedelta(milliseconds=delay_interval)
        )


def restart_strategy_of(configuration: Configuration) -> RestartStrategyConfiguration:
    """The strategy that the ``restart-strategy.*`` options say; without a class for it, the cluster's."""
    get = configuration.get
    kind = get(RestartStrategyOptions.TYPE)
    if kind == "none":
        return _None()
    if kind == "fixed-delay":
        return _FixedDelay(
            get(RestartStrategyOptions.FIXED_DELAY_ATTEMPTS), get(RestartStrategyOptions.FIXED_DELAY_DELAY)
        )
    if kind == "failure-rate":
        return _FailureRate(
            get(RestartStrategyOptions.FAILURE_RATE_MAX_FAILURES),
            get(RestartStrategyOptions.FAILURE_RATE_INTERVAL),
            get(RestartStrategyOptions.FAILURE_RATE_DELAY),
        )
    return _Fallback()
