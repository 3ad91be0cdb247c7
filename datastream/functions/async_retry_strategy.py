"""Whether, how often and when a failed call of an asynchronous function is tried again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["AsyncRetryPredicate", "AsyncRetryStrategy"]

OUT = TypeVar("OUT")


class AsyncRetryPredicate(ABC, Generic[OUT]):
    """Says which outcomes are worth another try."""

    @abstractmethod
    def result_predicate(self) -> Callable[[list[OUT]], bool] | None:
        """A function that is true for results that are to be dropped and tried again; ``None``: none are."""

    @abstractmethod
    def exception_predicate(self) -> Callable[[Exception], bool] | None:
        """A function that is true for an exception after which the call is tried again; ``None``: none is."""


class AsyncRetryStrategy(ABC, Generic[OUT]):
    """Says how often and when a call is tried again. One object serves all records of a subtask."""

    @abstractmethod
    def can_retry(self, current_attempts: int) -> bool:
        """Whether the call may be tried again after so many attempts (1: only the first one has been made)."""

    @abstractmethod
    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """How long to wait, in ms, after so many attempts."""

    @abstractmethod
    def get_retry_predicate(self) -> AsyncRetryPredicate[OUT]:
        """Which outcomes are worth another try."""

    @staticmethod
    def no_restart() -> AsyncRetryStrategy[Any]:
        """The first outcome counts."""
        from millstream.datastream.async_retry_strategies import NO_RETRY_STRATEGY

        return NO_RETRY_STRATEGY

    @staticmethod
    def fixed_delay(
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: Callable[[list[Any]], bool] | None = None,
        exception_predicate: Callable[[Exception], bool] | None = None,
    ) -> AsyncRetryStrategy[Any]:
        """The same time between all attempts; see
        :class:`~millstream.datastream.async_retry_strategies.FixedDelayRetryStrategy`.
        """
        from millstream.datastream.async_retry_strategies import FixedDelayRetryStrategy

        return FixedDelayRetryStrategy(max_attempts, backoff_time_millis, result_predicate, exception_predicate)

    @staticmethod
    def exponential_backoff(
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: Callable[[list[Any]], bool] | None = None,
        exception_predicate: Callable[[Exception], bool] | None = None,
    ) -> AsyncRetryStrategy[Any]:
        """Times that grow; see
        :class:`~millstream.datastream.async_retry_strategies.ExponentialBackoffDelayRetryStrategy`.
        """
        from millstream.datastream.async_retry_strategies import ExponentialBackoffDelayRetryStrategy

        return ExponentialBackoffDelayRetryStrategy(
            max_attempts, initial_delay, max_retry_delay, multiplier, result_predicate, exception_predicate
        )
