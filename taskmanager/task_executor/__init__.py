"""The TaskManager: registers its slots, gives them to jobs, and looks after the workers that run in them."""

from __future__ import annotations

from millstream.taskmanager.task_executor.task_executor import TaskExecutor

__all__ = ["TaskExecutor"]
