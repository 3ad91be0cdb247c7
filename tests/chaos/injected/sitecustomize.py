"""Lets processes of a cluster fall into traps (:mod:`tests.chaos.traps`): Python imports this when it starts.

It stands in a directory of its own, which only processes of a cluster under chaos have on their ``PYTHONPATH``.
"""

from __future__ import annotations

import os
import signal

from millstream.common.fault_points import FaultPoint, listen

_DIRECTORY = os.environ["MILLSTREAM_TRAPS"]
_SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def _reached(point: FaultPoint) -> None:
    """Do to this process what the trap at the point says, if there is one and nobody else has just taken it."""
    trap = os.path.join(_DIRECTORY, point.name)
    try:
        with open(trap, encoding="utf-8") as file:
            what = file.read()
        os.unlink(trap)
    except FileNotFoundError:
        return
    with open(os.path.join(_DIRECTORY, f"sprung-{point.name}"), "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), _SIGNALS[what])


listen(_reached)
