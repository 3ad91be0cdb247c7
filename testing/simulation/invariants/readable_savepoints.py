"""I15: a snapshot can be gone on from at another parallelism, with the same results, and the job stays at it.

A job is rescaled in the midst of a run: what it gives afterwards is part of its output, which other checks look at.
"""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what a job ran at in the end."""
    return [Violation("I15", text) for text in run.other_parallelism]
