"""Seeds as text, and the account of many runs."""

from __future__ import annotations

import json
from collections import Counter
from multiprocessing import resource_tracker

import pytest

from millstream.testing.simulation.campaign import SeedOutcome, outcome_of, parse_seeds, run_campaign
from millstream.testing.simulation.faults import FaultCoverage
from millstream.testing.simulation.run_report import RunReport, render_event
from millstream.testing.simulation.timeline import FAULT, Timeline, TimelineEvent
from millstream.testing.simulation.violation import Violation

# Python's own process for what children leave behind stays until this one ends, with a pipe to it.
resource_tracker.ensure_running()


def run(seed: int) -> SeedOutcome:
    """A run in which each third seed loses a line."""
    wrong = [Violation("I1", "a line is missing", 2.0)] if seed % 3 == 0 else []
    events = [TimelineEvent(1.0, "", FAULT, "kill: master-1"), TimelineEvent(5.0, "master-1", "process", "ended")]
    coverage = FaultCoverage(1, faults=Counter({"kill": 2}), struck=Counter({"checkpoint.acknowledged": 1}))
    return outcome_of(RunReport(seed, "a job", wrong, coverage, 1_800.0, 0.5, events=events))


@pytest.mark.parametrize(
    ("text", "seeds"), [("7", [7]), ("0..3", [0, 1, 2, 3]), ("3..3,9", [3, 9]), (" 1 , 4..5", [1, 4, 5])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-3", "5..1", "1..", "-1"])
def test_what_names_no_seeds(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no seeds|is empty"):
        parse_seeds(text)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_account(workers: int) -> None:
    told: list[int] = []
    campaign = run_campaign(run, range(1, 8), workers, lambda outcome: told.append(outcome.seed))
    assert sorted(told) == list(range(1, 8))
    assert sorted(outcome.seed for outcome in campaign.failed) == [3, 6]
    assert "7 seeds, 21 faults injected, 3.50 simulated hours in 4 s" in campaign.report()
    assert "seeds with violations: 2" in campaign.report()
    summary = json.loads(campaign.to_json())
    assert summary["seeds"] == 7
    assert summary["faults"] == {"kill": 14}
    assert summary["violations"] == {
        "3": ["I1 at 2.000 s: a line is missing"],
        "6": ["I1 at 2.000 s: a line is missing"],
    }


def test_a_story_ends_with_what_went_wrong_first() -> None:
    story = run(3).story
    assert "seed 3: a job" in story
    assert "I1 at 2.000 s: a line is missing" in story
    assert "kill: master-1" in story
    assert "ended" not in story
    assert run(1).story == ""


def test_faults_stand_out() -> None:
    assert ">>>" in render_event(TimelineEvent(1.0, "", FAULT, "kill"))
    assert ">>>" not in render_event(TimelineEvent(1.0, "", "job", "is RUNNING"))
    assert render_event(TimelineEvent(1.0, "", FAULT, "kill"), colour=True).startswith("\033[31m")


def test_a_timeline_is_the_same_if_all_of_it_is() -> None:
    now = 0.0
    one, other = Timeline(lambda: now), Timeline(lambda: now)
    heard: list[TimelineEvent] = []
    end = one.listen(heard.append)
    for timeline in (one, other):
        timeline.record("job", "is RUNNING")
    assert one.digest() == other.digest()
    end()
    now = 0.5
    one.record("job", "is FINISHED", "master-1")
    assert one.digest() != other.digest()
    assert heard == [TimelineEvent(0.0, "", "job", "is RUNNING")]
    assert [event.text for event in one.of_kind("job")] == ["is RUNNING", "is FINISHED"]
    assert len(one) == 2
