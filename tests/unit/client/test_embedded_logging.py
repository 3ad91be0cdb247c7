"""A local program's log is its own."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
{before}
from millstream.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1).from_collection([1]).print()
logging.info("before")
env.execute()
logging.info("after")
"""


def _printed(before: str = "") -> list[str]:
    program = _PROGRAM.format(before=before)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)
    return done.stdout.splitlines()


def test_the_embedded_cluster_does_not_log_into_a_program_that_logs() -> None:
    assert _printed() == ["before", "1", "after"]


def test_it_does_if_the_program_says_so() -> None:
    assert any("FINISHED" in line for line in _printed("logging.getLogger('millstream').setLevel(logging.INFO)"))
