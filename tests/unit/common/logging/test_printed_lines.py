"""Each printed line is one write, whatever Python would do by itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from millstream.common.logging.printed_lines import print_whole_lines
print_whole_lines()
print("one", 1)
print("two", 2, file=sys.stderr)
print("three", 3)
os._exit(0)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_line_is_written_at_once_and_as_a_whole(unbuffered: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=theirs.fileno(),
            stderr=theirs.fileno(),
            env=environment,
            check=True,
            timeout=30,
        )
        theirs.close()
        assert [ours.recv(100) for _ in range(4)] == [b"one 1\n", b"two 2\n", b"three 3\n", b""]
