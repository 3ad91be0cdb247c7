"""The latest failures of a job, and what failed with them."""

from __future__ import annotations

from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.jobmanager.failover.exception_history import ExceptionHistory


def _failure(message: object) -> FailureInfo:
    return engine_failure(ENGINE, str(message))


def test_it_is_bounded_and_newest_first() -> None:
    history = ExceptionHistory(2)
    history.add(_failure(0))
    history.add(_failure(1))
    assert not history.truncated
    history.add(_failure(2))
    assert history.truncated
    assert [failure.message for failure in history] == ["2", "1"]
    assert len(history) == 2


def test_what_failed_at_the_same_time_stands_beside_its_root_cause() -> None:
    history = ExceptionHistory(2)
    history.add_concurrent(_failure("of nothing"))
    history.add(_failure("first"))
    history.add(_failure("second"))
    history.add_concurrent(_failure("third"))
    second, first = history.entries()
    assert [each.message for each in second.concurrent] == ["third"]
    assert not first.concurrent


def test_an_echo_gives_way_to_the_cause_and_is_not_forgotten() -> None:
    history = ExceptionHistory(2)
    history.replace_newest(_failure("cause of nothing"))
    history.add(_failure("echo"))
    history.replace_newest(_failure("cause"))
    newest, _ = history.entries()
    assert (newest.root_cause.message, [each.message for each in newest.concurrent]) == ("cause", ["echo"])


def test_a_thousand_tasks_may_fail_at_once() -> None:
    history = ExceptionHistory(2)
    history.add(_failure("lost"))
    for number in range(1000):
        history.add_concurrent(_failure(number))
    (entry,) = history.entries()
    assert len(entry.concurrent) < 100
