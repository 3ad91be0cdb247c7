"""Which completed checkpoints are kept."""

from __future__ import annotations

import pytest

from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint
from millstream.jobmanager.checkpoint.completed_checkpoint_store import CompletedCheckpointStore


def completed(number: int, owned: bool = True) -> CompletedCheckpoint:
    return CompletedCheckpoint(CheckpointMetadata(checkpoint_id=number), f"/chk-{number}", owned)


@pytest.mark.parametrize("retained", [1, 2, 3])
def test_the_newest_are_kept(retained: int) -> None:
    store = CompletedCheckpointStore(retained)
    assert store.latest is None
    for number in range(1, 6):
        subsumed = store.add(completed(number))
        assert [one.id for one in subsumed] == ([number - retained] if number > retained else [])
        assert store.latest is not None
        assert store.latest.id == number
    assert [one.id for one in store.clear()] == list(range(6 - retained, 6))
    assert store.latest is None


def test_a_savepoint_takes_no_place_and_goes_with_the_next_checkpoint() -> None:
    store = CompletedCheckpointStore(1)
    store.add(completed(1))
    assert store.add(completed(2, owned=False)) == []
    assert [one.id for one in store.add(completed(3))] == [1, 2]
    assert [one.id for one in store.clear()] == [3]
