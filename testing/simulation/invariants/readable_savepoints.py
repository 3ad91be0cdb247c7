"""I15: a savepoint can be gone on from at another parallelism, with the same results."""

from __future__ import annotations

from millstream.testing.simulation.run_record import RunRecord
from millstream.testing.simulation.violation import Violation

__all__ = ["check"]


def check(run: RunRecord) -> list[Violation]:
    """Look at what the second half of a job gave that went on elsewhere."""
    return [Violation("I15", text) for text in run.other_parallelism]
