"""The command line against a cluster that the scripts have started, and in an embedded one."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from millstream.testing.process_cluster import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
JOB_ID = r"[0-9a-f]{32}"

HELLO = """
import sys
from millstream.datastream import StreamExecutionEnvironment
import helper_beside_the_job

target = sys.argv[1] if len(sys.argv) > 1 else "/dev/null"
env = StreamExecutionEnvironment.get_execution_environment()
(
    env.from_collection(["to be or not to be"])
    .flat_map(helper_beside_the_job.words)
    .map(lambda word: (word, 1))
    .key_by(lambda pair: pair[0])
    .reduce(lambda a, b: (a[0], a[1] + b[1]))
    .map(lambda pair: (pair, open(target, "a").write(f"{pair}\\n"))[0])
    .print()
)
env.execute("hello")
"""

ENDLESS = """
import time
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceFunction

class Ticking(SourceFunction):
    def run(self, ctx):
        self.running = True
        while self.running:
            ctx.collect(1)
            time.sleep(0.001)
    def cancel(self):
        self.running = False

env = StreamExecutionEnvironment.get_execution_environment()
env.add_source(Ticking()).rebalance().map(lambda x: x).print()
env.execute("endless")
"""

FAILING = """
from millstream.datastream import StreamExecutionEnvironment

def parse(text):
    return int(text)

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(["1", "two"]).map(parse).name("parse").print()
env.execute("failing")
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text(HELLO)
    (tmp_path / "helper_beside_the_job.py").write_text("def words(line):\n    return line.split()\n")
    (tmp_path / "endless.py").write_text(ENDLESS)
    (tmp_path / "failing.py").write_text(FAILING)
    return tmp_path


def running_jobs(cluster: Any) -> list[str]:
    return re.findall(rf"({JOB_ID}) : \S+ \(RUNNING\)", cluster.millstream("list", "-r").stdout)


def free_slots(cluster: Any) -> None:
    """Wait until what a test has cancelled is gone."""
    eventually(lambda: not running_jobs(cluster), "no job runs")


def test_an_attached_run_reports_the_end(cluster: Any, programs: Path) -> None:
    ran = cluster.millstream("run", "-p", "2", str(programs / "hello.py"), str(programs / "words"))
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(
        rf"Job has been submitted with JobID ({JOB_ID})\n"
        r"Program execution finished\n"
        r"Job with JobID \1 has finished\.\n"
        r"Job Runtime: \d+ ms\n\n",
        ran.stdout,
    )
    lines = (programs / "words").read_text().splitlines()
    assert sorted(lines) == ["('be', 1)", "('be', 2)", "('not', 1)", "('or', 1)", "('to', 1)", "('to', 2)"]


def test_a_detached_run_is_listed_and_cancelled(cluster: Any, programs: Path) -> None:
    ran = cluster.millstream("run", "-d", str(programs / "endless.py"))
    assert ran.returncode == 0, ran.stderr
    matched = re.fullmatch(rf"Job has been submitted with JobID ({JOB_ID})\n", ran.stdout)
    assert matched is not None, ran.stdout
    job_id = matched[1]
    eventually(lambda: running_jobs(cluster) == [job_id], "the job runs")
    cancelled = cluster.millstream("cancel", job_id)
    assert cancelled.stdout == f"Cancelling job {job_id}.\nCancelled job {job_id}.\n"
    free_slots(cluster)
    assert f"{job_id} : endless (CANCELED)" in cluster.millstream("list", "-a").stdout


def test_a_failing_job_shows_the_users_line_first(cluster: Any, programs: Path) -> None:
    ran = cluster.millstream("run", str(programs / "failing.py"))
    assert ran.returncode == 1
    lines = ran.stderr.splitlines()
    assert lines[:4] == ["", "-" * 60, " The program finished with the following exception:", ""]
    assert lines[4].startswith(
        "ValueError: invalid literal for int() with base 10: 'two' | operator 'parse' (map), subtask 1/1 | "
        f"record 'two' | {programs / 'failing.py'}:5"
    )
    assert "return int(text)" in ran.stderr
    assert "Program execution finished" not in ran.stdout


def test_the_plan_is_shown_and_nothing_runs(cluster: Any, programs: Path) -> None:
    before = cluster.millstream("list", "-a").stdout
    shown = cluster.millstream("info", "-p", "2", str(programs / "hello.py"))
    assert shown.returncode == 0, shown.stderr
    assert '"nodes"' in shown.stdout
    assert '"ship_strategy"' in shown.stdout
    assert cluster.millstream("list", "-a").stdout == before


def test_nobody_at_the_given_address(cluster: Any, programs: Path) -> None:
    ran = cluster.millstream("run", "-m", "localhost:1", str(programs / "hello.py"))
    assert ran.returncode == 1
    assert "Cannot reach a Millstream master at localhost:1: is the cluster started?" in ran.stderr


@pytest.mark.parametrize("cancels", [False, True], ids=["detaches", "cancels with -sae"])
def test_ctrl_c(cluster: Any, programs: Path, cancels: bool) -> None:
    options = ["-sae"] if cancels else []
    process = subprocess.Popen(
        [sys.executable, "-m", "millstream.client.cli.main", "run", *options, str(programs / "endless.py")],
        env=cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: running_jobs(cluster), "the job runs")
        (job_id,) = running_jobs(cluster)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert error.strip() == ""
    if cancels:
        assert output.endswith(f"Cancelling job {job_id}.\nCancelled job {job_id}.\n")
    else:
        assert f"Detached: job {job_id} goes on in the cluster." in output
        assert running_jobs(cluster) == [job_id]
        assert cluster.millstream("cancel", job_id).returncode == 0
    free_slots(cluster)


def test_the_word_count_example_agrees_with_counter(cluster: Any) -> None:
    some_sources = str(Path(sysconfig.get_path("stdlib")) / "asyncio")
    ran = cluster.millstream("run", "-p", "2", str(REPOSITORY / "examples" / "word_count.py"), "--input", some_sources)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "The counts equal those of collections.Counter." in ran.stdout


@pytest.mark.parametrize("mode", ["process", "thread"])
def test_a_program_started_by_itself_runs_in_an_embedded_cluster(deployment: Any, programs: Path, mode: str) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write(f"local.execution: {mode}\n")
    ran = subprocess.run(
        [sys.executable, str(programs / "hello.py"), str(programs / "words")],
        env=deployment.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert len((programs / "words").read_text().splitlines()) == 6
    assert len(ran.stdout.splitlines()) == 6, "print() reaches the program's own output"


def test_a_breakpoint_is_reached_in_thread_mode(deployment: Any, tmp_path: Path) -> None:
    with (deployment.directory / "conf" / "config.yaml").open("a") as file:
        file.write("local.execution: thread\n")
    program = tmp_path / "debugged.py"
    program.write_text(
        "from millstream.datastream import StreamExecutionEnvironment\n"
        "def double(x):\n"
        "    breakpoint()\n"
        "    return 2 * x\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "env.from_collection([21]).map(double).print()\n"
        "env.execute()\n"
    )
    ran = subprocess.run(
        [sys.executable, str(program)],
        env=deployment.environment,
        input="print('seen', x)\ncontinue\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "seen 21" in ran.stdout
    assert "42" in ran.stdout


def test_a_local_run_needs_no_cluster(deployment: Any, programs: Path) -> None:
    ran = deployment.millstream("run", "-t", "local", "-p", "2", str(programs / "hello.py"), str(programs / "words"))
    assert ran.returncode == 0, ran.stderr
    assert "Program execution finished" in ran.stdout
    assert len((programs / "words").read_text().splitlines()) == 6


def test_files_of_pyfs_reach_the_workers(cluster: Any, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "only_in_pyfs.py").write_text("def shout(text):\n    return text.upper()\n")
    program = tmp_path / "place" / "job.py"
    program.parent.mkdir()
    program.write_text(
        "from millstream.datastream import StreamExecutionEnvironment\n"
        "import only_in_pyfs\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "print(list(env.from_collection(['a']).map(only_in_pyfs.shout).execute_and_collect()))\n"
    )
    ran = cluster.millstream("run", "-pyfs", str(library / "only_in_pyfs.py"), str(program))
    assert ran.returncode == 0, ran.stderr
    assert "['A']" in ran.stdout


def test_a_terminal_shows_how_the_job_gets_on(cluster: Any, programs: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "millstream.client.cli.main", "run", "-sae", str(programs / "endless.py")],
        env={**cluster.environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    os.set_blocking(controller, False)
    seen = bytearray()

    def read() -> str:
        try:
            seen.extend(os.read(controller, 65536))
        except OSError:  # nothing there now, or the other end is closed
            pass
        return seen.decode(errors="replace")

    try:
        eventually(lambda: re.search(r"RUNNING.*?tasks: 2 running", read(), re.DOTALL), "the view")
        eventually(
            lambda: re.search(r"Source: Custom Source\s*(\x1b\[0m)?\s+1\s+0\s+[1-9]", read()),
            "records that are counted",
        )
        process.send_signal(signal.SIGINT)
        eventually(lambda: process.poll() is not None and read() is not None, "the command ends")
    finally:
        process.kill()
        process.wait(15)
        os.close(controller)
    assert process.returncode == 130
    text = seen.decode()
    assert re.search(r"\x1b\[2KCancelling job " + JOB_ID, text), "the view is gone before the last words"
    assert text.rstrip().endswith(".")
    assert "\x1b[?25h" in text, "the cursor is there again"
    free_slots(cluster)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1", "TERM": "xterm"}], ids=str)
def test_plain_terminals_and_those_without_colours(cluster: Any, environment: dict[str, str]) -> None:
    controller, terminal = pty.openpty()
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "millstream.client.cli.main", "list", "-a"],
            env={**cluster.environment, **environment},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0
        text = os.read(controller, 65536).decode()
    finally:
        os.close(terminal)
        os.close(controller)
    assert not re.search(r"\x1b\[3\d", text), "no colours"
    if environment["TERM"] == "dumb":
        assert "\x1b" not in text
        assert "------------------ Running/Restarting Jobs" in text or "No running jobs." in text


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), 5):
            return True
    except ConnectionRefusedError:
        return False


def rest(cluster: Any, action: str, *arguments: str) -> Any:
    eventually(lambda: listens(cluster.rest_port), "the REST interface is there")
    return cluster.millstream(action, "-m", f"http://localhost:{cluster.rest_port}", *arguments)


def test_the_rest_port_is_enough(cluster: Any, programs: Path) -> None:
    ran = rest(cluster, "run", str(programs / "hello.py"), str(programs / "words"))
    assert ran.returncode == 0, ran.stderr
    assert len((programs / "words").read_text().splitlines()) == 6, "modules beside the program have come along"
    collecting = programs / "collecting.py"
    collecting.write_text(
        "from millstream.datastream import StreamExecutionEnvironment\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "print(sorted(env.from_collection(list('abc')).map(str.upper).execute_and_collect()))\n"
    )
    ran = rest(cluster, "run", str(collecting))
    assert "['A', 'B', 'C']" in ran.stdout, ran.stderr

    job_id = json.loads(rest(cluster, "run", "-d", "--json", str(programs / "endless.py")).stdout)["jobs"][0]["jid"]
    eventually(lambda: running_jobs(cluster) == [job_id], "the job runs")
    saved = cluster.millstream("savepoint", "-m", f"localhost:{cluster.rest_port}", job_id, str(programs / "saved"))
    assert saved.returncode == 0, saved.stdout + saved.stderr
    assert f"Savepoint completed. Path: file:{programs}/saved/savepoint-{job_id[:6]}-" in saved.stdout
    stopped = rest(cluster, "stop", "--json", "-p", str(programs / "saved"), job_id)
    location = json.loads(stopped.stdout)["location"]
    eventually(lambda: f"{job_id} : endless (FINISHED)" in rest(cluster, "list", "-a").stdout, "it has ended")
    again = rest(cluster, "run", "-d", "-s", location, str(programs / "endless.py"))
    assert again.returncode == 0, again.stderr
    (second,) = running_jobs(cluster)
    assert rest(cluster, "cancel", second).returncode == 0
    free_slots(cluster)
    listed = rest(cluster, "list", "-a")
    assert listed.stdout == cluster.millstream("list", "-a").stdout


def test_a_program_runs_on_the_cluster(cluster: Any, programs: Path) -> None:
    package = programs / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(programs / "hello.py", "__main__.py")
        archive.write(programs / "helper_beside_the_job.py", "helper_beside_the_job.py")
    ran = rest(cluster, "run-application", "--json", str(package), str(programs / "words"))
    assert ran.returncode == 0, ran.stderr
    job_id = json.loads(ran.stdout)["jobs"][0]["jid"]
    eventually(lambda: f"{job_id} : hello (FINISHED)" in rest(cluster, "list", "-a").stdout, "it has ended")
    assert len((programs / "words").read_text().splitlines()) == 6
    (programs / "broken.py").write_text("raise ValueError('no input')\n")
    ran = rest(cluster, "run-application", str(programs / "broken.py"))
    assert ran.returncode == 1
    assert "ValueError: no input (broken.py:1)" in ran.stderr


def test_bash_completes_jobs_that_run(cluster: Any, programs: Path) -> None:
    script = cluster.millstream("completion", "bash").stdout
    assert "complete" in script
    job_id = json.loads(cluster.millstream("run", "-d", "--json", str(programs / "endless.py")).stdout)["jobs"][0][
        "jid"
    ]
    eventually(lambda: running_jobs(cluster) == [job_id], "the job runs")
    asked = subprocess.run(
        [sys.executable, "-m", "millstream.client.cli.main"],
        env={
            **cluster.environment,
            "_MILLSTREAM_COMPLETE": "bash_complete",
            "COMP_WORDS": f"millstream cancel {job_id[:4]}",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert asked.stdout == f"plain,{job_id}\n"
    assert cluster.millstream("cancel", job_id).returncode == 0
    free_slots(cluster)


def test_errors_over_the_rest_port_are_the_same(cluster: Any) -> None:
    unknown = "0" * 32
    over_rest, over_rpc = rest(cluster, "cancel", unknown), cluster.millstream("cancel", unknown)
    assert over_rest.returncode == over_rpc.returncode == 1
    assert over_rest.stderr == over_rpc.stderr


def test_a_detached_job_whose_savepoint_is_not_there_is_told_to_have_failed(cluster: Any, programs: Path) -> None:
    ran = cluster.millstream("run", "-d", "-s", str(programs / "nowhere"), str(programs / "endless.py"))
    assert ran.returncode == 1
    assert "nowhere" in ran.stderr


def test_an_archive_is_unpacked_where_functions_work(cluster: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("prices.csv", "cheap")
    program = tmp_path / "job.py"
    program.write_text(
        "from millstream.datastream import StreamExecutionEnvironment\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "def price(x):\n"
        "    return open('shop/prices.csv').read()\n"
        "print(list(env.from_collection([1]).map(price).execute_and_collect()))\n"
    )
    ran = cluster.millstream("run", "-pyarch", f"{tmp_path / 'data.zip'}#shop", str(program))
    assert "['cheap']" in ran.stdout, ran.stderr


def test_a_job_ends_with_a_client_that_is_killed(cluster: Any, programs: Path) -> None:
    heartbeats = ("-Dclient.heartbeat.timeout=2 s", "-Dclient.heartbeat.interval=200 ms")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "millstream.client.cli.main", "run", "-sae", *heartbeats),
            str(programs / "endless.py"),
        ],
        env=cluster.environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: running_jobs(cluster), "the job runs")
        (job_id,) = running_jobs(cluster)
    finally:
        process.kill()
        process.wait(15)
    eventually(lambda: f"{job_id} : endless (CANCELED)" in cluster.millstream("list", "-a").stdout, "it is cancelled")
