"""Runs a user's program in this process as ``__main__``, as ``python job.py`` would."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millstream.client.cli.settings import ProgramSettings

__all__ = ["NO_JOB_MESSAGE", "run_program"]

NO_JOB_MESSAGE = (
    "The program didn't contain a Millstream job. Perhaps you forgot to call execute() on the execution environment."
)


def run_program(settings: ProgramSettings) -> None:
    """Run the program to its end; whatever it raises comes through, ``SystemExit`` too.

    ``sys.argv`` and ``sys.path`` are the program's while it runs and the command's again afterwards.
    """
    argv, path = list(sys.argv), list(sys.path)
    sys.path[:0] = [_import_path_entry(Path(name)) for name in settings.python_files] + list(settings.classpaths)
    try:
        if settings.script is not None:
            script = settings.script.resolve()
            sys.path.insert(0, str(script.parent))
            sys.argv = [str(settings.script), *settings.arguments]
            runpy.run_path(str(script), run_name="__main__")
        else:
            assert settings.module is not None, "a program is a script or a module"
            sys.path.insert(0, "")
            sys.argv = [settings.module, *settings.arguments]
            runpy.run_module(settings.module, run_name="__main__", alter_sys=True)
    finally:
        sys.argv = argv
        sys.path[:] = path


def _import_path_entry(file: Path) -> str:
    """Return what must be on the import path for a file of ``-pyfs`` to be found: a module's or package's place."""
    is_module = file.suffix == ".py" or (file / "__init__.py").is_file()
    return str(file.parent if is_module else file)
