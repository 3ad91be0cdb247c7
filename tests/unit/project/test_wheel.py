"""The wheel holds every module: it is built, installed into an empty environment, and all of it imported from there."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.unit.project.checkout import PACKAGES, ROOT, module_name, sources

# Imports the modules named on standard input and prints where each came from.
_IMPORT_ALL = """
import importlib, json, sys
names = json.load(sys.stdin)
print(json.dumps({name: importlib.import_module(name).__file__ for name in names}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    # The build backend by itself: it is installed, so nothing is downloaded.
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory), cwd=ROOT)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which nothing but the wheel is installed; its dependencies lie outside."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=True)
    interpreter = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "--disable-pip-version-check"]
    _run(*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    packages = sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    # A path that a .pth file adds does not have its own .pth files read, so the checkout stays out of sight.
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("\n".join(sorted(dependencies)))
    return interpreter


def _run(*command: str, cwd: Path | None = None, text: str | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, timeout=110, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    in_checkout = {
        f"millstream/{path.relative_to(ROOT).as_posix()}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(names) == in_checkout
    assert {f"millstream/{package}/py.typed" for package in PACKAGES} <= set(names)


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_every_module_can_be_imported_from_the_wheel(python: Path, tmp_path: Path, order: int) -> None:
    # Two orders: a cycle of imports may work from one end only.
    modules = [module_name(path) for path in sources(*PACKAGES)][::order]
    output = _run(str(python), "-I", "-W", "error", "-c", _IMPORT_ALL, cwd=tmp_path, text=json.dumps(modules))
    environment = python.parent.parent
    outside = {name: file for name, file in json.loads(output).items() if not Path(file).is_relative_to(environment)}
    assert outside == {}


def test_the_command_is_installed(python: Path, tmp_path: Path) -> None:
    assert "millstream" in _run(str(python.parent / "millstream"), "--help", cwd=tmp_path).lower()
