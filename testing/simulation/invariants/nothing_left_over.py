"""I14: in the end no process, connection or task is left, nor a file that nobody will ever need or delete; and nothing
went wrong in the background that nobody handled.
"""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what is left after the cluster has closed."""
    return [Violation("I14", f"left over: {each}") for each in run.left_over] + [
        Violation("I14", f"nobody handled: {each}") for each in run.unhandled
    ]
