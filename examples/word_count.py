"""Counts the words of many text files: two tasks that read and split, two that count, a hash partition between them.

By itself (``python examples/word_count.py``) it runs on a cluster inside its own process, over the sources of Python's
standard library; ``millstream run examples/word_count.py --input DIR`` runs it on a cluster, which must see ``DIR`` and
the output under the same paths. It prints the most frequent words, where the time went, and whether a plain
``collections.Counter`` over the same files counts the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import FileSource, StreamFormat
from millstream.datastream.functions import RuntimeContext, SinkFunction

if TYPE_CHECKING:
    from millstream.common.execution import JobExecutionResult

CHARSET = "utf-8"


class FinalCounts(SinkFunction):
    """Keeps the latest count of each word, and writes all of them to a file of its own when the input ends.

    The file comes into being complete: it is written under another name first.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.subtask = 0
        self.counts: dict[str, int] = {}

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: tuple[str, int], context: SinkFunction.Context) -> None:
        self.counts[value[0]] = value[1]

    def close(self) -> None:
        path = Path(self.directory) / f"part-{self.subtask}.json"
        temporary = path.with_suffix(".inprogress")
        temporary.write_text(json.dumps(self.counts), encoding="utf-8")
        os.replace(temporary, path)


def run_job(files: list[Path], output: Path, parallelism: int | None) -> JobExecutionResult:
    env = StreamExecutionEnvironment.get_execution_environment()
    if parallelism is not None:
        env.set_parallelism(parallelism)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(CHARSET), *map(str, files)).build()
    (
        env.from_source(source, None, "lines")
        .flat_map(lambda line: [(word, 1) for word in line.split()])
        .name("words")
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .name("running counts")
        .add_sink(FinalCounts(str(output)))
        .name("final counts")
    )
    return env.execute("Word count")


def merged(output: Path) -> Counter[str]:
    """The counts of all subtasks together; each word is in one part only."""
    counts: Counter[str] = Counter()
    for part in sorted(output.glob("part-*.json")):
        counts.update(json.loads(part.read_text(encoding="utf-8")))
    return counts


def counted_plainly(files: list[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in files:
        counts.update(file.read_text(encoding=CHARSET).split())
    return counts


def text_files(directory: Path, pattern: str) -> list[Path]:
    """The files below a directory that match, installed packages and undecodable files left out."""
    found: list[Path] = []
    for path in sorted(directory.rglob(pattern)):
        if path.is_file() and not {"site-packages", "dist-packages"} & set(path.parts):
            try:
                path.read_text(encoding=CHARSET)
            except UnicodeDecodeError:
                # The standard library tests itself with a few files of other encodings.
                continue
            found.append(path)
    return found


def print_where_time_went(console: Console, result: JobExecutionResult) -> None:
    if result.details is None:
        return
    table = Table(title="Where the time went (ms)", title_justify="left")
    table.add_column("task")
    for column in ("records in", "records out", "busy", "idle", "back-pressured", "serialise", "deserialise"):
        table.add_column(column, justify="right")
    for vertex in result.details.vertices:
        for subtask in vertex.subtasks:
            figures = subtask.metrics
            table.add_row(
                f"{vertex.name} ({subtask.subtask_index + 1}/{vertex.parallelism})",
                f"{figures.records_in:,}",
                f"{figures.records_out:,}",
                f"{figures.busy_ms:,}",
                f"{figures.idle_ms:,}",
                f"{figures.backpressured_ms:,}",
                f"{figures.serialize_ms:,}",
                f"{figures.deserialize_ms:,}",
            )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the words of text files.")
    parser.add_argument("--input", type=Path, default=Path(sysconfig.get_path("stdlib")), help="directory of the files")
    parser.add_argument("--output", type=Path, help="directory of the counts; a temporary one if it is not named")
    parser.add_argument("--pattern", default="*.py", help="which files of the directory; '*' for all")
    parser.add_argument("--parallelism", type=int, help="subtasks of each operator")
    parser.add_argument("--top", type=int, default=20, help="how many words to show")
    options = parser.parse_args()

    console = Console()
    files = text_files(options.input, options.pattern)
    if not files:
        sys.exit(f"There are no files {options.pattern} in {options.input}.")
    size = sum(file.stat().st_size for file in files)
    console.print(f"{len(files):,} files with {size / 1e6:.1f} MB in {options.input}", highlight=False)

    output = options.output or Path(tempfile.mkdtemp(prefix="millstream-word-count-"))
    output.mkdir(parents=True, exist_ok=True)
    for part in output.glob("part-*.json"):
        part.unlink()  # of an earlier run, perhaps of another parallelism
    started = time.perf_counter()
    result = run_job(files, output, options.parallelism)
    seconds = time.perf_counter() - started
    if result.details is None:
        console.print(f"Job {result.get_job_id()} runs on; its counts will be in {output}.")
        return
    counts = merged(output)
    if options.output is None:
        shutil.rmtree(output)

    started = time.perf_counter()
    expected = counted_plainly(files)
    seconds_plain = time.perf_counter() - started

    top = Table(title=f"The {options.top} most frequent of {len(counts):,} words", title_justify="left")
    top.add_column("word")
    top.add_column("count", justify="right")
    for word, count in counts.most_common(options.top):
        top.add_row(repr(word)[1:-1], f"{count:,}")
    console.print(top, markup=False)
    print_where_time_went(console, result)
    words = counts.total()
    console.print(
        f"{words:,} words in {seconds:.2f} s, of which the job ran {result.get_net_runtime() / 1000:.2f} s; "
        f"a plain collections.Counter took {seconds_plain:.2f} s.",
        highlight=False,
    )
    if counts != expected:
        wrong = [word for word in counts | expected if counts[word] != expected[word]]
        sys.exit(f"WRONG: {len(wrong)} words have another count than collections.Counter gives, such as {wrong[:5]}.")
    console.print("The counts equal those of collections.Counter.")


if __name__ == "__main__":
    main()
