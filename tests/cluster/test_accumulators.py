"""What functions of all kinds have counted reaches the program that runs the job, and who asks the REST interface."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Row
from millstream.common.accumulators import (
    Accumulator,
    AverageAccumulator,
    DoubleMaximum,
    IntCounter,
    ListAccumulator,
    LongMinimum,
)
from millstream.common.config import Configuration
from millstream.common.errors import AccumulatorError, JobExecutionError
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import (
    KeyedProcessFunction,
    ProcessWindowFunction,
    RichMapFunction,
    RuntimeContext,
    SinkContext,
    SinkFunction,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.window import CountTumblingWindowAssigner
from millstream.testing import environment_for
from millstream.testing.process_cluster import ProcessCluster, eventually

RECORDS = 100


class Words(Accumulator[str, set[str]]):
    """The different texts: a user's own."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def add(self, value: str) -> None:
        self.words.add(value)

    def get_local_value(self) -> set[str]:
        return set(self.words)

    def reset_local(self) -> None:
        self.words.clear()

    def merge(self, other: Words) -> None:
        self.words |= other.words


class Numbers(SourceFunction):
    def __init__(self, count: int, until: Path | None = None) -> None:
        self.count = count
        self.until = None if until is None else str(until)
        self.emitted: IntCounter | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self.emitted = runtime_context.get_int_counter("emitted")

    def run(self, ctx: SourceContext) -> None:
        assert self.emitted is not None
        for number in range(self.count):
            ctx.collect(number)
            self.emitted.add(1)
        while self.until is not None and not Path(self.until).exists():
            time.sleep(0.01)

    def cancel(self) -> None:
        self.until = None


class Looks(RichMapFunction):
    """Counts in each way, with accumulators that came pickled with it."""

    def __init__(self) -> None:
        self.mean = AverageAccumulator()
        self.largest = DoubleMaximum()
        self.smallest = LongMinimum()
        self.evens = ListAccumulator[int]()
        self.words = Words()

    def open(self, runtime_context: RuntimeContext) -> None:
        runtime_context.add_accumulator("mean", self.mean)
        runtime_context.add_accumulator("largest", self.largest)
        runtime_context.add_accumulator("smallest", self.smallest)
        runtime_context.add_accumulator("multiples", self.evens)
        runtime_context.add_accumulator("words", self.words)
        self.digits = runtime_context.get_histogram("digits")

    def map(self, value: int) -> int:
        self.mean.add(value)
        self.largest.add(value)
        self.smallest.add(value)
        self.words.add("odd" if value % 2 else "even")
        self.digits.add(len(str(value)))
        if value % 40 == 0:
            self.evens.add(value)
        return value


class Keyed(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_long_counter("seen")

    def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Iterable[int]:
        self.seen.add(1)
        yield value


class Windows(ProcessWindowFunction[int, int, int, Any]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.fired = runtime_context.get_double_counter("fired")

    def process(self, key: int, context: Any, elements: Iterable[int]) -> Iterable[int]:
        self.fired.add(1.0)
        yield sum(elements)


class Sink(SinkFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_long_counter("seen")  # as in another function of the job

    def invoke(self, value: int, context: SinkContext) -> None:
        self.seen.add(1)


def build(env: StreamExecutionEnvironment, until: Path | None = None) -> None:
    keyed = env.add_source(Numbers(RECORDS, until)).rebalance().map(Looks()).name("looks").key_by(lambda n: n % 4)
    keyed.process(Keyed()).key_by(lambda n: n % 4).window(CountTumblingWindowAssigner.of(5)).process(
        Windows()
    ).add_sink(Sink())


EXPECTED = {
    "emitted": RECORDS,
    "mean": 49.5,
    "largest": 99.0,
    "smallest": 0,
    "words": {"odd", "even"},
    "digits": {1: 10, 2: 90},
    "seen": RECORDS + RECORDS // 5,
    "fired": RECORDS / 5,
}


def check(results: dict[str, Any]) -> None:
    assert sorted(results.pop("multiples")) == [0, 40, 80]
    assert results == EXPECTED


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), task_managers=2, slots=1, rest=True) as started:
        yield started


@pytest.fixture
def env(cluster: ProcessCluster) -> Iterator[StreamExecutionEnvironment]:
    yield remote(cluster, {})
    cluster.wait_for_slots(2)


def remote(cluster: ProcessCluster, settings: dict[str, str]) -> StreamExecutionEnvironment:
    env = StreamExecutionEnvironment.create_remote_environment(
        "localhost", cluster.port, configuration=Configuration.from_map(settings)
    )
    env.set_parallelism(2)
    return env


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_on_an_embedded_cluster(isolation: Any) -> None:
    with MiniCluster(1, 2, isolation) as mini, environment_for(mini) as env:
        build(env)
        result = env.execute()
    assert result.get_accumulator_result("emitted") == RECORDS
    assert result.get_accumulator_result("unknown") is None
    assert "- largest (float): 99.0" in str(result)
    check(result.get_all_accumulator_results())


def test_on_a_cluster_of_processes_while_it_runs_and_after_it(
    cluster: ProcessCluster, env: StreamExecutionEnvironment, tmp_path: Path
) -> None:
    gate = tmp_path / "go on"
    build(env, gate)
    job = env.execute_async("counts")
    path = f"/jobs/{job.get_job_id()}"

    def counted() -> dict[str, Any]:
        results: dict[str, Any] = job.get_accumulators().result(20)
        return results

    eventually(lambda: counted().get("seen", 0) >= RECORDS, "all records are counted")
    assert counted()["words"] == {"odd", "even"}
    gate.touch()
    check(job.get_job_execution_result().result(30).get_all_accumulator_results())
    check(counted())
    with httpx.Client(base_url=cluster.rest_url(), timeout=20.0) as http:
        shown = http.get(f"{path}/accumulators").json()["user-task-accumulators"]
        by_name = {one["name"]: (one["type"], one["value"]) for one in shown}
        assert by_name["emitted"] == ("IntCounter", "100")
        assert by_name["digits"] == ("Histogram", "{1: 10, 2: 90}")
        assert by_name["mean"] == ("AverageAccumulator", "49.5")
        assert by_name["words"][0] == "Words"
        vertices = {one["name"]: one["id"] for one in http.get(path).json()["vertices"]}
        (looks,) = (f"{path}/vertices/{key}" for name, key in vertices.items() if "looks" in name)
        of_vertex = http.get(f"{looks}/accumulators").json()["user-accumulators"]
        assert {"name": "largest", "type": "DoubleMaximum", "value": "99.0"} in of_vertex
        subtasks = http.get(f"{looks}/subtasks/accumulators").json()["subtasks"]
        assert len(subtasks) == 2
        for number, subtask in enumerate(subtasks):
            attempt = http.get(f"{looks}/subtasks/{number}/attempts/0/accumulators").json()
            assert attempt["user-accumulators"] == subtask["user-accumulators"] != []
        result = http.get(f"{path}/execution-result").json()["job-execution-result"]
        assert set(result["accumulator-results"]) == {*EXPECTED, "multiples"}


PROGRAM = """
from millstream.common.accumulators import Accumulator
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import RichMapFunction

class Longest(Accumulator):
    text = ""
    def add(self, value):
        self.text = max(self.text, value, key=len)
    def get_local_value(self):
        return self.text
    def reset_local(self):
        self.text = ""
    def merge(self, other):
        self.add(other.text)

class Reads(RichMapFunction):
    def open(self, runtime_context):
        self.longest = Longest()
        runtime_context.add_accumulator("longest", self.longest)
        self.read = runtime_context.get_int_counter("read")

    def map(self, value):
        self.longest.add(value)
        self.read.add(1)
        return value

env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(["a", "long", "word"[:2], "longer"]).rebalance().map(Reads()).set_parallelism(2).print()
env.execute("reads")
"""


def test_a_class_of_the_script_itself_and_what_the_command_line_prints(
    cluster: ProcessCluster, env: StreamExecutionEnvironment, tmp_path: Path
) -> None:
    script = tmp_path / "reads.py"
    script.write_text(PROGRAM)
    command = [sys.executable, "-m", "millstream.client.cli.main", "run", "-m", cluster.address, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Accumulator Results: \n- longest (str): longer\n- read (int): 4\n" in done.stdout


class FailsOnce(RichMapFunction):
    """Fails in its first attempt, when all records of its input have come."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.attempt = runtime_context.get_attempt_number()
        self.mapped = runtime_context.get_int_counter("mapped")
        self.attempts = ListAccumulator[int]()
        runtime_context.add_accumulator("attempts", self.attempts)
        self.attempts.add(self.attempt)

    def map(self, value: int) -> int:
        self.mapped.add(1)
        if value == RECORDS - 1 and self.attempt == 0:
            raise ValueError("the first time it fails")
        return value


def test_only_the_last_attempt_counts(cluster: ProcessCluster) -> None:
    env = remote(
        cluster,
        {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "1",
            "restart-strategy.fixed-delay.delay": "10 ms",
        },
    )
    env.set_parallelism(1)
    env.add_source(Numbers(RECORDS)).map(FailsOnce()).add_sink(Sink())
    result = env.execute()
    assert result.get_all_accumulator_results() == {
        "emitted": RECORDS,
        "mapped": RECORDS,
        "seen": RECORDS,
        "attempts": [1],
    }


class Hoards(RichMapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.hoard = ListAccumulator[bytes]()
        runtime_context.add_accumulator("hoard", self.hoard)
        self.mapped = runtime_context.get_int_counter("mapped")

    def map(self, value: int) -> Row:
        self.hoard.add(b"x" * 100_000 + b"%d" % value)
        self.mapped.add(1)
        return Row(value)


def test_what_is_too_large_is_said_and_harms_nothing_else(env: StreamExecutionEnvironment) -> None:
    env.from_collection(range(RECORDS)).map(Hoards()).print()
    result = env.execute()
    assert result.get_accumulator_result("mapped") == RECORDS
    with pytest.raises(AccumulatorError, match=r"'hoard' \(ListAccumulator\).*limit per accumulator is 1048576"):
        result.get_accumulator_result("hoard")
    with pytest.raises(AccumulatorError, match="hoard"):
        result.get_all_accumulator_results()
    assert "- mapped (int): 100" in str(result)


class Clashes(RichMapFunction):
    def __init__(self, kind: type[Accumulator[Any, Any]], twice: bool = False) -> None:
        self.kind = kind
        self.twice = twice

    def open(self, runtime_context: RuntimeContext) -> None:
        runtime_context.add_accumulator("seen", self.kind())
        if self.twice:
            runtime_context.add_accumulator("seen", self.kind())

    def map(self, value: int) -> int:
        return value


def test_a_name_with_two_types(env: StreamExecutionEnvironment) -> None:
    env.from_collection(range(3)).map(Clashes(IntCounter)).map(Clashes(Words)).print()
    with pytest.raises(AccumulatorError, match=r"'seen' is of different types .*\(IntCounter and Words\)"):
        env.execute().get_accumulator_result("seen")


def test_a_name_twice_in_one_function(env: StreamExecutionEnvironment) -> None:
    env.from_collection(range(3)).map(Clashes(IntCounter, twice=True)).name("both").print()
    with pytest.raises(JobExecutionError, match="The accumulator 'seen' already exists in operator 'both'"):
        env.execute()
