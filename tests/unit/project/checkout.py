"""Where the checkout lies and what belongs to it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]

PACKAGES = (
    "common",
    "datastream",
    "connectors",
    "taskmanager",
    "jobmanager",
    "dispatcher",
    "client",
    "testing",
    "metrics",
    "state_processor",
)


def sources(*folders: str) -> list[Path]:
    """The Python files of these folders, generated ones left out, in order."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if not path.name.endswith("_pb2.py")
    )


def module_name(path: Path) -> str:
    """The dotted name under which a file of a package is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("millstream", *(parts[:-1] if parts[-1] == "__init__" else parts)))
