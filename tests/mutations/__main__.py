"""``python -m tests.mutations [name ...]``: apply each mutation to a copy of the checkout and run its tests there.

Ends with status 0 if every mutation turned a test red. The tests must be green without a mutation, which is looked at
first: what is always red notices nothing.

With ``--simulation 0..99`` seeds of simulated clusters run in the place of the tests; mutations that cannot show there,
which the catalogue says, are left out unless they are named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.in_simulation import simulate, table
from tests.mutations.mutation import Mutation

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist")
_TEST_SECONDS = 600


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", help="only mutations whose name contains one of these")
    parser.add_argument("--simulation", metavar="SEEDS", help="run these seeds of tests.sim instead of unit tests")
    options = parser.parse_args()
    names: list[str] = options.names
    chosen = [each for each in MUTATIONS if not names or any(name in each.name for name in names)]
    if not chosen:
        print(f"No mutation is called {' or '.join(names)}. There are: {', '.join(each.name for each in MUTATIONS)}")
        return 2
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "checkout"
        shutil.copytree(_ROOT, copy, symlinks=True, ignore=_LEFT_OUT)
        if options.simulation is not None:
            return _simulated([each for each in chosen if names or not each.unseen], copy, options.simulation)
        sound, output = _green(copy, sorted({test for each in chosen for test in each.tests}))
        if not sound:
            print(f"Without any mutation the tests are not green:\n{output}")
            return 1
        survivors = [each for each in chosen if not _is_noticed(each, copy)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutations were noticed")
    return 1 if survivors else 0


def _simulated(chosen: list[Mutation], copy: Path, seeds: str) -> int:
    sound = simulate(copy, seeds)
    if sound.seed is not None:
        print(f"Without any mutation seed {sound.seed} breaks a promise: {sound.what}")
        return 1
    rows = []
    for mutation in chosen:
        with _applied(mutation, copy):
            noticed = simulate(copy, seeds)
        rows.append((mutation.name, noticed))
        print(f"{'SURVIVED ' if noticed.seed is None else 'noticed  '} {mutation.name}: {noticed.what}", flush=True)
    print(table(rows))
    return 1 if any(noticed.seed is None for _, noticed in rows) else 0


@contextmanager
def _applied(mutation: Mutation, copy: Path) -> Iterator[None]:
    file = copy / mutation.path
    original = file.read_text()
    try:
        mutation.apply(copy)
        yield
    finally:
        file.write_text(original)


def _is_noticed(mutation: Mutation, copy: Path) -> bool:
    began = time.monotonic()
    with _applied(mutation, copy):
        green, output = _green(copy, mutation.tests)
    seconds = time.monotonic() - began
    if green:
        print(
            f"SURVIVED  {mutation.name}: {mutation.breaks} ({seconds:.0f} s; {', '.join(mutation.tests)})", flush=True
        )
        return False
    red = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    print(f"noticed   {mutation.name}: {red.partition(' - ')[0]} ({seconds:.0f} s)", flush=True)
    return True


def _green(copy: Path, tests: Iterable[str]) -> tuple[bool, str]:
    """Whether the tests pass, and what pytest said. Anything but passing and failing tests is an error of its own."""
    environment = {**os.environ, "PYTHONPATH": str(copy / ".link"), "CI": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=_TEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False, "FAILED: the tests did not end"
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.returncode == 0, done.stdout


if __name__ == "__main__":
    sys.exit(main())
