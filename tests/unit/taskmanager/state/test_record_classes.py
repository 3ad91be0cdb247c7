"""Classes are found by their names, those of scripts too."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from dataclasses import dataclass

import cloudpickle
import pytest

from millstream.taskmanager.state.record_classes import find_class


@pytest.fixture
def _nothing_is_collected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_nothing_is_collected")
def test_what_was_begun_of_a_class_that_is_there_already_is_not_taken_for_it() -> None:
    @dataclass
    class Plain:
        number: int = 0

    @dataclass(frozen=True)
    class Slotted:
        __slots__ = ("number",)
        number: int

    class Empty:
        pass

    for cls in (Plain, Slotted, Empty):
        # As two operators of a script bring it into one process.
        assert pickle.loads(cloudpickle.dumps(cls)) is cls
        assert find_class(cls.__module__, cls.__qualname__) is cls
