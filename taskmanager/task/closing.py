"""Closing the operators of a task: all of them, whatever one raises."""

from __future__ import annotations

import logging
from collections.abc import Callable

from millstream.taskmanager.task.chain import Chain
from millstream.taskmanager.task.interrupt import TaskInterrupted, UserCodeSection
from millstream.taskmanager.task.user_calls import call_user_code
from millstream.taskmanager.task.user_failure import UserCodeError

__all__ = ["close_operators"]

_log = logging.getLogger(__name__)


def close_operators(chain: Chain, section: UserCodeSection, task_name: str) -> None:
    """Close the source and all operators that are open.

    :param task_name: for messages.
    :raises UserCodeError: one of them failed; the first that did. The others' errors are logged.
    :raises TaskInterrupted: one of them was interrupted.
    """
    first: BaseException | None = None
    closers: list[Callable[[], None]] = [node.close for node in chain.nodes]
    source = chain.source
    if source is not None and source.opened:
        source.opened = False
        close_source = source.close
        closers.insert(0, lambda: call_user_code(section, close_source, lambda error: source.locate(error, "close")))
    for close in closers:
        try:
            close()
        except (UserCodeError, TaskInterrupted) as error:
            section.reset()
            if first is None:
                first = error
            else:
                _log.warning("task %s: %s", task_name, error, exc_info=error)
    if first is not None:
        raise first
