"""Snapshots of operator harnesses: what a completed checkpoint of the fragment's operators would be.

Several subtasks' snapshots make one, as the acknowledgements of a job's tasks make a checkpoint, and a harness takes
out of it what its own subtask would be given.
"""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, OperatorState, OperatorSubtaskState
from millstream.jobmanager.checkpoint.operator_state_distribution import distribute_operator_state

__all__ = ["check_operators", "join_snapshots", "share_of"]


def join_snapshots(snapshots: Sequence[bytes]) -> bytes:
    """Make one snapshot of those of several subtasks.

    :raises ValueError: there is none, or they are not of all the subtasks of the same operators.
    """
    if not snapshots:
        raise ValueError("there is no snapshot")
    joined = CheckpointMetadata.FromString(snapshots[0])
    for snapshot in snapshots[1:]:
        other = CheckpointMetadata.FromString(snapshot)
        check_operators(other, [operator.name for operator in joined.operators])
        for operator, more in zip(joined.operators, other.operators, strict=True):
            for index, subtask in more.subtasks.items():
                if index in operator.subtasks:
                    raise ValueError(f"two snapshots are of subtask {index}; give each harness its own subtask_index")
                operator.subtasks[index].CopyFrom(subtask)
    for operator in joined.operators:
        missing = set(range(operator.parallelism)) - set(operator.subtasks)
        if missing:
            raise ValueError(f"the snapshots of subtasks {sorted(missing)} of {operator.parallelism} are missing")
    return joined.SerializeToString()


def check_operators(snapshot: CheckpointMetadata, wanted: list[str]) -> None:
    """:raises ValueError: the snapshot is of other operators."""
    names = [operator.name for operator in snapshot.operators]
    if names != wanted:
        raise ValueError(f"the snapshot is of the operators {names}, and these are {wanted}")


def share_of(operator: OperatorState, parallelism: int, subtask_index: int) -> OperatorSubtaskState:
    """What a subtask is given of an operator's state."""
    own = KeyGroupRange.of_subtask(operator.max_parallelism, parallelism, subtask_index)
    share = OperatorSubtaskState(operator=distribute_operator_state(operator, parallelism)[subtask_index])
    for index in sorted(operator.subtasks):
        for handle in operator.subtasks[index].keyed:
            if own.intersection(KeyGroupRange(handle.first_key_group, handle.last_key_group)):
                share.keyed.append(handle)
    return share
