"""Archives of a job in its worker: unpacked, found by relative paths, gone afterwards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from millstream.common.wire.graph_pb2 import Artifact
from millstream.taskmanager.job_files import ArtifactError, JobFiles


@pytest.fixture(autouse=True)
def _same_working_directory() -> Iterator[None]:
    before = os.getcwd()
    yield
    assert os.getcwd() == before


def archive(target_dir: str, member: str = "data.txt", name: str = "data.zip") -> Artifact:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as made:
        made.writestr(member, target_dir)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Artifact(name=name, kind="archive", content=content, sha256=digest, target_dir=target_dir)


def test_functions_find_what_archives_hold_by_relative_paths(tmp_path: Path) -> None:
    before = os.getcwd()
    files = JobFiles(own_process=True)
    try:
        files.install([archive("data.zip"), archive("d"), archive("d", "more/data.txt")], [], [str(tmp_path)])
        assert os.getcwd() != before
        assert Path(os.getcwd()).is_relative_to(tmp_path.resolve())
        assert Path("data.zip/data.txt").read_text() == "data.zip"
        assert Path("d/data.txt").read_text() == Path("d/more/data.txt").read_text() == "d"
    finally:
        files.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_worker_left_is_removed_by_the_next(tmp_path: Path) -> None:
    first = JobFiles(own_process=True)
    left, alive = tmp_path / "millstream-job-of-the-dead", tmp_path / "millstream-job-unfinished"
    (left / "0").mkdir(parents=True)
    (left / "owner.lock").touch()  # nobody holds it
    alive.mkdir()  # its owner has not come so far as to lock it
    try:
        first.install([archive("d")], [], [str(tmp_path)])
        second = JobFiles(own_process=False)
        second.install([], [], [str(tmp_path)])
        second.remove()
        assert Path("d/data.txt").is_file()
        assert not left.exists()
        assert alive.exists()
    finally:
        first.remove()


def test_a_relative_directory_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.chdir(tmp_path)
        files = JobFiles(own_process=True)
        files.install([archive("d")], [], ["temporary"])
        assert Path("d/data.txt").is_file()
        files.remove()
        assert os.getcwd() == str(tmp_path.resolve())
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_archives_the_working_directory_stays(tmp_path: Path) -> None:
    before = os.getcwd()
    code = Artifact(name="a.py", kind="py", content=b"", sha256=hashlib.sha256(b"").hexdigest())
    files = JobFiles(own_process=True)
    files.install([code], [], [str(tmp_path)])
    assert os.getcwd() == before
    files.remove()


def damaged() -> Artifact:
    made = archive("d")
    made.content += b"x"
    return made


def no_archive() -> Artifact:
    return Artifact(
        name="data.zip", kind="archive", content=b"x", sha256=hashlib.sha256(b"x").hexdigest(), target_dir="d"
    )


@pytest.mark.parametrize(
    ("artifact", "problem"),
    [
        (damaged(), "'data.zip' is damaged"),
        (no_archive(), "'data.zip' is refused: it is neither a zip nor a tar"),
        (archive("d", "../evil"), r"'data.zip' is refused: its member '\.\./evil' would be written outside"),
        (archive("../d"), "not a plain name"),
        (archive(""), "not a plain name"),
    ],
)
def test_bad_archives_are_refused(artifact: Artifact, problem: str, tmp_path: Path) -> None:
    files = JobFiles(own_process=True)
    with pytest.raises(ArtifactError, match=problem):
        files.install([artifact], [], [str(tmp_path)])
    files.remove()
    assert list(tmp_path.iterdir()) == []


def test_slots_that_are_threads_refuse_archives(tmp_path: Path) -> None:
    files = JobFiles(own_process=False)
    with pytest.raises(ArtifactError, match=r"taskmanager\.slot\.isolation: process"):
        files.install([archive("d")], [], [str(tmp_path)])
    files.remove()
