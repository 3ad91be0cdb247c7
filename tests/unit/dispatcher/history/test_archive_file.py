"""The file of an archive: Flink's form, and what becomes of a file that is something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.ids import JobID
from millstream.dispatcher.history.answer import Answer
from millstream.dispatcher.history.archive_file import BrokenArchiveError, decode, encode, job_of_file
from tests.unit.dispatcher.history.archives import answers, archive, job_id
from tests.unit.dispatcher.rest.job_reports import JOB, ended_job

ONE = JobID(job_id(1))


def document(*entries: Any) -> bytes:
    return json.dumps({"archive": entries}).encode()


def entry(path: str, body: Any) -> dict[str, str]:
    return {"path": path, "json": json.dumps(body)}


def overview() -> dict[str, str]:
    written: dict[str, Any] = json.loads(archive(1))["archive"][0]
    return written


def test_the_form_is_flinks() -> None:
    written = json.loads(b"".join(encode(answers(ended_job("FINISHED")))))
    assert list(written) == ["archive"]
    for item in written["archive"]:
        assert list(item) == ["path", "json"]
        assert item["path"].startswith("/jobs/")
        json.loads(item["json"])
    assert [job["jid"] for job in json.loads(written["archive"][0]["json"])["jobs"]] == [JOB]


def test_what_was_written_is_read() -> None:
    given_answers = answers(ended_job("CANCELED"))
    job = decode(b"".join(encode(given_answers)), JobID(JOB))
    assert job.overview.state == "CANCELED"
    assert job.bodies == {answer.path: answer.body for answer in given_answers if answer.path != "/jobs/overview"}


@settings(max_examples=30)
@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_bodies_are_kept_whatever_characters_they_have(texts: dict[str, str]) -> None:
    body = json.dumps(texts, ensure_ascii=False).encode(errors="replace")
    own = Answer(f"/jobs/{ONE}/config", body)
    first = Answer("/jobs/overview", overview()["json"].encode())
    assert decode(b"".join(encode([first, own])), ONE).bodies == {own.path: body}


def test_an_archive_that_flink_wrote_is_read() -> None:
    line = json.loads(overview()["json"])
    line["jobs"][0] |= {"schedulerType": "Default", "pending-operators": 0}
    line["jobs"][0]["tasks"]["pending"] = 0
    data = document(entry("/jobs/overview", line), entry("/joboverview", {"finished": []}), entry(f"/jobs/{ONE}", {}))
    assert list(decode(data, ONE).bodies) == [f"/jobs/{ONE}"]


@pytest.mark.parametrize(
    "path",
    [
        "/config",
        f"/jobs/{job_id(2)}",
        f"/jobs/{job_id(2)}/config",
        f"/jobs/{ONE}extra/config",
        f"jobs/{ONE}",
        "../../etc/passwd",
        "",
    ],
)
def test_paths_that_are_not_the_jobs_are_left_out(path: str) -> None:
    assert decode(document(overview(), entry(path, {})), ONE).bodies == {}


def test_paths_are_nothing_but_names() -> None:
    path = f"/jobs/{ONE}/../../../etc/passwd"
    assert decode(document(overview(), entry(path, 1)), ONE).bodies == {path: b"1"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no archive"),
        (b"\x00\xff\x80", "it is no archive"),
        (archive(1)[:-100], "it is no archive"),
        (b"[]", "it is no archive"),
        (b'{"archive": 7}', "archive: Input should be a valid"),
        (b'{"archive": [{"path": "/jobs/overview"}]}', "archive.0.json: Field required"),
        (b"[" * 100_000, "it is no archive"),
        (document(), "no line about job"),
        (archive(2), "no line about job"),
        (document(entry("/jobs/overview", {"jobs": [{"jid": job_id(1)}]})), "jobs.0.name"),
        (document(overview(), {"path": f"/jobs/{ONE}/config", "json": "<script>"}), "/config is no JSON"),
        (document(overview(), {"path": f"/jobs/{ONE}/config", "json": "[" * 100_000}), "/config is no JSON"),
    ],
)
def test_what_is_broken_is_told(data: bytes, message: str) -> None:
    with pytest.raises(BrokenArchiveError) as told:
        decode(data, ONE)
    assert message in str(told.value)
    assert len(str(told.value)) < 500


TEXT = st.text(max_size=6)
JSON = st.none() | st.floats() | TEXT | st.lists(TEXT, max_size=2) | st.dictionaries(TEXT, TEXT, max_size=2)
ENTRY = JSON | st.fixed_dictionaries(
    {
        "path": JSON | st.sampled_from([f"/jobs/{ONE}", f"/JOBS/{ONE}/config", "/jobs/overview"]),
        "json": JSON | st.just(overview()["json"]) | st.builds(json.dumps, JSON),
    }
)


@settings(max_examples=50)
@given(st.binary(max_size=20) | st.builds(lambda entries: document(overview(), *entries), st.lists(ENTRY, max_size=4)))
def test_any_file_is_an_archive_or_broken(data: bytes) -> None:
    try:
        job = decode(data, ONE)
    except BrokenArchiveError:
        return
    assert job.overview.jid == ONE
    assert all(path == f"/jobs/{ONE}" or path.startswith(f"/jobs/{ONE}/") for path in job.bodies)


@pytest.mark.parametrize("name", ["", "overview", job_id(1) + ".tmp", "." + job_id(1), "A" * 32, job_id(1) + "\n"])
def test_other_names_are_no_archives(name: str) -> None:
    assert job_of_file(name) is None


def test_the_name_is_the_jobs_id() -> None:
    assert job_of_file(job_id(1)) == ONE
