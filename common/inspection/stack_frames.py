"""What a frame of a running stack is called, and whether a thread whose innermost frame it is only waits.

Python does not tell what a thread waits for. But who waits has called something of the standard library that is known
to: that is seen by the innermost frame, or, for what has no frame of its own (``time.sleep``), by the line it is at.
"""

from __future__ import annotations

import linecache
import re
from types import CodeType, FrameType
from typing import Final

__all__ = ["Waiting", "frame_name", "function_name"]

_MAIN: Final = "__main__"
# `Thread.run` is innermost where the thread's target is native: gRPC's, which waits for events.
_WAITING_FUNCTIONS: Final = {
    "threading": {"wait", "acquire", "join", "__enter__", "_wait_for_tstate_lock", "run"},
    "selectors": {"select"},
    "queue": {"get", "put"},
    "socket": {"accept", "readinto", "create_connection"},
    "ssl": {"read", "write", "do_handshake"},
    "subprocess": {"_try_wait", "_communicate"},
    "concurrent.futures.thread": {"_worker"},
    "multiprocessing.connection": {"_recv", "_send", "wait"},
}
_WAITING_CALL: Final = re.compile(
    r"\b(sleep|select|poll|epoll|acquire|wait|waitpid|recv|recv_into|accept|join|run_until_complete|run_forever)\("
)
"""The last two are innermost where the event loop has no frames of its own, as uvloop's."""


def frame_name(frame: FrameType) -> str:
    """Return ``module.function:line``; with the path of the file where the module is the program itself."""
    return f"{function_name(frame)}:{frame.f_lineno}"


def function_name(frame: FrameType) -> str:
    """Return ``module.function``; with the path of the file where the module is the program itself."""
    code = frame.f_code
    module = frame.f_globals.get("__name__")
    if not isinstance(module, str) or module == _MAIN:
        module = code.co_filename
    function = getattr(code, "co_qualname", code.co_name)  # there is none in Python 3.10
    return f"{module}.{function}"


class Waiting:
    """Tells threads that wait from threads that compute; remembers the places it has seen."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[tuple[CodeType, int], bool] = {}

    def at(self, frame: FrameType) -> bool:
        """Whether a thread waits whose innermost frame this is, as far as can be told."""
        place = (frame.f_code, frame.f_lineno or 0)
        waits = self._seen.get(place)
        if waits is None:
            waits = self._seen[place] = _waits(frame)
        return waits


def _waits(frame: FrameType) -> bool:
    code = frame.f_code
    if code.co_name in _WAITING_FUNCTIONS.get(str(frame.f_globals.get("__name__")), ()):
        return True
    line = linecache.getline(code.co_filename, frame.f_lineno or 0, frame.f_globals)
    return _WAITING_CALL.search(line) is not None
