"""Runs a batch of keyed records with their state fetched beforehand, where the state backend is not in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["with_state_of"]

T = TypeVar("T")


def with_state_of(backend: KeyedStateBackend, keys: Sequence[Any], outputs: Iterable[T]) -> Iterator[T]:
    """Give ``outputs``, whose making works for these keys."""
    backend.begin_batch(keys)
    yield from outputs
    backend.end_batch()
