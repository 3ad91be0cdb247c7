"""Options of the Python side of a job."""

from __future__ import annotations

from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.option import option, optional
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
    ARCHIVES: Final = option(
        "python.archives",
        list_of(STRING, ",;"),
        [],
        "Zip and tar files that are shipped with the job and unpacked in the working directory of its functions, each "
        "as `path` or `path#directory` (`-pyarch`).",
    )
    EXECUTABLE: Final = optional(
        "python.executable", STRING, "Interpreter of the worker processes. Unset: the TaskManager's own."
    )
    CLIENT_EXECUTABLE: Final = optional(
        "python.client.executable",
        STRING,
        "Interpreter of the client. Unset: the one that runs the command line (`-pyclientexec`).",
    )
