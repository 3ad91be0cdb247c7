"""One seed of a campaign, where the processes of a pool find it: they do not know the module that was started."""

from __future__ import annotations

import logging

from millstream.testing.simulation.campaign import SeedOutcome, outcome_of
from millstream.testing.simulation.drawn_runs import run_drawn

__all__ = ["run_one"]


def run_one(seed: int) -> SeedOutcome:
    """Run what a seed draws."""
    # What the processes of a simulated cluster log is of use only to who looks at one seed.
    logging.getLogger("millstream").setLevel(logging.CRITICAL)
    return outcome_of(run_drawn(seed))
