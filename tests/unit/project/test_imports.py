"""Who may import whom: the table of docs/architecture.md, against the imports that the code makes.

Every import counts, also one within a function, one for annotations only, and one by name through ``importlib``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.project.checkout import PACKAGES, ROOT, module_name, sources

_EVERYTHING = frozenset(PACKAGES)

# What each package may import besides itself; a dotted name allows just that module and what is below it.
ALLOWED: dict[str, frozenset[str]] = {
    "common": frozenset(),
    "datastream": frozenset({"common"}),
    "connectors": frozenset({"common", "datastream"}),
    "taskmanager": frozenset(
        {
            "common",
            "connectors",
            # interfaces of what users write and name, nothing of how programs are built
            "datastream.functions",
            "datastream.output_tag",
            "datastream.sink",
            "datastream.source",
            "datastream.split_enumerator",
            "datastream.state",
            "datastream.time_domain",
            "datastream.timerservice",
            "datastream.window",
        },
    ),
    "jobmanager": frozenset({"common"}),
    "dispatcher": frozenset({"common", "jobmanager"}),
    "client": _EVERYTHING,
    "testing": _EVERYTHING,
    "metrics": frozenset({"common"}),
    "state_processor": frozenset(
        {
            "common",
            "datastream",
            "taskmanager.network.columns",  # of which the canonical format of state consists
            "taskmanager.state",
        },
    ),
}

# Imports that the table forbids and that are there for a reason: (importing module or package, imported module).
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("millstream.datastream.connectors", "millstream.connectors"): "PyFlink's place for the connectors' names",
    ("millstream.datastream.formats", "millstream.connectors.formats"): "PyFlink's place for the formats' names",
}


class _Import(NamedTuple):
    path: Path
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.target}"


def _imports(path: Path) -> Iterator[_Import]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module_name(path).split(".")
                is_package = path.name == "__init__.py"
                base = ".".join([*parts[: len(parts) - node.level + is_package], *filter(None, [base])])
            for alias in node.names:
                yield _Import(path, node.lineno, f"{base}.{alias.name}")
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            argument = node.args[0]
            if name in ("import_module", "__import__") and isinstance(argument, ast.Constant):
                yield _Import(path, node.lineno, str(argument.value))


def _lies_in(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def _is_allowed(found: _Import) -> bool:
    importer = module_name(found.path)
    package = importer.split(".")[1]
    places = {package, *ALLOWED[package]}
    if any(_lies_in(found.target, f"millstream.{place}") for place in places):
        return True
    return any(_lies_in(importer, source) and _lies_in(found.target, target) for source, target in EXCEPTIONS)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = [
        str(found)
        for path in sources(package)
        for found in _imports(path)
        if _lies_in(found.target, "millstream") and not _is_allowed(found)
    ]
    assert wrong == []


@pytest.mark.parametrize(("source", "target"), EXCEPTIONS)
def test_each_exception_is_needed(source: str, target: str) -> None:
    package = source.split(".")[1]
    assert any(
        _lies_in(module_name(path), source) and _lies_in(found.target, target)
        for path in sources(package)
        for found in _imports(path)
    ), f"{source} no longer imports {target}: remove the exception"


def test_packages_are_imported_by_their_full_name() -> None:
    # A folder at the top is importable by its bare name from within the checkout, which would load it twice.
    wrong = [
        str(found)
        for path in sources(*PACKAGES, "tests", "examples", "benchmarks")
        for found in _imports(path)
        if found.target.split(".")[0] in PACKAGES
    ]
    assert wrong == []


def test_grpc_is_imported_by_its_carrier_alone() -> None:
    wrong = [
        str(found)
        for path in sources(*PACKAGES)
        for found in _imports(path)
        if _lies_in(found.target, "grpc") and not _lies_in(module_name(path), "millstream.common.rpc.grpc_carrier")
    ]
    assert wrong == []


_SERVERS = ("fastapi", "uvicorn", "pydantic", "prometheus_client", "rich")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        (
            "millstream.taskmanager.slot_worker",
            ("grpc", "millstream.jobmanager", "millstream.dispatcher", "millstream.client", "psutil", *_SERVERS),
        ),
        (
            "millstream.taskmanager.worker.worker_main",
            ("grpc", "millstream.jobmanager", "millstream.dispatcher", "millstream.client", "psutil", *_SERVERS),
        ),
        (
            "millstream.taskmanager.main",
            ("millstream.taskmanager.operators", "rocksdict", *_SERVERS),
        ),
        ("millstream.client.mini_cluster", ("grpc", "millstream.taskmanager.operators", *_SERVERS)),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import sys, {module}\nprint([name for name in sorted(sys.modules) if name.startswith({heavy!r})])\n"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
