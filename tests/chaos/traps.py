"""Faults at a moment of the program, not of the clock: whichever process reaches a fault point first dies there.

A trap is a file with the name of a fault point. The processes look for it whenever they reach one
(``injected/sitecustomize.py``, which the cluster's environment lets Python import), so a fault hits the very instant
between two steps: a checkpoint's metadata written and its pointer not kept, a commit done and its task not told.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["PHASES", "Sprung", "Traps"]

_INJECTED = Path(__file__).parent / "injected"
_POLL_SECONDS = 0.01

PHASES: dict[str, tuple[str, ...]] = {
    "submitting": ("ha.job-graph-written", "ha.job-graph-kept", "dispatcher.graph-kept"),
    "deploying": (
        "jobmaster.published",
        "taskmanager.slot-allocated",
        "taskmanager.tasks-submitted",
        "jobmaster.tasks-deployed",
    ),
    "checkpointing": (
        "checkpoint.id-reserved",
        "checkpoint.directory-made",
        "taskmanager.barriers-sent",
        "taskmanager.snapshot-stored",
        "checkpoint.acknowledged",
        "checkpoint.metadata-written",
        "ha.checkpoint-pointer-added",
        "checkpoint.pointer-kept",
        "checkpoint.pointer-removed",
    ),
    "committing": (
        "checkpoint.notified",
        "taskmanager.notice-received",
        "sink.commit-due",
        "sink.committed",
        "file-sink.file-complete",
        "file-sink.renamed",
    ),
    "restoring": ("taskmanager.operator-restored", "file-sink.file-resumed"),
    "taking over": ("jobmaster.restored", "ha.leadership-granted", "dispatcher.recovered", "ha.leader-published"),
    "ending": ("ha.job-result-written", "ha.job-result-kept", "dispatcher.job-data-removed", "ha.job-result-clean"),
}
"""Fault points by what the job is doing when they are reached."""


@dataclass(frozen=True, slots=True)
class Sprung:
    """A trap that a process has fallen into.

    :ivar point: name of the fault point.
    :ivar pid: of the process, which is dead or frozen.
    """

    point: str
    pid: int


class Traps:
    """The traps of one cluster.

    :param directory: for the traps, on this machine; made.
    :ivar environment: of the processes that are to look for them.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        others = os.environ.get("PYTHONPATH")
        self.environment = {
            "MILLSTREAM_TRAPS": str(directory),
            "PYTHONPATH": os.pathsep.join([str(_INJECTED), *([others] if others else [])]),
        }

    def set(self, point: str, what: Literal["kill", "freeze"] = "kill") -> None:
        """Set a trap for the next process that reaches a fault point."""
        (self._directory / f"sprung-{point}").unlink(missing_ok=True)
        whole = self._directory / f".{point}"
        whole.write_text(what)
        whole.rename(self._directory / point)

    def await_sprung(self, point: str, seconds: float) -> Sprung | None:
        """Wait until a process has fallen into a trap; after ``seconds`` take it away and return ``None``."""
        deadline = time.monotonic() + seconds
        while True:
            sprung = self.sprung(point)
            if sprung is not None:
                return sprung
            if time.monotonic() > deadline:
                try:
                    (self._directory / point).unlink()
                    return None
                except FileNotFoundError:
                    deadline += 1.0  # somebody is just falling into it
            time.sleep(_POLL_SECONDS)

    def sprung(self, point: str) -> Sprung | None:
        """Who has fallen into a trap; ``None``: nobody yet."""
        try:
            text = (self._directory / f"sprung-{point}").read_text()
        except FileNotFoundError:
            return None
        return Sprung(point, int(text)) if text.endswith("\n") else None
