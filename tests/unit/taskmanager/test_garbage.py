"""The cyclic garbage collector in a worker comes rarely, but comes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from millstream.taskmanager.garbage import TunedCollector


class Node:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collector() -> Iterator[TunedCollector]:
    tuned = TunedCollector()
    before = gc.get_threshold()
    tuned.tune()
    yield tuned
    tuned.restore()
    assert gc.get_threshold() == before


def test_it_collects_less_and_less_often_while_it_finds_nothing(collector: TunedCollector) -> None:
    first = gc.get_threshold()[0]
    gc.collect(0)
    gc.collect(0)
    assert gc.get_threshold()[0] == 4 * first
    for _ in range(10):
        gc.collect(0)
    assert gc.get_threshold()[0] == 16 * first


def test_it_collects_as_often_as_in_the_beginning_when_there_is_garbage(collector: TunedCollector) -> None:
    first = gc.get_threshold()[0]
    gc.collect(0)
    gc.collect(0)
    nodes = [Node() for _ in range(first)]
    last = weakref.ref(nodes[-1])
    del nodes
    gc.collect(0)
    assert last() is None
    assert gc.get_threshold()[0] == first


def test_tuning_twice_is_tuning_once() -> None:
    tuned = TunedCollector()
    before = gc.get_threshold(), list(gc.callbacks)
    tuned.tune()
    tuned.tune()
    tuned.restore()
    tuned.restore()
    assert (gc.get_threshold(), list(gc.callbacks)) == before
