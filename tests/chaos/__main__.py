"""``python -m tests.chaos``: kill processes of a cluster under a job, and look at what it has committed.

With ``--ha`` there are several masters and three ZooKeeper servers, far more kinds of faults, and the job is submitted
once: it has to outlive them all. The seed tells what happens and when; what the machine makes of it differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.highly_available import HighlyAvailableChaos, RunSettings
from tests.chaos.monkey import Chaos, ChaosSettings
from tests.chaos.partitions import PARTITIONS
from tests.chaos.program import expected_lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--every", type=float, default=4.0, help="most seconds between two kills")
    parser.add_argument("--per-second", type=float, default=2000.0)
    parser.add_argument("--count", type=int, default=0, help="records in all; 0: as many as the time allows for")
    parser.add_argument("--ha", action="store_true", help="several masters, and everything that can befall them")
    parser.add_argument("--masters", type=int, default=2, help="with --ha")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=[*FAULTS, *PARTITIONS],
        help="with --ha: this, once; may be given repeatedly",
    )
    parser.add_argument("--partitions", action="store_true", help="with --ha: cut the network too; takes root")
    parser.add_argument(
        "--directory", type=Path, help="with --ha: a new directory for everything that is written; kept. The logs too"
    )
    parser.add_argument("-D", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    count = options.count or int(options.per_second * (options.seconds + 20))
    job = dict(setting.split("=", 1) for setting in options.settings)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.2f} s  {text}", flush=True)

    say(f"seed {options.seed}, {count} records")
    if options.ha:
        kinds = tuple(options.fault)
        settings = RunSettings(
            options.seed,
            options.seconds,
            options.every,
            count,
            options.per_second,
            options.masters,
            kinds=kinds,
            own_networks=options.partitions,
            job=job,
        )
        if options.directory is not None:
            options.directory.mkdir(parents=True)
            return _highly_available(options.directory.absolute(), settings, say)
        with tempfile.TemporaryDirectory() as temporary:
            return _highly_available(Path(temporary), settings, say)
    with tempfile.TemporaryDirectory() as directory:
        chaos = Chaos(
            Path(directory),
            ChaosSettings(options.seed, options.seconds, options.every, count, options.per_second, job=job),
            say,
        )
        found = chaos.run()
    expected = expected_lines(count)
    say(f"kills: {dict(chaos.kills)}; {len(found)} lines committed, {len(expected)} expected")
    if found == expected:
        say("every line exactly once")
        return 0
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    say(f"NOT EQUAL: {len(missing)} missing, {len(extra)} wrong, {len(found) - len(set(found))} repeated")
    print("missing:", *missing[:10], sep="\n  ")
    print("wrong:", *extra[:10], sep="\n  ")
    return 1


def _highly_available(directory: Path, settings: RunSettings, say: Callable[[str], None]) -> int:
    report = HighlyAvailableChaos(directory, settings, say).run()
    say(f"{report.faults.total()} faults, {report.in_vain} of them in vain:")
    for kind, times in sorted(report.faults.items()):
        print(f"  {times:4} {kind}")
    print("  started in the place of the dead, by exit status:", dict(report.replaced))
    say(f"{len(report.lines)} lines committed; after the last fault all tasks ran in {report.running_after:.1f} s")
    for piece in report.garbage:
        print("  removed by `millstream ha clean`:", piece)
    for problem in report.problems:
        print("PROBLEM:", problem)
    if not report.problems:
        say("every line exactly once, and nothing is left that should not be")
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
