"""Packages on disk: what is taken, what is refused, and what is left of it."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.dispatcher.packages.package_name import InvalidPackageError, check_name, is_package_id
from millstream.dispatcher.packages.package_store import PackageStore, PackageStoreError, UnknownPackageError
from tests.unit.dispatcher.packages.archives import zip_bytes


def store_in(directory: Path, clock: ManualClock | None = None) -> PackageStore:
    return PackageStore(Configuration.from_map({"web.upload.dir": str(directory)}), clock or ManualClock(1_000_000))


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@given(st.text(max_size=200) | st.from_regex(r"[./\\a-z0-9:\x00]{0,20}\.(py|zip|whl)", fullmatch=True))
def test_whatever_a_client_calls_it_a_name_stays_one_file_in_the_directory(name: str) -> None:
    try:
        check_name(name)
    except InvalidPackageError:
        return
    assert os.path.basename(name) == name
    assert not name.startswith((".", "-"))
    assert len(f"{uuid.uuid4()}_{name}".encode()) <= 255
    assert is_package_id(f"{uuid.uuid4()}_{name}")


@given(name=st.text(max_size=40), content=st.binary(max_size=200))
def test_nothing_is_left_of_what_is_refused(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = store_in(Path(directory))
        try:
            package = store.add(name, io.BytesIO(content))
        except InvalidPackageError:
            assert store.list() == []
            assert files_below(Path(directory)) == []
        else:
            assert package.path.read_bytes() == content
            assert store.list() == [package]


UNKNOWN = "3f2c7c9e-7c0e-4a57-9d6e-2f8f3f1f4f10"


@pytest.mark.parametrize("package_id", ["", "..", "../x.py", "/etc/passwd", "nope.py", f"{UNKNOWN}_job.py", "\0"])
def test_unknown_ids_are_looked_up_and_not_opened(tmp_path: Path, package_id: str) -> None:
    store = store_in(tmp_path)
    store.add("job.py", io.BytesIO(b""))
    for ask in (store.get, store.delete):
        with pytest.raises(UnknownPackageError, match="does not exist in"):
            ask(package_id)
    assert len(store.list()) == 1


def test_the_newest_comes_first_and_a_restart_loses_nothing(tmp_path: Path) -> None:
    clock = ManualClock(1_000_000)
    store = store_in(tmp_path, clock)
    first = store.add("job.py", io.BytesIO(b'"""Counts."""'))
    clock.advance(1000)
    second = store.add("job.py", io.BytesIO(b""))
    assert first.id != second.id
    assert [each.id for each in store.list()] == [second.id, first.id]
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.path.parent.stat().st_mode) == 0o700
    store.close()
    again = store_in(tmp_path)
    assert again.list() == [second, first]
    again.delete(first.id)
    assert again.list() == [second]
    with pytest.raises(UnknownPackageError):
        again.get(first.id)


def test_without_a_directory_of_its_own_it_leaves_nothing(tmp_path: Path) -> None:
    store = PackageStore(Configuration.from_map({"web.tmpdir": str(tmp_path)}), ManualClock(0))
    assert store.list() == []
    assert list(tmp_path.iterdir()) == []
    store.add("job.py", io.BytesIO(b""))
    store.close()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_package_in_the_directory_is_not_listed(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    directory = store.add("job.py", io.BytesIO(b"")).path.parent
    (directory / "notes.py").write_text("")
    (directory / f"{uuid.uuid4()}_broken.zip").write_text("no zip")
    (directory / f"{uuid.uuid4()}_link.py").symlink_to("/etc/passwd")
    (directory / f"{uuid.uuid4()}_directory.py").mkdir()
    assert [each.name for each in store.list()] == ["job.py"]


def test_a_directory_that_cannot_be_used_is_named_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageStoreError, match=r"web\.upload\.dir"):
        store_in(tmp_path / "file").add("job.py", io.BytesIO(b""))


def test_broken_uploads_are_removed_after_a_day(tmp_path: Path) -> None:
    directory = store_in(tmp_path).add("job.py", io.BytesIO(b"")).path.parent
    part = directory / f".{uuid.uuid4()}.part"
    part.write_text("half")
    os.utime(part, (1000, 1000))
    store_in(tmp_path, ManualClock(1000_000 + 3600_000)).list()
    assert part.exists()
    store_in(tmp_path, ManualClock(1000_000 + 25 * 3600_000)).list()
    assert not part.exists()


def test_a_jar_is_refused_with_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(InvalidPackageError, match=r"no JVM here.*\.py.*\.zip, \.pyz.*\.whl"):
        store_in(tmp_path).add("demo.jar", io.BytesIO(zip_bytes({"Demo.class": ""})))
