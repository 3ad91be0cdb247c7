"""Unpickling is running foreign code: only slot workers, and a client for its own results, do it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.unit.project.checkout import PACKAGES, ROOT, sources

# Modules, or folders of modules, that run in slot workers or fetch a client's own results.
ALLOWED = (
    "taskmanager/network/",  # records between the slots of one job
    "taskmanager/operators/",
    "taskmanager/state/",
    "taskmanager/task/",
    "taskmanager/user_code.py",
    "client/remote/accumulator_results.py",  # what the functions of the client's own job have counted
    "datastream/closeable_iterator.py",  # execute_and_collect's results, in the client
    "testing/harness_pipeline.py",  # a copy of the test's own functions
    "testing/operator_harness.py",  # snapshots that the test took
)

_MODULES = ("pickle", "cloudpickle", "marshal", "dill", "shelve")
_LOADERS = ("load", "loads", "Unpickler", "open")


def _unpicklings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(ROOT).as_posix()
    names = {"_pickle", *_MODULES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.asname for alias in node.names if alias.name in _MODULES and alias.asname)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _LOADERS:
            if isinstance(node.value, ast.Name) and node.value.id in names:
                yield f"{place}:{node.lineno}"
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            for alias in node.names:
                if alias.name in _LOADERS:
                    yield f"{place}:{node.lineno}"


def test_only_workers_and_collecting_clients_unpickle() -> None:
    found = [place for path in sources(*PACKAGES) for place in _unpicklings(path)]
    assert [place for place in found if not place.startswith(ALLOWED)] == []


def test_the_check_sees_unpickling(tmp_path: Path) -> None:
    assert any(True for path in sources("taskmanager") for _ in _unpicklings(path))
