"""Goes on with the interpreter that ``python.client.executable`` names (``-pyclientexec``)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from millstream.client.cli.errors import CliArgsError
from millstream.common.config import Configuration, PythonOptions

__all__ = ["use_client_executable"]

_DONE = "MILLSTREAM_CLIENT_EXECUTABLE"
"""Set for the interpreter that was gone over to, so that it does not go over to itself by another name."""


def use_client_executable(configuration: Configuration, arguments: Sequence[str]) -> None:
    """Replace this process, if another interpreter is wanted. Millstream must be installed there too.

    :param arguments: of the command line.
    :raises CliArgsError: there is no such interpreter.
    """
    wanted = configuration.get(PythonOptions.CLIENT_EXECUTABLE)
    if not wanted or os.environ.get(_DONE) == wanted:
        return
    found = shutil.which(wanted)
    if found is None:
        raise CliArgsError(
            f"{PythonOptions.CLIENT_EXECUTABLE.key} (-pyclientexec): there is no interpreter {wanted!r}."
        )
    if os.path.samefile(found, sys.executable) and os.path.dirname(found) == os.path.dirname(sys.executable):
        return
    os.environ[_DONE] = wanted
    sys.stdout.flush()
    os.execv(found, [found, "-m", "millstream.client.cli.main", *arguments])
