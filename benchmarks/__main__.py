"""``python -m benchmarks``: run all measurements and print one table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

_PARTS = (
    *("w1", "w2", "w3", "w3b", "w4", "w5", "w6", "hello", "memory", "windows", "latency"),
    *("checkpoints", "pause", "rocksdb", "incremental", "recovery", "rescaling", "unaligned", "takeover", "simulation"),
    *("rest", "metrics"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}; all if none is named")
    parser.add_argument("--runs", type=int, default=5, help="runs of each throughput (the median counts)")
    parser.add_argument("--megabytes", type=int, default=200, help="size of W2's text")
    parser.add_argument("--ints", type=int, default=30_000_000, help="size of W1")
    parser.add_argument("--readings", type=int, default=5_000_000, help="size of W3 (others take a part of it)")
    parser.add_argument("--panes", type=int, default=1_000_000, help="keys in open windows")
    parser.add_argument("--keys", type=int, default=5_000_000, help="keys of the incremental checkpoint")
    parser.add_argument("--seconds", type=int, default=60, help="length of the slow sink run")
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()) / "millstream-benchmarks")
    options = parser.parse_args()
    unknown = set(options.parts) - set(_PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")
    parts = options.parts or list(_PARTS)
    options.directory.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, str, str, str]] = []
    runners: dict[str, Callable[[], list[tuple[str, str, str, str]]]] = {
        "w1": lambda: _throughput("w1", str(options.ints), options.runs, "1.0 x (aim 1.5)", "p2 = 1.8 x p1"),
        "w2": lambda: _words(options),
        "w3": lambda: _throughput("w3", str(options.readings), options.runs, "0.5 x (aim 0.9)"),
        "w3b": lambda: _throughput("w3b", str(options.readings // 5), options.runs, "0.5 x"),
        "w4": lambda: _throughput("w4", str(options.readings // 2), options.runs, "0.3 x (aim 0.5)"),
        "w5": lambda: _throughput("w5", str(options.readings // 5), options.runs, "0.3 x"),
        "w6": lambda: _throughput("w6", str(options.readings // 5), options.runs, "0.3 x"),
        "hello": lambda: _hello(options.runs),
        "memory": lambda: _memory(options.seconds),
        "windows": lambda: _windows(options.panes),
        "latency": _latency,
        "checkpoints": lambda: _checkpoints(options),
        "pause": lambda: _pause(options.runs),
        "rocksdb": lambda: _rocksdb(options),
        "incremental": lambda: _incremental(options.keys),
        "recovery": lambda: _recovery(options.runs),
        "rescaling": _rescaling,
        "unaligned": lambda: _unaligned(options.directory),
        "takeover": lambda: _takeover(options.runs),
        "simulation": lambda: _simulation(options.runs),
        "rest": lambda: _rest(options.seconds),
        "metrics": lambda: _metrics(options),
    }
    for part in parts:
        rows.extend(runners[part]())
    _print(rows)


def _throughput(
    name: str, source: str, runs: int, floor_1: str, floor_2: str | None = None
) -> list[tuple[str, str, str, str]]:
    from benchmarks.throughput import measure

    result = measure(name, source, runs, parallel_2=floor_2 is not None)
    title = result.workload.title
    spread = {k: f"{low:.2f}-{high:.2f} s" for k, (low, high) in result.spreads.items()}
    rows = [
        (f"{title}: bare loop", f"{result.bare:.2f} s", spread["bare"], ""),
        (f"{title}: parallelism 1", f"{result.bare / result.parallel_1:.2f} x bare", spread["p1"], floor_1),
    ]
    if floor_2 is not None and result.parallel_2 is not None:
        speed = f"{result.bare / result.parallel_2:.2f} x bare, {result.parallel_1 / result.parallel_2:.2f} x p1"
        rows.append((f"{title}: parallelism 2", speed, spread["p2"], floor_2))
    return rows


def _words(options: argparse.Namespace) -> list[tuple[str, str, str, str]]:
    from benchmarks.text import zipf_text

    text = zipf_text(options.directory, options.megabytes)
    return _throughput("w2", str(text), options.runs, "0.5 x (aim 0.7)", "0.9 x (aim 1.3)")


def _hello(runs: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.hello import measure_hello

    cli, bare = measure_hello(runs)
    return [("hello world through the CLI", f"{cli:.2f} s", f"python -c: {bare:.2f} s", "2.0 s (aim 1.0)")]


def _memory(seconds: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.memory import measure_growth

    return [(f"slow sink, {seconds} s: growth", f"{measure_growth(seconds):.1f} MB", "", "< 20 MB")]


def _windows(panes: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.window_memory import measure_panes

    return [
        (f"{title}, beyond the accumulator", f"{size:.0f} bytes", "", "< 250 bytes")
        for title, size in measure_panes(panes).items()
    ]


def _latency() -> list[tuple[str, str, str, str]]:
    from benchmarks.latency import measure_chain, measure_shuffle

    chain, shuffle = measure_chain(10), measure_shuffle(10)
    return [
        ("latency p99, chained", f"{chain[1]:.3f} ms", f"p50 {chain[0]:.3f} ms", "< 1 ms (aim 0.2)"),
        ("latency p99, shuffle", f"{shuffle[1]:.3f} ms", f"p50 {shuffle[0]:.3f} ms", "< 5 ms (aim 1)"),
    ]


def _checkpoints(options: argparse.Namespace) -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_overhead
    from benchmarks.text import zipf_text

    rows = []
    sources = {"W2": str(zipf_text(options.directory, options.megabytes)), "W3": str(options.readings)}
    for title, source in sources.items():
        without, every_second = measure_overhead(title.lower(), source, options.runs)
        speed, seconds = f"{without / every_second:.2f} x without", f"{without:.2f} s, {every_second:.2f} s"
        rows.append((f"{title} with a checkpoint each second", speed, seconds, "0.93 x (aim 0.98)"))
    return rows


def _pause(runs: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_pause

    shortest, median, longest = measure_pause(1_000_000, runs)
    spread = f"{shortest:.1f}-{longest:.1f} ms"
    return [("pause at a barrier, 1 M keys on the heap", f"{median:.1f} ms", spread, "50 ms (aim 10)")]


def _rocksdb(options: argparse.Namespace) -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_backend

    rows = []
    for name in ("w2m", "w4m"):
        heap, rocksdb = measure_backend(name, str(options.readings), options.runs)
        speed, seconds = f"{heap / rocksdb:.2f} x heap", f"{heap:.2f} s, {rocksdb:.2f} s"
        rows.append((f"{name.upper()} on RocksDB, 1 M keys", speed, seconds, "0.25 x (aim 0.5)"))
    return rows


def _incremental(keys: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_incremental

    full, changed = measure_incremental(keys, keys // 100)
    share, sizes = f"{100 * changed / full:.1f} %", f"{changed / 1e6:.1f} of {full / 1e6:.1f} MB"
    return [(f"incremental checkpoint, 1 % of {keys:,} keys", share, sizes, "under 5 %")]


def _recovery(runs: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_recovery

    seconds = sorted(measure_recovery(100, runs))
    median, spread = f"{seconds[len(seconds) // 2]:.2f} s", f"{seconds[0]:.2f}-{seconds[-1]:.2f} s"
    return [("kill -9 to the first new result, 100 MB of state", median, spread, "3 s (aim 1)")]


def _rescaling() -> list[tuple[str, str, str, str]]:
    from benchmarks.checkpoints import measure_rescaling

    return [
        (f"restore of 1 M keys, parallelism {change}", f"{seconds:.2f} s", "", "10 s (aim 3)")
        for change, seconds in measure_rescaling(1_000_000).items()
    ]


def _unaligned(directory: Path) -> list[tuple[str, str, str, str]]:
    from benchmarks.back_pressure import measure_back_pressure

    idle, pressed = measure_back_pressure(directory)
    times = f"{idle:.0f} ms, {pressed:.0f} ms"
    return [("unaligned checkpoint under back pressure", f"{pressed / idle:.1f} x idle", times, "3 x (aim 1.5)")]


def _takeover(runs: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.takeover import measure_takeover

    session = 2.0
    seconds = sorted(measure_takeover(session, runs))
    median, spread = f"{seconds[len(seconds) // 2]:.2f} s", f"{seconds[0]:.2f}-{seconds[-1]:.2f} s"
    return [(f"kill -9 of the leading master, session {session:g} s", median, spread, f"{session + 4:g} s")]


def _simulation(runs: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.simulation import measure_simulation

    speeds = sorted(measure_simulation(60, runs))
    median, spread = f"{speeds[len(speeds) // 2]:.0f} s per CPU second", f"{speeds[0]:.0f}-{speeds[-1]:.0f} s"
    return [("word count on 4 simulated TaskManagers", median, spread, "20 s (aim 40)")]


def _rest(seconds: int) -> list[tuple[str, str, str, str]]:
    from benchmarks.rest import measure_rest

    found = measure_rest(seconds)
    idle = found["idle"]
    return [
        (
            f"REST answers p99, {situation}",
            f"{answers.p99:.1f} ms, {answers.p99 / idle.p99:.1f} x idle",
            f"p50 {answers.p50:.1f} ms; {answers.slowest[0]}: {answers.slowest[1]:.1f} ms",
            "< 100 ms",
        )
        for situation, answers in found.items()
    ]


def _metrics(options: argparse.Namespace) -> list[tuple[str, str, str, str]]:
    from benchmarks.metrics_cost import measure_cost
    from benchmarks.text import zipf_text

    rows = []
    sources = {"w1": str(options.ints), "w2": str(zipf_text(options.directory, options.megabytes))}
    for name, source in sources.items():
        cost = measure_cost(name, source, options.runs)
        spread = f"{cost.lowest:.3f}-{cost.highest:.3f}; {cost.seconds[0]:.2f} s, {cost.seconds[1]:.2f} s"
        rows.append((f"{name.upper()} while all observe it", f"{cost.ratio:.3f} x unseen", spread, "1.02 x"))
    return rows


def _print(rows: list[tuple[str, str, str, str]]) -> None:
    table = [("workload", "measured (median)", "spread", "at least"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
