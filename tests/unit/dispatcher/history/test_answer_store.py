"""The unpacked bodies of archives."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from millstream.common.errors import ConfigurationError
from millstream.common.ids import JobID
from millstream.dispatcher.history.answer_store import AnswerStore
from tests.unit.dispatcher.history.archives import job_id

ONE, TWO = JobID(job_id(1)), JobID(job_id(2))


def bodies(job: JobID, text: bytes, number: int = 250) -> dict[str, bytes]:
    return {f"/jobs/{job}": text, **{f"/jobs/{job}/{index}": text for index in range(number)}}


def test_bodies_of_jobs_come_and_go(tmp_path: Path) -> None:
    store = AnswerStore(str(tmp_path / "new"))
    try:
        store.put(ONE, bodies(ONE, b"1"))
        store.put(TWO, bodies(TWO, b"2"))
        assert store.get(f"/jobs/{ONE}") == b"1"
        assert store.get(f"/jobs/{TWO}/249") == b"2"
        assert store.get(f"/jobs/{TWO}/250") is None
        store.put(ONE, bodies(ONE, b"new", 1))
        assert store.get(f"/jobs/{ONE}/0") == b"new"
        assert store.get(f"/jobs/{ONE}/1") is None
        store.remove(ONE)
        assert store.get(f"/jobs/{ONE}") is None
        assert store.get(f"/jobs/{ONE}/0") is None
        assert store.get(f"/jobs/{TWO}") == b"2"
    finally:
        store.close()
        store.close()


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    store = AnswerStore(str(tmp_path))
    try:
        store.put(ONE, bodies(ONE, b"x" * 10_000))
        assert list(tmp_path.iterdir()) == []
        assert store.get(f"/jobs/{ONE}/7") == b"x" * 10_000
    finally:
        store.close()


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, factory=Full))
    store = AnswerStore(str(tmp_path))
    try:
        with pytest.raises(OSError, match=r"historyserver\.web\.tmpdir.*disk is full"):
            store.put(ONE, bodies(ONE, b"1"))
        assert store.get(f"/jobs/{ONE}") is None
    finally:
        store.close()


def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"historyserver\.web\.tmpdir"):
        AnswerStore(str(tmp_path / "file" / "below"))
