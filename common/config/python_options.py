"""Options of the Python side of a job."""

from __future__ import annotations

from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import STRING

__all__ = ["PythonOptions"]


class PythonOptions:
    """Python"""

    FILES: Final = option(
        "python.files",
        list_of(STRING, ",;"),
        [],
        "Python files and directories that are shipped with the job and importable in its functions (`-pyfs`).",
    )
    EXECUTABLE: Final = optional(
        "python.executable", STRING, "Interpreter of the worker processes. Unset: the TaskManager's own."
    )
    CLIENT_EXECUTABLE: Final = optional(
        "python.client.executable",
        STRING,
        "Interpreter of the client. Unset: the one that runs the command line.",
        effect=Effect.RESERVED,
    )
