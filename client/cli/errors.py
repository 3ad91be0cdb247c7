"""What a wrong command line raises, and how any error is shown."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import TextIO

from millstream.common.errors import MillstreamError

__all__ = ["CliArgsError", "fold_traceback", "show_error"]

_PACKAGE_DIRECTORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Where the package ``millstream`` lies."""

_RULE = "-" * 60


class CliArgsError(Exception):
    """The arguments of an action are wrong: shown with a hint at the help, no trace."""


def show_error(error: BaseException, stream: TextIO, *, verbose: bool = False) -> None:
    """Print what a program or an action ended with, as the last thing on standard error.

    An error of Millstream's own says what happened and what to do: no trace follows unless ``verbose``; on a terminal
    there is no headline either. Any other exception is the user's: it comes with the traceback of the user's frames.
    """
    sys.stdout.flush()
    if isinstance(error, MillstreamError) and not verbose and stream.isatty():
        lines = _own_error(error).replace(".\nCaused by: ", ": ").splitlines()
        if len(lines) == 1:  # else it bears the user's traceback
            stream.write(f"Error: {lines[0]} (-v tells more.)\n")
            stream.flush()
            return
    stream.write(f"\n{_RULE}\n The program finished with the following exception:\n\n")
    if verbose:
        stream.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    elif isinstance(error, MillstreamError):
        stream.write(_own_error(error))
    else:
        stream.write(fold_traceback(error))
    stream.flush()


def fold_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` with runs of engine and interpreter start-up frames folded to a line each.

    The frames around the program (the command line that runs it) are left out altogether.
    """
    parts: list[str] = []
    if error.__cause__ is not None:
        parts.append(fold_traceback(error.__cause__))
        parts.append("\nThe above exception was the direct cause of the following exception:\n\n")
    elif error.__context__ is not None and not error.__suppress_context__:
        parts.append(fold_traceback(error.__context__))
        parts.append("\nDuring handling of the above exception, another exception occurred:\n\n")
    frames = _frames(error.__traceback__)
    if frames:
        parts.append("Traceback (most recent call last):\n")
        parts.append(frames)
    parts.extend(traceback.format_exception_only(type(error), error))
    return "".join(parts)


def _own_error(error: MillstreamError) -> str:
    lines = [str(error).rstrip()]
    cause = error.__cause__
    if isinstance(cause, MillstreamError) and str(cause) not in lines[0]:
        lines.append(f"Caused by: {str(cause).rstrip()}")
    return "\n".join(lines) + "\n"


def _frames(trace: TracebackType | None) -> str:
    shown: list[str] = []
    folded = 0
    for frame in traceback.extract_tb(trace):
        if _is_engine(frame.filename):
            folded += 1
            continue
        if folded and shown:
            shown.append(_fold_line(folded))
        folded = 0
        shown.extend(traceback.format_list([frame]))
    if folded and shown:
        shown.append(_fold_line(folded))
    return "".join(shown)


def _is_engine(filename: str) -> bool:
    if filename.startswith("<frozen"):
        return True
    path = os.path.realpath(filename)
    return os.path.basename(path) == "runpy.py" or any(
        path.startswith(os.path.join(root, "")) for root in _engine_directories()
    )


def _engine_directories() -> list[str]:
    # In a checkout the package's folders lie beside examples and tests, which are programs like any other.
    names = ("client", "common", "connectors", "datastream", "dispatcher", "jobmanager", "taskmanager", "testing")
    return [os.path.join(os.path.realpath(_PACKAGE_DIRECTORY), name) for name in names]


def _fold_line(count: int) -> str:
    return f"  ... {count} frame{'s' if count > 1 else ''} of Millstream ...\n"
