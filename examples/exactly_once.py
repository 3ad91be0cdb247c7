"""Fails on purpose, and yet loses and repeats nothing.

A source makes up orders, a function keeps the sum of each customer's orders, a sink writes every order with the sum
so far into files. In the middle of it the function raises an error, or, with ``--fail kill``, ends its own process as
the operating system would if memory ran out. The job goes on from its last checkpoint. At the end the program reads
the files and looks whether each order is in them once, with the sum that it must have.

``python examples/exactly_once.py`` runs it on a cluster inside its own process; ``millstream run`` on a cluster.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from millstream.common import Encoder
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors import FileSink
from millstream.datastream.functions import (
    CheckpointedFunction,
    CheckpointListener,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    RichMapFunction,
    RuntimeContext,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor

CUSTOMERS = 10


def amount(order: int) -> int:
    return order % 7 + 1


class Orders(SourceFunction, CheckpointedFunction):
    """Numbers of orders, some hundred a second. Where it is goes into each checkpoint."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.next_order = 0
        self.running = True

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self.stored = context.get_operator_state_store().get_list_state(ListStateDescriptor("next order"))
        self.next_order = next(iter(self.stored.get()), 0)

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        self.stored.update([self.next_order])

    def run(self, ctx: SourceContext) -> None:
        while self.running and self.next_order < self.count:
            # A checkpoint comes before an order or after it, never between the two lines.
            with ctx.get_checkpoint_lock():
                ctx.collect(self.next_order)
                self.next_order += 1
            time.sleep(0.001)

    def cancel(self) -> None:
        self.running = False


class Sums(RichMapFunction, CheckpointListener):
    """The sum of a customer's orders so far. The first attempt fails, some orders after its first checkpoint.

    :param failure: ``raise`` or ``kill``.
    """

    def __init__(self, failure: str) -> None:
        self.failure = failure
        self.orders_until_failure: int | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self.sum = runtime_context.get_state(ValueStateDescriptor("sum"))
        self.first_attempt = runtime_context.get_attempt_number() == 0

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        if self.first_attempt and self.orders_until_failure is None:
            self.orders_until_failure = 20

    def map(self, order: int) -> str:
        if self.orders_until_failure is not None:
            self.orders_until_failure -= 1
            if self.orders_until_failure == 0:
                if self.failure == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise RuntimeError("an error on purpose")
        total = (self.sum.value() or 0) + amount(order)
        self.sum.update(total)
        return f"{order} {total}"


def expected(count: int) -> list[str]:
    sums = [0] * CUSTOMERS
    lines = []
    for order in range(count):
        sums[order % CUSTOMERS] += amount(order)
        lines.append(f"{order} {sums[order % CUSTOMERS]}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=3_000)
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--fail", choices=["raise", "kill"], default="raise")
    parser.add_argument("--directory", type=Path, help="where checkpoints and results go (default: a temporary one)")
    arguments = parser.parse_args()
    directory: Path = (arguments.directory or Path(tempfile.mkdtemp(prefix="exactly-once-"))).resolve()
    results = directory / "results"

    env = StreamExecutionEnvironment.get_execution_environment()
    env.set_parallelism(arguments.parallelism)
    env.enable_checkpointing(200)  # ms
    env.get_checkpoint_config().set_checkpoint_storage_dir((directory / "checkpoints").as_uri())
    orders = env.add_source(Orders(arguments.orders), "orders").uid("orders")
    sums = orders.key_by(lambda order: order % CUSTOMERS).map(Sums(arguments.fail)).name("sums").uid("sums")
    sink = FileSink.for_row_format(str(results), Encoder.simple_string_encoder()).build()
    sums.sink_to(sink).name("results").uid("results")
    job = env.execute("Orders")

    restarts = 0 if job.details is None else job.details.restarts
    parts = [part for part in results.rglob("*") if part.is_file() and not part.name.startswith(".")]
    lines = [line for part in parts for line in part.read_text().splitlines()]
    print(f"{len(lines)} lines in {len(parts)} files, after {restarts} restart(s): {results}")
    if sorted(lines) != sorted(expected(arguments.orders)):
        print("They are not what they must be.")
        return 1
    print("Each order is there once, with the right sum.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
