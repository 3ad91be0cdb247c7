"""Runs a worker's event loop to an orderly end, whatever ends it.

``sys.exit()`` in user code goes straight through a running event loop and leaves all its tasks where they are. They
still have to end, so that the slot worker can let go of what it holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

__all__ = ["run_event_loop"]

_log = logging.getLogger(__name__)

_END_TIMEOUT_S = 2.0


def run_event_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` on ``loop``, close the loop, and return the exit status that ``work`` or ``sys.exit()`` gave."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    except SystemExit as error:
        _log.warning("user code called sys.exit(%s); the worker ends", "" if error.code is None else error.code)
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    finally:
        try:
            loop.run_until_complete(_end_tasks())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    done, late = await asyncio.wait(tasks, timeout=_END_TIMEOUT_S)
    for task in done:
        if not task.cancelled():
            task.exception()  # has been seen where it was raised, or does not matter any more
    if late:
        _log.warning("%d tasks of the worker did not end in time", len(late))
