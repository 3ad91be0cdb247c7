"""Options of the embedded cluster that a program starts when it is run by itself."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import option
from millstream.common.config.value_kind import one_of

__all__ = ["LocalOptions"]


class LocalOptions:
    """Embedded cluster"""

    EXECUTION: Final = option(
        "local.execution",
        one_of("process", "thread"),
        "process",
        "How `python job.py` runs its tasks. `process`: in worker processes, one per slot. `thread`: all in the "
        "program's own process, so that `breakpoint()` works in user functions.",
    )
