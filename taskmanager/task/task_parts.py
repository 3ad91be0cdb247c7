"""What a running task consists of, for who wants to know how it does."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.taskmanager.exchange import InputGate
from millstream.taskmanager.operators.operator import TaskInfo
from millstream.taskmanager.task.chain import Chain
from millstream.taskmanager.task.input_work import InputWork
from millstream.taskmanager.task.mailbox import Mailbox
from millstream.taskmanager.task.subtask_checkpoints import SubtaskCheckpoints
from millstream.taskmanager.task.task_metrics import TaskTimes

__all__ = ["TaskParts"]


@dataclass(slots=True, eq=False)
class TaskParts:
    """The task fills it while it starts; who looks changes nothing.

    :ivar built: the chain is complete, and the gate is there if there are inputs.
    :ivar inputs: what reads the gate, unless that is a source.
    :ivar initialization_ms: from the start to where the task could run; ``None``: it is not there yet.
    """

    info: TaskInfo
    chain: Chain
    times: TaskTimes
    mailbox: Mailbox
    checkpoints: SubtaskCheckpoints
    gate: InputGate | None = None
    inputs: InputWork | None = None
    built: bool = False
    initialization_ms: int | None = None
