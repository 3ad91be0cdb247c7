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

from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import FileSource, StreamFormat
from millstream.datastream.functions import RichSinkFunction, RuntimeContext, SinkContext

if TYPE_CHECKING:
    from millstream.common.execution import JobExecutionResult
    from millstream.common.wire.cluster_pb2 import JobDetails

CHARSET = "utf-8"


class FinalCounts(RichSinkFunction):
    """Keeps the latest count of each word, and writes all of them to a file of its own when the input ends.

    The file comes into being complete: it is written under another name first.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.subtask = 0
        self.counts: dict[str, int] = {}

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: tuple[str, int], context: SinkContext) -> None:
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


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Prints rows of which the first is the head; all columns but the first are figures."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        figures = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  " + "  ".join([row[0].ljust(widths[0]), *figures]).rstrip())


def print_where_time_went(details: JobDetails) -> None:
    """Per subtask, its time in ms; below it each of its operators with the records that it gave out."""
    head = ("task and its operators", "records in", "out", "busy", "idle", "back-pressured", "serialise", "deserialise")
    rows: list[tuple[str, ...]] = [head]
    for vertex in details.vertices:
        for subtask in vertex.subtasks:
            it = subtask.metrics
            counts = (it.records_in, it.records_out)
            times = (it.busy_ms, it.idle_ms, it.backpressured_ms, it.serialize_ms, it.deserialize_ms)
            name = f"{vertex.name} ({subtask.subtask_index + 1}/{vertex.parallelism})"
            rows.append((name, *(f"{figure:,}" for figure in (*counts, *times))))
            for operator, records_out in sorted(
                it.operator_records_out.items(), key=lambda item: vertex.name.find(item[0])
            ):
                rows.append((f"  {operator}", "", f"{records_out:,}", *[""] * len(times)))
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the words of text files.")
    parser.add_argument("--input", type=Path, default=Path(sysconfig.get_path("stdlib")), help="directory of the files")
    parser.add_argument("--output", type=Path, help="directory of the counts; a temporary one if it is not named")
    parser.add_argument("--pattern", default="*.py", help="which files of the directory; '*' for all")
    parser.add_argument("--parallelism", type=int, help="subtasks of each operator")
    parser.add_argument("--top", type=int, default=20, help="how many words to show")
    options = parser.parse_args()

    files = text_files(options.input.resolve(), options.pattern)
    if not files:
        sys.exit(f"There are no files {options.pattern} in {options.input}.")
    size = sum(file.stat().st_size for file in files)
    print(f"Counting the words of {len(files):,} files, {size / 1e6:.1f} MB, in {options.input} ...", flush=True)

    # Workers may have another working directory.
    output = options.output.resolve() if options.output else Path(tempfile.mkdtemp(prefix="millstream-word-count-"))
    output.mkdir(parents=True, exist_ok=True)
    for part in output.glob("part-*.json"):
        part.unlink()  # of an earlier run, perhaps of another parallelism
    started = time.perf_counter()
    result = run_job(files, output, options.parallelism)
    seconds = time.perf_counter() - started
    if result.details is None:
        print(f"Job {result.get_job_id()} runs on; its counts will be in {output}.")
        return
    counts = merged(output)
    if options.output is None:
        shutil.rmtree(output)

    started = time.perf_counter()
    expected = counted_plainly(files)
    seconds_plain = time.perf_counter() - started

    print(f"\nThe {options.top} most frequent of {len(counts):,} words:")
    print_table(
        [("word", "count"), *((repr(word)[1:-1], f"{count:,}") for word, count in counts.most_common(options.top))]
    )
    print("\nWhere the time went, in ms:")
    print_where_time_went(result.details)
    print(
        f"\n{counts.total():,} words in {seconds:.2f} s, of which the job ran {result.get_net_runtime() / 1000:.2f} s; "
        f"a plain collections.Counter took {seconds_plain:.2f} s."
    )
    if counts != expected:
        wrong = [word for word in counts | expected if counts[word] != expected[word]]
        sys.exit(f"WRONG: {len(wrong)} words have another count than collections.Counter gives, such as {wrong[:5]}.")
    print("The counts equal those of collections.Counter.")


if __name__ == "__main__":
    main()
