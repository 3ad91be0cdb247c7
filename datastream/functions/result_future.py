"""How an asynchronous function in callback style hands over its results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

__all__ = ["ResultFuture"]

OUT = TypeVar("OUT")


class ResultFuture(ABC, Generic[OUT]):
    """Takes the results of one call of ``async_invoke``, once; what comes after that is ignored.

    Both methods can be called from any thread, also inside ``async_invoke`` itself.
    """

    @abstractmethod
    def complete(self, result: Iterable[OUT]) -> None:
        """Hand over all results of the record: a list, which may be empty."""

    @abstractmethod
    def complete_exceptionally(self, error: BaseException) -> None:
        """Say that there are no results: the job fails with ``error``, unless the retry strategy wants another try."""
