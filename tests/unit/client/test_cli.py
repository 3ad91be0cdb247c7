"""The command line against a fake cluster: output, streams and exit codes."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from millstream.client.cli.main import main
from millstream.client.remote.connection import disconnect
from millstream.common.failure import USER_CODE, FailureInfo
from millstream.common.states import JobStatus

RUNNING = "0" * 31 + "a"
SCHEDULED = "0" * 31 + "b"
FINISHED = "0" * 31 + "c"

SUBMITTING_PROGRAM = """
import sys
from millstream.common.config import Configuration
from millstream.common.execution import context_configuration, load_executor
from millstream.common.wire.graph_pb2 import JobGraph

executor = load_executor("", Configuration())
settings = context_configuration()
print("arguments", sys.argv[1:], "name", __name__)
print("parallelism", executor.default_parallelism(Configuration()))
client = executor.submit(JobGraph(job_id="0" * 31 + "f", name="mine", plan_json='{"nodes":[]}'), settings)
if executor.attached():
    result = client.get_job_execution_result()
"""


@pytest.fixture
def hint() -> str:
    return "\n\nUse the help option (-h or --help) to get help on the command.\n"


@pytest.fixture(autouse=True)
def no_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CONF_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def connected(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake cluster is where every connection leads."""
    monkeypatch.setattr("millstream.client.remote.connection.connect", lambda configuration: cluster.client)
    return cluster


def program(tmp_path: Path, text: str) -> str:
    path = tmp_path / "job.py"
    path.write_text(text)
    return str(path)


def test_without_an_action_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    output = capsys.readouterr().out
    assert output.endswith("\nPlease specify an action.\n")
    assert "run             Build and submit a program." in output


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_succeeds(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert main(["run", option]) == 0
    assert "-pyfs, --pyFiles" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["-v", "--version", "version"])
def test_the_version_is_one_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert re.fullmatch(r"Version: \S+, Commit ID: \S+\n", capsys.readouterr().out)


def test_an_unknown_action_is_answered_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bogus"]) == 1
    assert capsys.readouterr().out == (
        '"bogus" is not a valid action.\n\n'
        'Valid actions are "run", "run-application", "list", "info", "simulate", "savepoint", "checkpoint", '
        '"stop", "cancel", "modify", "ha", or "completion".\n\n'
        "Specify the version option (-v or --version) to print Millstream version.\n\n"
        "Specify the help option (-h or --help) to get help on the command.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cancel"], "Missing JobID. Specify a JobID to cancel a job."),
        (["cancel", "xyz"], "JobID string cannot be parsed: 'xyz' is not 32 hexadecimal digits"),
        (["cancel", "-s"], "Missing JobID. Specify a JobID to cancel a job."),
        (["savepoint"], "Missing JobID. Specify a Job ID to trigger a savepoint."),
        (["savepoint", "xyz"], "JobID string cannot be parsed: 'xyz' is not 32 hexadecimal digits"),
        (["checkpoint"], "Missing JobID. Specify a Job ID to trigger a checkpoint."),
        (["stop"], "Missing JobId"),
        (["modify"], "Missing JobId"),
        (["modify", RUNNING], "Missing the parallelism. Specify the job's new parallelism with -p."),
        (["run", "-s", "", "job.py"], "Could not run the Python program: job.py does not exist."),
        (["run"], "The program is missing. Specify a Python script, or a module with -pym."),
        (["run", "nope.py"], "Could not run the Python program: nope.py does not exist."),
        (["run", "-pym", "a", "-py", "b.py"], "Give either a script (-py) or a module (-pym), not both."),
        (
            ["list", "-m", "nonsense"],
            (
                "The address 'nonsense' given with -m (--jobmanager) is neither of the form host:port nor a URL "
                "such as http://host:port/path"
            ),
        ),
        (["list", "-D", "nonsense"], "The setting 'nonsense' given with -D is not of the form key=value"),
        (["list", "-t", "yarn"], "There is no target 'yarn': -t takes remote or local."),
    ],
)
def test_wrong_arguments_are_told_on_standard_output(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().out == message + hint


def test_an_unknown_key_is_told_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-Drest.prot=1"]) == 1
    assert "did you mean rest.port?" in capsys.readouterr().out


def test_list_shows_running_and_scheduled_jobs(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "Waiting for response...\nNo running jobs.\nNo scheduled jobs.\n"
    for job_id, state in ((FINISHED, JobStatus.FINISHED), (SCHEDULED, JobStatus.CREATED), (RUNNING, JobStatus.RUNNING)):
        connected.on_loop(connected.dispatcher.set_state, job_id, state)
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "------------------ Running/Restarting Jobs -------------------"
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d : " + RUNNING + r" : job \(RUNNING\)", lines[2])
    assert lines[3] == "--------------------------------------------------------------"
    assert lines[4] == "----------------------- Scheduled Jobs -----------------------"
    assert lines[5].endswith(f"{SCHEDULED} : job (CREATED)")
    assert len(lines) == 7
    assert main(["list", "-a"]) == 0
    output = capsys.readouterr().out
    assert "---------------------- Terminated Jobs -----------------------" in output
    assert f"{FINISHED} : job (FINISHED)" in output
    assert main(["list", "-r"]) == 0
    assert "Scheduled" not in capsys.readouterr().out


def test_cancel(connected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    connected.on_loop(connected.dispatcher.set_state, RUNNING, JobStatus.RUNNING)
    assert main(["cancel", RUNNING]) == 0
    assert capsys.readouterr().out == f"Cancelling job {RUNNING}.\nCancelled job {RUNNING}.\n"
    assert main(["cancel", FINISHED]) == 1
    captured = capsys.readouterr()
    assert captured.out == f"Cancelling job {FINISHED}.\n"
    assert captured.err.startswith(
        "\n" + "-" * 60 + "\n The program finished with the following exception:\n\n"
        f"Could not cancel job {FINISHED}.\nCaused by: No job {FINISHED}"
    )


def test_nobody_listening_is_told_with_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-m", "localhost:1"]) == 1
    error = capsys.readouterr().err
    assert "Failed to retrieve job list." in error
    assert "at localhost:1: is the cluster started?" in error
    disconnect()
    gc.collect()  # gRPC's poller ends with the last of its objects, some of which lie in cycles


HIGHLY_AVAILABLE = ["-Dhigh-availability.type=zookeeper", "-Dhigh-availability.zookeeper.quorum=localhost:1"]


def test_who_names_a_master_gets_it_also_where_leaders_are_looked_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-m", "localhost:2", *HIGHLY_AVAILABLE]) == 1
    assert "at localhost:2: is the cluster started?" in capsys.readouterr().err
    disconnect()
    gc.collect()  # gRPC's poller ends with the last of its objects, some of which lie in cycles


def test_without_zookeeper_its_servers_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["-Dhigh-availability.zookeeper.client.connection-timeout=300 ms"]
    assert main(["list", *HIGHLY_AVAILABLE, *settings]) == 1
    error = capsys.readouterr().err
    assert "Failed to retrieve job list." in error
    assert "localhost:1" in error
    assert "high-availability.zookeeper.quorum" in error
    disconnect()
    gc.collect()  # gRPC's poller ends with the last of its objects, some of which lie in cycles


def test_leaders_that_are_looked_up_nowhere_are_a_setting_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", HIGHLY_AVAILABLE[0]]) == 1
    assert "high-availability.zookeeper.quorum is not set" in capsys.readouterr().err
    disconnect()
    gc.collect()  # gRPC's poller ends with the last of its objects, some of which lie in cycles


def test_a_detached_run_prints_the_job_id(connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-d", "-p", "3", program(tmp_path, SUBMITTING_PROGRAM), "-p", "--mine", "x"]) == 0
    assert capsys.readouterr().out == (
        f"arguments ['-p', '--mine', 'x'] name __main__\nparallelism 3\nJob has been submitted with JobID {'0' * 31}f\n"
    )
    assert connected.dispatcher.graphs[0].name == "mine"


def test_an_attached_run_prints_the_end(connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connected.dispatcher.ends_at_once = (JobStatus.FINISHED, None)
    assert main(["run", program(tmp_path, SUBMITTING_PROGRAM)]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"Job has been submitted with JobID {'0' * 31}f",
        "Program execution finished",
        f"Job with JobID {'0' * 31}f has finished.",
        "Job Runtime: 250 ms",
        "",
    ]


def test_a_failed_job_is_shown_by_its_first_line(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = FailureInfo(
        kind=USER_CODE,
        exception_type="ValueError",
        message="bad price",
        operator_name="parse",
        subtask_index=0,
        parallelism=2,
        user_traceback="Traceback ...",
    )
    connected.dispatcher.ends_at_once = (JobStatus.FAILED, failure)
    assert main(["run", program(tmp_path, SUBMITTING_PROGRAM)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[2] == " The program finished with the following exception:"
    assert lines[4].startswith("ValueError: bad price | operator 'parse', subtask 1/2")


def test_an_exception_of_the_script_is_shown_with_the_users_frames_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = program(tmp_path, "def broken():\n    raise KeyError('here')\nbroken()\n")
    assert main(["run", script]) == 1
    error = capsys.readouterr().err
    assert error.index("The program finished") < error.index("Traceback") < error.index("KeyError: 'here'")
    assert "in broken" in error
    assert "runpy" not in error
    assert "millstream" not in error.replace("/millstream", "").split("Traceback")[1]


def test_a_program_without_a_job_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", program(tmp_path, "x = 1\n")]) == 1
    assert capsys.readouterr().err == (
        "The program didn't contain a Millstream job. "
        "Perhaps you forgot to call execute() on the execution environment.\n"
    )


def test_the_scripts_own_exit_code_is_kept(tmp_path: Path) -> None:
    assert main(["run", program(tmp_path, "raise SystemExit(7)\n")]) == 7


def test_info_prints_the_plan_and_submits_nothing(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", program(tmp_path, SUBMITTING_PROGRAM)]) == 0
    assert capsys.readouterr().out.endswith(
        "----------------------- Execution Plan -----------------------\n"
        '{"nodes":[]}\n'
        "--------------------------------------------------------------\n\n"
        "No description provided.\n"
    )
    assert connected.dispatcher.graphs == []


def test_a_module_is_run_with_its_files_on_the_path(
    connected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "from_pyfs.py").write_text("VALUE = 1\n")
    (tmp_path / "job_module.py").write_text("import from_pyfs\n" + SUBMITTING_PROGRAM)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    try:
        assert main(["run", "-d", "-pyfs", "extra", "-pym", "job_module"]) == 0
    finally:
        sys.modules.pop("from_pyfs", None)
    assert sys.path == before
    assert "extra.zip" in [artifact.name for artifact in connected.dispatcher.graphs[0].artifacts]


def test_the_modules_beside_the_script_are_sent_along(connected: Any, tmp_path: Path) -> None:
    (tmp_path / "beside_the_job.py").write_text("VALUE = 1\n")
    try:
        assert main(["run", "-d", program(tmp_path, "import beside_the_job\n" + SUBMITTING_PROGRAM)]) == 0
    finally:
        sys.modules.pop("beside_the_job", None)
    assert [artifact.name for artifact in connected.dispatcher.graphs[0].artifacts] == ["beside_the_job.py"]


def test_settings_of_the_command_line_reach_the_program(
    connected: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = program(tmp_path, SUBMITTING_PROGRAM + "print(settings.to_map())\n")
    assert main(["run", "-d", "-Drestart-strategy.type=none", "-D", "pipeline.object-reuse=true", script]) == 0
    output = capsys.readouterr().out
    assert "'restart-strategy.type': 'none'" in output
    assert "'pipeline.object-reuse': 'true'" in output


def test_help_imports_neither_grpc_nor_the_api() -> None:
    code = (
        "import sys; from millstream.client.cli.main import main; main(['--help'])\n"
        "heavy = {'grpc', 'asyncio', 'rich', 'cloudpickle', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


@pytest.mark.parametrize(
    ("options", "absent"),
    [([], {"rich", "fastapi", "uvicorn", "pydantic"}), (["-Drest.port=1"], {"rich", "fastapi", "uvicorn", "grpc"})],
    ids=["RPC", "REST"],
)
def test_list_imports_only_what_its_way_needs(options: list[str], absent: set[str]) -> None:
    code = (
        "import sys; from millstream.client.cli.main import main\n"
        f"main(['list', *{options!r}])\n"
        f"heavy = {absent!r} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        (["-m", "localhost:1"], {"millstream.jobmanager", "millstream.dispatcher", "millstream.taskmanager"}),
        (["-t", "local"], {"grpc"}),
    ],
    ids=["remote", "local"],
)
def test_a_run_imports_only_what_its_target_needs(tmp_path: Path, options: list[str], absent: set[str]) -> None:
    script = program(
        tmp_path,
        "from millstream.datastream import StreamExecutionEnvironment\n"
        "env = StreamExecutionEnvironment.get_execution_environment()\n"
        "env.from_collection([1]).map(lambda x: x).print()\n"
        "env.execute()\n",
    )
    code = (
        "import sys; from millstream.client.cli.main import main\n"
        f"main(['run', '-Dlocal.execution=thread', *{options!r}, {script!r}])\n"
        f"imported = {absent!r} & set(sys.modules)\n"
        "assert not imported, imported\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
