"""Packaging of a program's own code: what a worker on another machine must be able to import.

The functions in the user's script travel inside the JobGraph (cloudpickle takes everything of ``__main__`` by
value). What the script *imports* from beside it travels by name, so those modules are sent along as artifacts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from millstream.common.wire.graph_pb2 import Artifact, JobGraph
from millstream.datastream.python_files import make_artifact, zip_of

__all__ = ["add_artifacts", "program_artifacts"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})


def program_artifacts(directory: Path, modules: Iterable[ModuleType] | None = None) -> list[Artifact]:
    """Return artifacts of what the program has imported from ``directory``, the place of its script.

    A module beside the script is sent as it is, a package with all its modules (a worker may import one that the
    client did not). Installed packages (a virtual environment that lies in the directory) are not sent.
    """
    directory = directory.resolve()
    if not _INSTALLED.isdisjoint(directory.parts):
        return []  # `python -m` of an installed program: all that is beside it is installed too
    single: dict[str, Path] = {}
    packages: set[str] = set()
    for module in list(sys.modules.values()) if modules is None else modules:
        relative = _path_under(module, directory)
        if relative is None:
            continue
        if len(relative.parts) == 1:
            single[relative.name] = directory / relative
        else:
            packages.add(relative.parts[0])
    artifacts = [make_artifact(name, "py", path.read_bytes()) for name, path in sorted(single.items())]
    for package in sorted(packages):
        files = [path for path in sorted((directory / package).rglob("*.py")) if not _is_installed(path, directory)]
        artifacts.append(make_artifact(f"{package}.zip", "zip", zip_of(files, directory)))
    return artifacts


def add_artifacts(job_graph: JobGraph, artifacts: Iterable[Artifact]) -> None:
    """Add those that the graph does not hold yet."""
    known = {_identity(artifact) for artifact in job_graph.artifacts}
    for artifact in artifacts:
        if _identity(artifact) not in known:
            known.add(_identity(artifact))
            job_graph.artifacts.append(artifact)


def _identity(artifact: Artifact) -> tuple[str, ...]:
    # One zip may go both onto the import path and, as an archive, into the working directory.
    return artifact.name, artifact.kind, artifact.sha256, artifact.target_dir


def _path_under(module: ModuleType, directory: Path) -> Path | None:
    """Return the module's file relative to ``directory``, ``None`` if it is not a source file of the program."""
    file = getattr(module, "__file__", None)
    name = getattr(module, "__name__", "__main__")
    if not file or name == "__main__" or name.partition(".")[0] == "millstream" or not str(file).endswith(".py"):
        return None
    path = Path(file).resolve()
    if not path.is_relative_to(directory) or _is_installed(path, directory):
        return None
    relative = path.relative_to(directory)
    # Found through another entry of sys.path (`src/` beside the script): importing it needs that entry.
    depth = name.count(".") + (1 if path.name == "__init__.py" else 0)
    return relative if len(relative.parts) == depth + 1 else None


def _is_installed(path: Path, directory: Path) -> bool:
    inside = path.relative_to(directory).parts
    return any(part in _INSTALLED or part in ("__pycache__", "node_modules") for part in inside) or any(
        (directory.joinpath(*inside[:depth]) / "pyvenv.cfg").is_file() for depth in range(1, len(inside))
    )
