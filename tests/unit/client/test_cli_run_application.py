"""``millstream run-application`` against a scripted REST interface."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.client.cli.main import main
from millstream.testing.process_cluster import free_port
from tests.unit.common.rpc.http_script import Asked, Script, http_script, response

JOB = "0" * 31 + "a"
CONFIG = response(200, b'{"millstream-version": "1"}')
UPLOADED = response(200, b'{"filename": "/upload/1-2_job.py", "status": "success"}')
STARTED = response(200, json.dumps({"jobid": JOB}).encode())


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text("print('on the cluster')\n")


class Server:
    """Answers by the request's first line; lives in a thread."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {
            "GET /v1/config": CONFIG,
            "POST /v1/jars/upload": UPLOADED,
            "POST /v1/jars/1-2_job.py/run": STARTED,
            "DELETE /v1/jars/1-2_job.py": response(200, b"{}"),
        }
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._up.wait(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._down = asyncio.Event()
        async with http_script(self._answer) as self.script:
            self._up.set()
            await self._down.wait()

    def _answer(self, asked: Asked) -> bytes:
        return self.answers[asked.line.rpartition(" ")[0]]

    @property
    def asked(self) -> list[Asked]:
        script: Script = self.script
        return [asked for asked in script.asked if not asked.line.startswith("GET")]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def at(server: Server) -> list[str]:
    return ["run-application", "-m", f"127.0.0.1:{server.script.port}"]


def test_a_package_is_sent_started_and_removed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-p", "3", "-c", "daily", "-s", "/s", "-n", "-cm", "claim", "-Drestart-strategy.type=none"]
    assert main([*at(server), *options, "job.py", "--input", "x", "-p"]) == 0
    assert capsys.readouterr().out == f"Sending job.py to the cluster.\nJob has been submitted with JobID {JOB}\n"
    upload, run, delete = server.asked
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="jarfile"; filename="job.py"' in upload.body
    assert b"\r\n\r\nprint('on the cluster')\n\r\n--" in upload.body
    assert json.loads(run.body) == {
        "entryClass": "daily",
        "programArgsList": ["--input", "x", "-p"],
        "parallelism": 3,
        "savepointPath": "/s",
        "allowNonRestoredState": True,
        "claimMode": "CLAIM",
        "flinkConfiguration": {"restart-strategy.type": "none"},
    }
    assert delete.line.startswith("DELETE /v1/jars/1-2_job.py ")


def test_a_document_of_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*at(server), "--json", "job.py"]) == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": [{"jid": JOB}]}


def test_what_the_program_ended_with_is_told_and_the_package_removed(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = response(400, json.dumps({"errors": ["ValueError: no input (job.py:3)"]}).encode())
    server.answers["POST /v1/jars/1-2_job.py/run"] = refusal
    assert main([*at(server), "job.py"]) == 1
    error = capsys.readouterr().err
    assert "Could not run job.py on the cluster." in error
    assert "ValueError: no input (job.py:3)" in error
    assert server.asked[-1].line.startswith("DELETE")


def test_without_its_token_nothing_is_sent(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["POST /v1/jars/upload"] = response(401, b'{"errors": ["Show the token."]}')
    assert main([*at(server), "job.py"]) == 1
    assert "access is refused (rest.authentication.token)" in capsys.readouterr().err
    assert "authorization" not in server.asked[0].headers


def test_the_wrong_things_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run-application", "nope.zip"]) == 1
    assert "Could not run the package: nope.zip does not exist." in capsys.readouterr().out
    assert main(["run-application", str(tmp_path)]) == 1
    assert "is a directory; pack it into a zip" in capsys.readouterr().out
    assert main(["run-application", f"-Drest.port={free_port()}", "job.py"]) == 1
    assert "is the cluster started?" in capsys.readouterr().err
