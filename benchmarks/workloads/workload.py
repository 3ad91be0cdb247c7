"""What a workload is, and how it leaves its results."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Workload", "read_results", "write_result"]


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    :ivar job: defines the program on an environment, given the input and the directory for results.
    :ivar bare: runs the baseline on the same input, returns its seconds.
    """

    name: str
    title: str
    job: Callable[[Any, str, str], None]
    bare: Callable[[str, str], float]


def write_result(directory: str, subtask: int, result: dict[str, int]) -> None:
    """Leave what one subtask's sink found."""
    target = Path(directory) / f"{subtask}.json"
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(result))
    os.replace(temporary, target)


def read_results(directory: str) -> dict[str, int]:
    """Add up what the subtasks' sinks left in ``directory``."""
    totals: dict[str, int] = {}
    for file in Path(directory).glob("*.json"):
        for name, value in json.loads(file.read_text()).items():
            totals[name] = totals.get(name, 0) + value
    return totals
