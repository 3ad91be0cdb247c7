"""The examples run by themselves, as a newcomer runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(directory: Path, example: str, *arguments: str) -> str:
    # In a directory and an environment without a configuration of their own.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MILLSTREAM_")}
    command = [sys.executable, str(_EXAMPLES / example), *arguments]
    result = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_hello_world_prints_every_running_count(tmp_path: Path) -> None:
    printed = re.findall(r"^\d> \('(\w+)', (\d+)\)$", _run(tmp_path, "hello_world.py"), re.MULTILINE)
    assert sorted(printed) == sorted(
        (word, str(count))
        for word, times in Counter(["to", "be", "or", "not", "to", "be", "that", "is", "the", "question"]).items()
        for count in range(1, times + 1)
    )


@pytest.mark.parametrize("failure", ["raise", "kill"])
def test_exactly_once_loses_and_repeats_nothing_and_leaves_no_checkpoint_behind(failure: str, tmp_path: Path) -> None:
    printed = _run(tmp_path, "exactly_once.py", "--orders", "600", "--fail", failure, "--directory", "orders")
    assert re.match(r"600 lines in \d+ files, after 1 restart\(s\)", printed)
    assert "Each order is there once, with the right sum." in printed
    assert not list((tmp_path / "orders" / "checkpoints").iterdir())


def test_highest_temperature_tells_one_per_sensor_and_window(tmp_path: Path) -> None:
    printed = _run(tmp_path, "highest_temperature.py")
    assert sorted(line.partition("> ")[2] for line in printed.splitlines()) == [
        "('s1', 21.5, 9000)",
        "('s1', 22.5, 11000)",
        "('s2', 17.0, 12000)",
        "('s2', 18.0, 4500)",
    ]


def test_sensor_readings_gives_the_same_in_any_layout_and_loses_no_reading(tmp_path: Path) -> None:
    alone = _run(tmp_path, "sensor_readings.py", "--readings", "1000", "--parallelism", "1").splitlines()
    parallel = _run(tmp_path, "sensor_readings.py", "--readings", "1000", "--parallelism", "2").splitlines()
    assert sorted(re.sub(r"(^|:)\d> ", r"\1", line) for line in parallel) == sorted(
        line.replace("too late> ", "too late:") for line in alone
    )
    assert sum(line.startswith("second ") for line in alone) > 50
    assert any(line.startswith("too late> Reading(") for line in alone)
    assert any(line.startswith("ALARM at ") for line in alone)


def test_word_count_counts_as_a_counter_does_and_shows_where_its_time_went(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    (texts / "below").mkdir(parents=True)
    (texts / "a.txt").write_text("a b a\n\nnö c\r\n", encoding="utf-8")
    (texts / "below" / "b.txt").write_text("a c without a last newline", encoding="utf-8")
    (texts / "latin.txt").write_bytes(b"n\xf6")
    output = _run(tmp_path, "word_count.py", "--input", "texts", "--pattern", "*.txt", "--output", "counts",
                  "--parallelism", "2", "--top", "1")  # fmt: skip
    assert "2 files" in output
    assert "The counts equal those of collections.Counter." in output
    assert re.search(r"^  a +4$", output, re.MULTILINE)
    for task in ("Source: lines -> words (1/2)", "running counts -> Sink: final counts (2/2)"):
        assert task in output
    parts = [json.loads(part.read_text()) for part in sorted((tmp_path / "counts").iterdir())]
    assert len(parts) == 2
    expected = {"a": 4, "b": 1, "nö": 1, "c": 2, "without": 1, "last": 1, "newline": 1}
    assert {word: count for part in parts for word, count in part.items()} == expected


def test_word_count_says_that_there_are_no_files(tmp_path: Path) -> None:
    command = [sys.executable, str(_EXAMPLES / "word_count.py"), "--input", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 1
    assert f"There are no files *.py in {tmp_path}" in result.stderr
