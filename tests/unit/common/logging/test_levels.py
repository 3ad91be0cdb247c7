"""Levels of loggers are checked, set and listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.logging.levels import effective_level, levels_set, set_level

NAME = "tests.levels"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger().level
    yield
    logging.getLogger().setLevel(root)
    logging.getLogger(NAME).setLevel(logging.NOTSET)


def test_a_logger_gets_a_level_and_those_below_follow() -> None:
    set_level(NAME, "DEBUG")
    assert effective_level(f"{NAME}.below") == "DEBUG"
    assert levels_set()[NAME] == "DEBUG"
    assert f"{NAME}.below" not in levels_set()


def test_without_a_level_it_follows_the_one_above() -> None:
    set_level("", "ERROR")
    set_level(NAME, "DEBUG")
    set_level(NAME, "")
    assert effective_level(NAME) == "ERROR"
    assert NAME not in levels_set()
    assert levels_set()[""] == "ERROR"


@pytest.mark.parametrize(
    ("logger", "level", "told"),
    [
        ("a..b", "INFO", r"no logger 'a\.\.b': give a dotted name"),
        ("a b", "INFO", "no logger"),
        ("a" * 201, "INFO", "no logger"),
        (NAME, "LOUD", "no log level 'LOUD': give one of DEBUG, INFO"),
        (NAME, "info", "no log level"),
        ("", "", "root logger has no parent"),
    ],
)
def test_what_cannot_be_is_refused(logger: str, level: str, told: str) -> None:
    before = levels_set()
    with pytest.raises(MillstreamError, match=told):
        set_level(logger, level)
    assert levels_set() == before
