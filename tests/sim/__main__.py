"""``python -m tests.sim``: run many seeds, print the numbers and write them down."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from millstream.testing.simulation.campaign import SeedOutcome, parse_seeds, run_campaign
from millstream.testing.simulation.drawn_runs import draw_run, run_drawn
from millstream.testing.simulation.run_report import render_event
from tests.sim.one_seed import run_one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=parse_seeds, default="0..999", help="such as 7, 0..999 or 3,5,9")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="operating system processes")
    parser.add_argument("--summary", type=Path, help="where to write the numbers as JSON")
    parser.add_argument("--until-violation", action="store_true", help="end with the first seed that breaks a promise")
    parser.add_argument("--step", action="store_true", help="print what happens as it happens, one seed at a time")
    options = parser.parse_args()
    if options.step:
        for seed in options.seeds:
            print(*draw_run(seed), sep="\n")
            logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(levelname)s %(message)s")
            report = run_drawn(seed, lambda event: print(render_event(event, colour=sys.stdout.isatty())))
            print(*report.violations, report.digest, sep="\n")
        return 0

    def tell(outcome: SeedOutcome) -> None:
        if outcome.violations:
            print(f"{outcome.story}\n  again: python -m tests.sim --step --seeds {outcome.seed}\n", flush=True)

    campaign = run_campaign(run_one, options.seeds, options.workers, tell, until_violation=options.until_violation)
    print(campaign.report())
    if options.summary is not None:
        options.summary.write_text(campaign.to_json())
    return 1 if campaign.failed else 0


if __name__ == "__main__":
    sys.exit(main())
