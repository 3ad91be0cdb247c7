"""``millstream simulate``: a user's job under faults, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.client.cli.main import main

_PROGRAM = """
import sys
from pathlib import Path

from millstream.common.serialization import Encoder
from millstream.connectors.file_system import FileSink
from millstream.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
counts = env.from_collection([f"word{i % 5}" for i in range(int(sys.argv[1]))]).map(lambda word: (word, 1))
totals = counts.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
lines = totals.map(lambda pair: f"{pair[0]} {pair[1]}")
lines.sink_to(FileSink.for_row_format(str(Path(__file__).parent / "counts"), Encoder.simple_string_encoder()).build())
env.execute("word count")
"""

_FAILING = """
from millstream.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection([1, 0]).map(lambda x: 1 // x).print()
env.execute("division")
"""


@pytest.fixture(autouse=True)
def _leave_the_log_level() -> Iterator[None]:
    import logging

    engine = logging.getLogger("millstream")
    before = engine.level
    yield
    engine.setLevel(before)


def write(directory: Path, text: str) -> str:
    path = directory / "job.py"
    path.write_text(text)
    return str(path)


def test_a_job_under_some_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = write(tmp_path, _PROGRAM)
    assert main(["simulate", "--seeds", "1..2", "--faults", "delay,reset", program, "200"]) == 0
    shown = capsys.readouterr().out
    assert "2 seeds, " in shown
    assert "seeds with violations: 0" in shown
    # Nothing was written in reality.
    assert [path.name for path in tmp_path.iterdir()] == ["job.py"]


def test_a_timeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = write(tmp_path, _PROGRAM)
    assert main(["simulate", "--seeds", "7", "--faults", "none", "--masters", "1", "--timeline", program, "20"]) == 0
    shown = capsys.readouterr().out
    assert "taskmanager-2            process    starts on taskmanager-2" in shown
    assert "is FINISHED" in shown


def test_a_job_that_fails_without_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["-D", "restart-strategy.type=none"]
    assert main(["simulate", "--seeds", "1", *settings, write(tmp_path, _FAILING)]) == 1
    assert "The job fails even without faults: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1-5"], "--seeds: '1-5' names no seeds"),
        (["--seeds", "5..1"], "the range '5..1' is empty"),
        (["--faults", "kill,fire"], "--faults: 'fire' is not a valid FaultKind; there are kill, restart"),
    ],
)
def test_what_cannot_be_simulated(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments, write(tmp_path, _PROGRAM), "5"]) == 1
    assert message in capsys.readouterr().out
