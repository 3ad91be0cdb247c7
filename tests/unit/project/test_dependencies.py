"""What the packages import is what the wheel asks for: no less, no more."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from tests.unit.project.checkout import PACKAGES, ROOT, sources

# Imported by their own extra or by who asks for it: the event loop, the fixtures, file systems, Avro, a reporter.
OPTIONAL = {"uvloop", "pytest", "fsspec", "fastavro", "opentelemetry-proto"}
# Imported by starlette alone, which does not ask for it: forms, and so uploads, cannot be read without it.
INDIRECT = {"python-multipart"}


def _imported(tree: ast.AST) -> Iterator[str]:
    """The modules that running the code may import; those for the type checker only are none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            yield from (str(name.value) for name in node.args if isinstance(name, ast.Constant))
        else:
            yield from _imported(node)


def _distribution(module: str) -> str:
    """The distribution that a module is from. Namespace packages are shared by several: `google.protobuf`."""
    if module.startswith("opentelemetry.proto."):
        return "opentelemetry-proto"
    owners = set(metadata.packages_distributions().get(module.partition(".")[0], ()))
    if len(owners) > 1 or module.startswith("google."):
        return "protobuf" if module.startswith("google.protobuf") else "/".join(sorted(owners))
    return owners.pop() if owners else module


def test_the_wheel_requires_what_is_imported() -> None:
    modules = {
        module for path in sources(*PACKAGES) for module in _imported(ast.parse(path.read_text(encoding="utf-8")))
    }
    foreign = {module for module in modules if module.partition(".")[0] not in {*sys.stdlib_module_names, "millstream"}}
    imported = {_distribution(module).lower().replace("_", "-") for module in foreign} - OPTIONAL
    # tomllib is not in Python 3.10, and an editable install's metadata may be of yesterday.
    listed = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert listed is not None
    assert imported | INDIRECT == {name.lower() for name in re.findall(r'"([\w.-]+)', listed[1])}
