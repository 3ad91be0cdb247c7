"""Cuts between hosts with networks of their own do what they say, and nothing of the hosts is left afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from millstream.testing.network_namespaces import NetworkNamespaces

pytestmark = pytest.mark.usefixtures("namespaces")

_TELLS = """
import socket, sys
own, other = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as socket_:
    socket_.bind((own, 9999))
    socket_.settimeout(1.0)
    print("ready", flush=True)
    sys.stdin.readline()
    socket_.sendto(b"hello", (other, 9999))
    try:
        print(socket_.recvfrom(16)[0].decode())
    except TimeoutError:
        print("nothing")
"""


def heard(network: NetworkNamespaces, *names: str) -> Sequence[str]:
    """Have two hosts send to each other, and return what each of them got."""
    hosts = [network.hosts[name] for name in names]
    processes = [
        subprocess.Popen(
            [*own.command, sys.executable, "-c", _TELLS, own.address, other.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for own, other in (hosts, hosts[::-1])
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return [process.communicate(timeout=20)[0].strip() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def names_of(what: str) -> set[str]:
    return set(subprocess.run(["ip", "-o", *what.split()], capture_output=True, text=True, check=True).stdout.split())


def test_cuts_are_silent_and_in_one_direction_if_asked_for() -> None:
    with NetworkNamespaces(["a", "b"]) as network:
        assert heard(network, "a", "b") == ["hello", "hello"]
        network.cut_one_way("a", "b")
        assert heard(network, "a", "b") == ["hello", "nothing"]
        network.heal("a", "b")
        network.cut("a", "b")
        assert heard(network, "a", "b") == ["nothing", "nothing"]
        network.heal("a", "b")
        network.isolate("b")
        assert heard(network, "a", "b") == ["nothing", "nothing"]
        network.rejoin("b")
        assert heard(network, "a", "b") == ["hello", "hello"]


def test_nothing_is_left_also_after_a_failure() -> None:
    before = names_of("netns list"), names_of("link show type bridge")

    def cut_from_a_stranger() -> None:
        with NetworkNamespaces(["a"]) as network:
            assert (names_of("netns list"), names_of("link show type bridge")) != before
            network.cut("a", "stranger")

    with pytest.raises(KeyError, match="stranger"):
        cut_from_a_stranger()
    assert (names_of("netns list"), names_of("link show type bridge")) == before
