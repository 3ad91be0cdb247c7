"""Whether a task that has no more input may end, as a pure state machine."""

from __future__ import annotations

from millstream.taskmanager.task.final_checkpoint import FinalCheckpoint
from millstream.taskmanager.task.input_ends import InputEnds


def test_without_checkpoints_a_task_ends_at_once() -> None:
    final = FinalCheckpoint(required=False)
    final.on_ended(drained=True)
    assert final.may_end
    assert not final.is_missing


def test_a_task_waits_for_a_checkpoint_that_it_took_after_its_end() -> None:
    final = FinalCheckpoint(required=True)
    final.on_taken(1, stop=False)
    final.on_ended(drained=True)
    assert final.is_missing
    final.on_completed(1)
    assert not final.may_end
    final.on_taken(2, stop=False)
    final.on_failed(2)
    final.on_taken(3, stop=False)
    final.on_taken(4, stop=False)
    assert not final.may_end
    final.on_completed(4)
    assert final.may_end
    assert final.is_final


def test_a_stopping_savepoint_holds_the_task_until_it_is_known_what_became_of_it() -> None:
    final = FinalCheckpoint(required=True)
    final.on_taken(1, stop=True)
    assert final.held
    final.on_failed(1)
    assert not final.held
    assert not final.stopped
    final.on_taken(2, stop=True)
    final.on_completed(2)
    assert not final.held
    assert final.stopped
    final.on_ended(drained=False)
    assert final.may_end
    assert not final.finished


def test_who_is_stopped_before_the_notice_waits_for_it() -> None:
    final = FinalCheckpoint(required=True)
    final.on_taken(1, stop=True)
    final.on_ended(drained=False)
    assert not final.may_end
    final.on_completed(1)
    assert final.may_end


def test_a_drained_task_waits_for_its_savepoint_also_without_checkpoints() -> None:
    final = FinalCheckpoint(required=False)
    final.on_ended(drained=True)
    final.on_taken(1, stop=False)
    assert not final.may_end
    final.on_completed(1)
    assert final.may_end


def test_the_input_has_ended_when_all_channels_have() -> None:
    ends = InputEnds(2)
    assert ends.on_end(0)
    assert not ends.on_end(0, drain=False)
    assert not ends.all
    assert ends.on_end(1, drain=False)
    assert ends.all
    assert not ends.drained
