from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from millstream.client.artifacts import add_artifacts, program_artifacts
from millstream.common.wire.graph_pb2 import Artifact, JobGraph


def module(name: str, path: Path) -> ModuleType:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"NAME = {name!r}\n")
    made = ModuleType(name)
    made.__file__ = str(path)
    return made


def names_in(content: bytes) -> list[str]:
    return sorted(zipfile.ZipFile(io.BytesIO(content)).namelist())


def test_modules_beside_the_script_are_sent_singly_and_packages_whole(tmp_path: Path) -> None:
    modules = [
        module("helper", tmp_path / "helper.py"),
        module("shop", tmp_path / "shop/__init__.py"),
        module("shop.prices", tmp_path / "shop/prices.py"),
        module("__main__", tmp_path / "job.py"),
    ]
    (tmp_path / "shop" / "later.py").write_text("")
    (tmp_path / "unrelated.py").write_text("")
    artifacts = program_artifacts(tmp_path, modules)
    assert [(each.name, each.kind) for each in artifacts] == [("helper.py", "py"), ("shop.zip", "zip")]
    assert artifacts[0].content == b"NAME = 'helper'\n"
    assert names_in(artifacts[1].content) == ["shop/__init__.py", "shop/later.py", "shop/prices.py"]


def test_a_zipped_package_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [
        module("orchard", tmp_path / "orchard/__init__.py"),
        module("orchard.fruit.apple", tmp_path / "orchard/fruit/apple.py"),
    ]
    (archive,) = program_artifacts(tmp_path, modules)
    zipped = tmp_path / "elsewhere" / "orchard.zip"
    zipped.parent.mkdir()
    zipped.write_bytes(archive.content)
    monkeypatch.setattr(sys, "path", [str(zipped)])
    spec = importlib.util.find_spec("orchard")
    assert spec is not None
    assert str(spec.origin).startswith(str(zipped))


def test_what_is_installed_or_lies_elsewhere_is_not_sent(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    environment.mkdir()
    (environment / "pyvenv.cfg").write_text("")
    modules = [
        module("numpy", tmp_path / "lib/site-packages/numpy.py"),
        module("tool", environment / "tool.py"),
        module("far", tmp_path.parent / f"{tmp_path.name}-far" / "far.py"),
        module("millstream.thing", tmp_path / "millstream/thing.py"),
        module("from_src", tmp_path / "src/from_src.py"),
        ModuleType("builtin"),
    ]
    assert program_artifacts(tmp_path, modules) == []


def test_nothing_is_sent_of_a_program_that_is_installed_itself(tmp_path: Path) -> None:
    directory = tmp_path / "lib/site-packages"
    modules = [
        module("tool", directory / "tool/__init__.py"),
        module("native", directory / "native/__init__.py"),
        module("single", directory / "single.py"),
    ]
    assert program_artifacts(directory, modules) == []


def test_equal_content_gives_equal_artifacts(tmp_path: Path) -> None:
    modules = [module("shop.prices", tmp_path / "shop/prices.py")]
    assert program_artifacts(tmp_path, modules) == program_artifacts(tmp_path, modules)


def test_an_artifact_is_added_once() -> None:
    graph = JobGraph()
    one = Artifact(name="one.py", kind="py", sha256="aa", content=b"x = 1")
    add_artifacts(graph, [one])
    add_artifacts(graph, [one])
    assert [artifact.name for artifact in graph.artifacts] == ["one.py"]


def test_a_zip_is_added_as_code_and_as_an_archive() -> None:
    graph = JobGraph()
    code = Artifact(name="a.zip", kind="zip", sha256="aa", content=b"x")
    archive = Artifact(name="a.zip", kind="archive", sha256="aa", content=b"x", target_dir="a.zip")
    add_artifacts(graph, [archive, code, archive])
    assert [artifact.kind for artifact in graph.artifacts] == ["archive", "zip"]
