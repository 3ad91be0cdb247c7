"""Looks whether simulated clusters notice a mutation: some seed of ``python -m tests.sim`` must break a promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Noticed", "simulate", "table"]

_SECONDS = 1_800
_SEED = re.compile(r"^seed (\d+): ", re.MULTILINE)
_PROMISE = re.compile(r"^  (I\d+.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Noticed:
    """What became of the seeds.

    :ivar seed: the first that broke a promise; ``None``: none did.
    :ivar what: which promise, in words; or why there is no seed.
    """

    seed: int | None
    what: str


def simulate(checkout: Path, seeds: str) -> Noticed:
    """Run seeds one after the other, until the first that breaks a promise.

    :param checkout: whose code runs.
    :param seeds: as ``python -m tests.sim`` takes them.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout / ".link"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "tests.sim", "--seeds", seeds, "--workers", "1", "--until-violation"]
    try:
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Noticed(-1, f"the seeds did not end within {_SECONDS} s")
    if done.returncode == 0:
        return Noticed(None, "no seed broke a promise")
    seed, promise = _SEED.search(done.stdout), _PROMISE.search(done.stdout)
    if seed is None or promise is None:
        # The simulated world itself has broken down: nobody can miss that.
        return Noticed(-1, (done.stderr.strip().splitlines() or ["the run ended without a word"])[-1])
    return Noticed(int(seed.group(1)), promise.group(1))


def table(rows: Iterable[tuple[str, Noticed]]) -> str:
    """Return the outcome for a reader: each mutation with the first seed that noticed."""
    lines = ["| mutation | first seed | what was seen |", "|---|---|---|"]
    for name, noticed in rows:
        seed = "none" if noticed.seed is None else "-" if noticed.seed < 0 else str(noticed.seed)
        lines.append(f"| {name} | {seed} | {noticed.what[:120]} |")
    return "\n".join(lines)
