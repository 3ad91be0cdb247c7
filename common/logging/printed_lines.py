"""What users' functions print is to be seen at once, and not mixed with what other workers print into the same file."""

from __future__ import annotations

import io
import sys

__all__ = ["print_whole_lines"]


def print_whole_lines() -> None:
    """Let standard output and standard error of this process write each line when it is complete, as a whole.

    Python keeps what goes to a file until there are kilobytes of it, or, where ``PYTHONUNBUFFERED`` is set, writes the
    words of a ``print`` one by one.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
