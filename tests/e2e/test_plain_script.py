"""What a person sees who runs a program with ``python job.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """\
from millstream.datastream import StreamExecutionEnvironment


def parse(text):
    return int(text)


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
env.from_collection(["1", "x3"]).map(parse).name("parse").print()
env.execute("numbers")
"""


def test_a_failed_job_shows_the_users_failure_and_nothing_of_the_waiting_for_it(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(_PROGRAM)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MILLSTREAM_")}
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    told = result.stderr.splitlines()
    # Python's own way to show an uncaught error: the user's call, the call of the engine, then the failure.
    assert told[0] == "Traceback (most recent call last):"
    assert told[1] == f'  File "{script}", line 11, in <module>'
    (first,) = [line for line in told if "| operator 'parse' (map), subtask 1/1 | record 'x3' | " in line]
    assert first.startswith("millstream.common.errors.JobExecutionError: ValueError: invalid literal for int()")
    assert first.endswith(f"{script}:5")
    assert told.index(first) <= 6
    assert "WARNING" not in result.stderr
