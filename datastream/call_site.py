"""Where in the user's program something was said.

Programs are lazy: what is wrong with an operator often shows only when the job is built. So each transformation
remembers the line that made it, and every refusal begins with that line.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = ["CallSite", "call_site"]


@dataclass(frozen=True, slots=True)
class CallSite:
    """A line of the user's program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def call_site() -> CallSite:
    """The innermost line on the call stack that is not Millstream's own."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__") or ""
        if module != "millstream" and not module.startswith("millstream."):
            break
        frame = frame.f_back
    return CallSite(frame.f_code.co_filename, frame.f_lineno)
