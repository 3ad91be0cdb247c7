"""What is broken, one at a time: the rules that exactly-once hangs on."""

from __future__ import annotations

from tests.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

_TASK = "tests/unit/taskmanager/task"
_NETWORK = "tests/unit/taskmanager/network"
_OPERATORS = "tests/unit/taskmanager/operators"
_CHECKPOINT = "tests/unit/jobmanager/checkpoint"
_ZOOKEEPER = "tests/unit/common/high_availability/zookeeper"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "fencing of calls",
        "a deposed leader's calls are carried out",
        "common/rpc/endpoints.py",
        "if known.fencing_token is not None and fencing_token != known.fencing_token:",
        "if known.fencing_token is not None and not fencing_token:",
        ("tests/unit/common/rpc",),
    ),
    Mutation(
        "fencing of TaskManagers",
        "tasks of a JobMaster that was replaced are accepted",
        "taskmanager/task_executor/slot_service.py",
        "if job is None or job.job_master_id != job_master_id:\n            raise FencingError(",
        "if job is None:\n            raise FencingError(",
        ("tests/unit/taskmanager/task_executor",),
    ),
    Mutation(
        "alignment",
        "a channel goes on after its barrier: what came behind it gets into the snapshot",
        "taskmanager/task/alignment.py",
        "                pending.blocks = True\n                actions.append(Block(channel))",
        "                pending.blocks = True",
        (f"{_TASK}/test_alignment.py",),
    ),
    Mutation(
        "alignment of all channels",
        "a snapshot is taken before the last barrier has come",
        "taskmanager/task/alignment.py",
        "            return self._open <= pending.arrived\n        return self._open & self._in_line",
        "            return bool(pending.arrived)\n        return self._open & self._in_line",
        (f"{_TASK}/test_alignment.py",),
    ),
    Mutation(
        "credit return",
        "a buffer that was consumed is not given back: the channel starves",
        "taskmanager/network/credit_receiver.py",
        "        state.credit += 1\n        return [Grant(channel, 1)]",
        "        state.credit += 1\n        return []",
        (f"{_NETWORK}/test_credit_receiver.py",),
    ),
    Mutation(
        "credit limit",
        "a sender may send without credit: memory grows with the lag",
        "taskmanager/network/credit_receiver.py",
        "        if state.credit < 1:",
        "        if state.credit < -1000:",
        (f"{_NETWORK}/test_credit_receiver.py",),
    ),
    Mutation(
        "commit order",
        "transactions of a checkpoint that is not complete yet are committed with an earlier one",
        "taskmanager/operators/two_phase_commit_sink.py",
        "transaction.checkpoint_id is None or transaction.checkpoint_id > checkpoint_id",
        "transaction.checkpoint_id is None",
        (f"{_OPERATORS}/test_two_phase_commit_sink.py",),
    ),
    Mutation(
        "commit order of committers",
        "what a writer has handed over is committed before its checkpoint is complete",
        "taskmanager/operators/committables.py",
        "if checkpoint_id is None or (each.checkpoint_id is not None and each.checkpoint_id <= checkpoint_id):",
        "if checkpoint_id is None or each.checkpoint_id is not None:",
        (f"{_OPERATORS}/test_sink_writer.py",),
    ),
    Mutation(
        "completion before notification",
        "tasks hear that a checkpoint is complete before its metadata is written",
        "jobmanager/checkpoint/coordinator.py",
        "        else:\n            self._complete(pending, metadata)",
        "        self._complete(pending, metadata)",
        (_CHECKPOINT,),
    ),
    Mutation(
        "state restore range",
        "a subtask is given one key group too few when its state is restored",
        "common/key_groups.py",
        "        end = ((subtask_index + 1) * max_parallelism - 1) // parallelism",
        "        end = ((subtask_index + 1) * max_parallelism - 1) // parallelism - 1",
        ("tests/unit/common/test_key_groups.py", f"{_CHECKPOINT}/test_state_assignment.py"),
    ),
    Mutation(
        "state restore overlap",
        "a subtask is given only state that begins where its own range does",
        "jobmanager/checkpoint/state_assignment.py",
        "if len(own.intersection(KeyGroupRange(handle.first_key_group, handle.last_key_group)))",
        "if own.start == handle.first_key_group",
        (f"{_CHECKPOINT}/test_state_assignment.py",),
    ),
    Mutation(
        "watermark minimum",
        "event time follows the fastest channel: records of the others are late",
        "taskmanager/task/watermark_valve.py",
        "        lowest = min(aligned)",
        "        lowest = max(aligned)",
        (f"{_TASK}/test_watermark_valve.py",),
    ),
    Mutation(
        "watermark of a channel that wakes up",
        "event time stands still until a channel that was idle has caught up",
        "taskmanager/task/watermark_valve.py",
        "            state.aligned = state.watermark >= self.watermark",
        "            state.aligned = True",
        (f"{_TASK}/test_watermark_valve.py",),
    ),
    Mutation(
        "snapshots of old attempts",
        "a snapshot of a task that was started anew since counts for the checkpoint",
        "jobmanager/checkpoint/coordinator.py",
        "if pending is None or not pending.is_missing(event.attempt_id) or not current:",
        "if pending is None:",
        (_CHECKPOINT,),
    ),
    Mutation(
        "checkpoints of failed tasks",
        "a checkpoint goes on though one of its tasks has failed meanwhile",
        "jobmanager/checkpoint/coordinator.py",
        "            if cause or outdated:",
        "            if outdated:",
        (_CHECKPOINT,),
    ),
    Mutation(
        "shared files",
        "files that a later checkpoint refers to are deleted with an earlier one",
        "jobmanager/checkpoint/checkpoint_cleaner.py",
        "        if not any(is_inside(path, directory) and self._registry.is_needed(path) for path in files.shared):",
        "        if True:",
        (_CHECKPOINT,),
    ),
    Mutation(
        "fence of writes",
        "a leader that was deposed writes to ZooKeeper all the same",
        "common/high_availability/zookeeper/zookeeper_leadership.py",
        "await self._client.commit([CheckNode(self._node), *operations])",
        "await self._client.commit(operations)",
        (f"{_ZOOKEEPER}/test_election.py", f"{_ZOOKEEPER}/test_elections_in_simulation.py"),
    ),
    Mutation(
        "a node for each term",
        "a term begins with the node of the last one, whose writes may still be on their way",
        "common/high_availability/zookeeper/latch.py",
        "        self._former.add(self._prefix)\n        self._prefix = self._new_prefix()\n",
        "",
        (f"{_ZOOKEEPER}/test_latch.py", f"{_ZOOKEEPER}/test_election.py"),
    ),
    Mutation(
        "ids given twice",
        "a new leader gives the id of a checkpoint that the last one took",
        "common/high_availability/zookeeper/checkpoint_pointers.py",
        'b"%d" % (checkpoint_id + 1)',
        'b"%d" % checkpoint_id',
        (f"{_ZOOKEEPER}/test_stores.py",),
    ),
    Mutation(
        "completion before its pointer",
        "tasks commit what no later leader would know to be committed",
        "jobmanager/checkpoint/coordinator.py",
        "            pending.phase = Phase.KEEPING\n            self._actions.append(KeepPointer(",
        "            self._complete(pending, pending.metadata)\n            self._actions.append(KeepPointer(",
        (_CHECKPOINT,),
    ),
    Mutation(
        "deletions of a deposed leader",
        "a leader that was deposed deletes what its successor goes on from",
        "jobmanager/job_master/deletion_queue.py",
        "            if self._deposed:\n                pass",
        "            if False:\n                pass",
        ("tests/unit/jobmanager/job_master",),
    ),
)
