"""What a history server shows of its directories, from one look to the next."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystemError, register_file_system
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.dispatcher.history.answer_store import AnswerStore
from millstream.dispatcher.history.archive_fetcher import ArchiveFetcher
from tests.unit.dispatcher.history.archives import archive, job_id, put_archive

Fetching = Callable[..., ArchiveFetcher]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    made = AnswerStore(str(tmp_path / "unpacked"))
    yield made
    made.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "archives"
    made.mkdir()
    return made


@pytest.fixture
def fetching(store: AnswerStore, directory: Path) -> Fetching:
    """Makes a fetcher, by default of the one directory."""

    def make(*directories: object, **settings: Any) -> ArchiveFetcher:
        return ArchiveFetcher([str(one) for one in directories or (directory,)], Configuration(), store, **settings)

    return make


def shown(fetcher: ArchiveFetcher) -> dict[str, str]:
    """Names of jobs and their states, after another look."""
    fetcher.refresh()
    catalogue = fetcher.catalogue
    lines = json.loads(catalogue.overview)["jobs"]
    assert {line["jid"] for line in lines} == set(catalogue.jobs)
    assert json.loads(catalogue.ids)["jobs"] == [{"id": line["jid"], "status": line["state"]} for line in lines]
    return {line["name"]: line["state"] for line in lines}


def age(path: Path, seconds: int) -> None:
    """Let a file be older than those that are written now."""
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return found


def test_archives_are_found_as_they_come(fetching: Fetching, directory: Path, store: AnswerStore) -> None:
    fetcher = fetching()
    assert shown(fetcher) == {}
    put_archive(directory, 1, name="first")
    assert shown(fetcher) == {"first": "FINISHED"}
    put_archive(directory, 2, "FAILED", name="second", start_time_ms=1)
    put_archive(directory, 3, "CANCELED", name="third")
    assert shown(fetcher) == {"second": "FAILED", "first": "FINISHED", "third": "CANCELED"}
    cluster = fetcher.catalogue.cluster
    assert (cluster.jobs_finished, cluster.jobs_failed, cluster.jobs_cancelled, cluster.jobs_running) == (1, 1, 1, 0)
    body = store.get(f"/jobs/{job_id(2)}")
    assert body is not None
    assert json.loads(body)["name"] == "second"


def test_other_files_are_no_archives(fetching: Fetching, directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    (directory / "README").write_text("hello")
    (directory / f".{job_id(1)}.ab.tmp").write_text("half")
    (directory / job_id(2)).mkdir()
    assert shown(fetching()) == {}
    assert warnings(caplog) == []


def test_a_broken_archive_is_told_once_and_read_when_it_is_mended(
    fetching: Fetching, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / job_id(1)).write_bytes(archive(1)[:-7])
    put_archive(directory, 2, name="good")
    fetcher = fetching()
    assert shown(fetcher) == {"good": "FINISHED"}
    (message,) = warnings(caplog)
    assert str(directory / job_id(1)) in message
    assert "passed over" in message
    shown(fetcher)
    assert warnings(caplog) == []
    put_archive(directory, 1, name="mended")
    assert set(shown(fetcher)) == {"good", "mended"}


def test_an_archive_under_the_name_of_another_job_is_not_shown(fetching: Fetching, directory: Path) -> None:
    put_archive(directory, 1).rename(directory / job_id(2))
    assert shown(fetching()) == {}


def test_a_file_that_is_too_large_is_not_read(
    fetching: Fetching, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    size = put_archive(directory, 1).stat().st_size
    assert shown(fetching(largest=size - 1)) == {}
    assert f"{size - 1:,} bytes" in warnings(caplog)[0]
    assert shown(fetching(largest=size)) != {}


def test_an_archive_that_is_written_anew_is_read_anew(fetching: Fetching, directory: Path) -> None:
    put_archive(directory, 1, name="one")
    fetcher = fetching()
    shown(fetcher)
    put_archive(directory, 1, name="another one")
    assert shown(fetcher) == {"another one": "FINISHED"}


def test_a_deleted_archive_is_shown_on(fetching: Fetching, directory: Path) -> None:
    path = put_archive(directory, 1, name="one")
    fetcher = fetching()
    shown(fetcher)
    path.unlink()
    assert shown(fetcher) == {"one": "FINISHED"}


def test_a_deleted_archive_is_forgotten_if_that_is_wished(
    fetching: Fetching, directory: Path, store: AnswerStore
) -> None:
    path = put_archive(directory, 1, name="one")
    put_archive(directory, 2, name="two")
    fetcher = fetching(clean_expired=True)
    shown(fetcher)
    path.unlink()
    assert shown(fetcher) == {"two": "FINISHED"}
    assert store.get(f"/jobs/{job_id(1)}") is None


def test_only_the_newest_are_retained(fetching: Fetching, directory: Path, store: AnswerStore) -> None:
    for number in range(1, 6):
        age(put_archive(directory, number, name=str(number)), 100 - number)
    (directory / "README").write_text("not an archive, so not deleted")
    fetcher = fetching(retained=3)
    assert set(shown(fetcher)) == {"3", "4", "5"}
    put_archive(directory, 6, name="6")
    assert set(shown(fetcher)) == {"4", "5", "6"}
    assert {path.name for path in directory.iterdir()} == {"README", job_id(4), job_id(5), job_id(6)}
    assert store.get(f"/jobs/{job_id(3)}") is None


def test_several_directories_are_retained_each_for_itself(fetching: Fetching, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in (1, 2):
            path = put_archive(tmp_path / name, number + 2 * (name == "b"), name=f"{name}{number}")
            age(path, 10 - number)
    assert set(shown(fetching(tmp_path / "a", tmp_path / "b", retained=1))) == {"a2", "b2"}


def test_a_job_in_two_directories_is_shown_once_and_from_the_other_when_the_first_is_gone(
    fetching: Fetching, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        put_archive(tmp_path / name, 1, name=name)
    fetcher = fetching(tmp_path / "a", tmp_path / "b", clean_expired=True)
    assert shown(fetcher) == {"a": "FINISHED"}
    assert shown(fetcher) == {"a": "FINISHED"}
    (tmp_path / "a" / job_id(1)).unlink()
    assert shown(fetcher) == {"b": "FINISHED"}


def test_a_directory_that_cannot_be_listed_is_told_once_and_loses_nothing(
    fetching: Fetching, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Moody(LocalFileSystem):
        broken = False

        def list(self, path: str) -> Any:
            if self.broken:
                raise FileSystemError(f"{path}: the storage has a bad day")
            return super().list(str(directory))

        def open(self, path: str) -> Any:
            return super().open(str(directory / path.rpartition("/")[2]))

    moody = Moody()
    end = register_file_system("moody", lambda *_: moody)
    try:
        put_archive(directory, 1, name="one")
        fetcher = fetching("moody://store/archives", clean_expired=True)
        assert shown(fetcher) == {"one": "FINISHED"}
        moody.broken = True
        assert shown(fetcher) == {"one": "FINISHED"}
        assert len(warnings(caplog)) == 1
        shown(fetcher)
        assert warnings(caplog) == []
        moody.broken = False
        put_archive(directory, 2, name="two")
        assert set(shown(fetcher)) == {"one", "two"}
        moody.broken = True
        shown(fetcher)
        assert len(warnings(caplog)) == 1
    finally:
        end()


def test_a_look_that_is_to_stop_reads_no_more(fetching: Fetching, directory: Path) -> None:
    put_archive(directory, 1)
    fetcher = fetching()
    fetcher.stop()
    assert shown(fetcher) == {}
