"""Puts into each log record which job, task and operator it comes from.

A filter of handlers, so that the records of all loggers have it: the engine's, users' and those of any library. It is
no record factory: that would take the fields' names away from what users give as ``extra=``, which `logging` refuses
to let overwrite a field that is there.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

from millstream.common.logging.task_context import TaskContext, current_context

__all__ = ["FIELDS", "TaskFields"]

FIELDS: Final = ("job_id", "job_name", "task_name", "subtask", "parallelism", "attempt", "attempt_id", "operator")
"""Attributes of each record; the empty text where they are not known. Numbers count from 0."""


class TaskFields(logging.Filter):
    """Adds :data:`FIELDS`, and ``origin``: what the usual format shows of them, with a blank in front, or nothing.

    What the record has already, by a user's ``extra=``, stays.

    :param with_process: ``origin`` begins with the number of the process, where several write into one file.
    """

    def __init__(self, *, with_process: bool = False) -> None:
        super().__init__()
        self._with_process = with_process

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record; it always passes."""
        fields = record.__dict__
        origin = f" [{record.process}]" if self._with_process else ""
        context = current_context()
        if context is None:
            known: dict[str, str | int] = {}
        elif isinstance(context, TaskContext):
            operator = _operator(context)
            known = {
                "job_id": context.job.job_id,
                "job_name": context.job.job_name,
                "task_name": context.task_name,
                "subtask": context.subtask,
                "parallelism": context.parallelism,
                "attempt": context.attempt,
                "attempt_id": context.attempt_id,
                "operator": operator,
            }
            inside = f" {operator}" if operator and operator != context.task_name else ""
            origin += (
                f" [{context.job.job_id} {context.task_name} ({context.subtask + 1}/{context.parallelism})"
                f"#{context.attempt}{inside}]"
            )
        else:
            known = {"job_id": context.job_id, "job_name": context.job_name}
            origin += f" [{context.job_id}]"
        for name in FIELDS:
            fields.setdefault(name, known.get(name, ""))
        fields.setdefault("origin", origin)
        return True


def _operator(context: TaskContext) -> str:
    try:
        return context.operator_at(sys._getframe(1))  # what `logging` itself uses for the line number
    except Exception:  # noqa: BLE001  # a record without its operator is better than a function that fails by logging
        return ""
