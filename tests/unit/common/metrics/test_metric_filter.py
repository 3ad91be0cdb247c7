"""Filters let through what their patterns match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.metrics.metric_filter import MetricFilter, MetricPattern

words = st.text("ab.*", min_size=1, max_size=8)
kinds = st.sampled_from(["counter", "meter", "gauge", "histogram"])


@pytest.mark.parametrize(
    ("pattern", "scope", "name", "kind", "matches"),
    [
        ("*:*:*", "jobmanager.job", "uptime", "gauge", True),
        ("*", "jobmanager.job", "uptime", "gauge", True),
        ("*:numRecordsIn,numRecordsOut", "taskmanager.job.task", "numRecordsOut", "counter", True),
        ("*:numRecordsIn,numRecordsOut", "taskmanager.job.task", "numRecordsOutPerSecond", "meter", False),
        ("*:numRecords*:counter", "taskmanager.job.task", "numRecordsOutPerSecond", "meter", False),
        ("*:numRecords*:counter,METER", "taskmanager.job.task", "numRecordsOutPerSecond", "meter", True),
        ("jobmanager.job", "jobmanager.job", "x", "gauge", True),
        ("jobmanager.job", "jobmanager.job.operator", "x", "gauge", False),
        ("jobmanager.job", "jobmanagerxjob", "x", "gauge", False),
        ("*.job", "taskmanager.job", "x", "gauge", True),
        ("*.job.*", "taskmanager.job.task", "x", "gauge", True),
        ("*.job.*", "taskmanager.job", "x", "gauge", False),
    ],
)
def test_patterns(pattern: str, scope: str, name: str, kind: str, matches: bool) -> None:
    assert MetricPattern.parse(pattern).matches(scope, name, kind) is matches


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "not of the form"),
        (":name", "not of the form"),
        ("a:b:gauge:c", "not of the form"),
        ("a:b:timer", "names the type 'timer'; types are counter, meter, gauge, histogram"),
        ("a::gauge", "has an empty part"),
        ("a:b:", "has an empty part"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MetricPattern.parse(pattern)


@given(words, words, kinds)
def test_an_exclude_wins(scope: str, name: str, kind: str) -> None:
    exact = re.sub(r"\*", "a", scope), re.sub(r"\*", "a", name)
    assert MetricFilter.parse([f"{scope}:{name}"], []).passes(*exact, kind)
    assert not MetricFilter.parse([f"{scope}:{name}"], [f"{scope}:{name}:{kind}"]).passes(*exact, kind)
    assert not MetricFilter.parse([], []).passes(*exact, kind)


@given(st.text(min_size=1), st.text("ab", min_size=1), kinds)
def test_only_asterisks_are_wildcards(scope: str, name: str, kind: str) -> None:
    given_scope = scope.replace(":", "").replace("*", "").strip()
    if given_scope:
        pattern = MetricPattern.parse(f"{given_scope}:{name}")
        assert pattern.matches(given_scope, name, kind)
        assert not pattern.matches(given_scope + "x", name, kind)
        assert MetricPattern.parse(f"{given_scope}*").matches(given_scope + "\nx", name, kind)
