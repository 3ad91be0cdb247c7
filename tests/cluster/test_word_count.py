"""The main job on real input: the words of Python's standard library, counted on a cluster of processes."""

from __future__ import annotations

import json
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from millstream.datastream.connectors import FileSource, StreamFormat
from millstream.datastream.functions import RichSinkFunction, RuntimeContext, SinkContext

pytestmark = pytest.mark.usefixtures("cluster")


class LatestCounts(RichSinkFunction):
    """Keeps the latest count of each word and writes all of them to a file when the input ends."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.counts: dict[str, int] = {}

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: tuple[str, int], context: SinkContext) -> None:
        self.counts[value[0]] = value[1]

    def close(self) -> None:
        Path(self.directory, f"part-{self.subtask}.json").write_text(json.dumps(self.counts))


def readable_sources() -> list[Path]:
    """Return the sources of the standard library; it tests itself with a few that are not UTF-8."""
    found = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found.append(path)
    return found


def test_the_words_of_the_standard_library_are_counted_as_counter_counts_them(
    new_environment: Any, tmp_path: Path
) -> None:
    files = readable_sources()
    assert len(files) > 500
    env = new_environment(2)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format("utf-8"), *map(str, files)).build()
    (
        env.from_source(source, None, "lines")
        .flat_map(str.split)
        .map(lambda word: (word, 1))
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .add_sink(LatestCounts(str(tmp_path)))
    )
    env.execute("word count")
    parts = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("part-*.json"))]
    assert len(parts) == 2
    assert not set(parts[0]) & set(parts[1]), "a word was counted in two places"
    expected: Counter[str] = Counter()
    for file in files:
        expected.update(file.read_text(encoding="utf-8").split())
    assert {**parts[0], **parts[1]} == dict(expected)
