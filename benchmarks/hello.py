"""Start-up: a hello-world job on a running cluster, from the shell command to its end."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["measure_hello"]

_ROOT = Path(__file__).resolve().parents[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure_hello(runs: int) -> tuple[float, float]:
    """Return (median seconds of ``millstream run hello``, median seconds of a bare ``python hello``)."""
    with tempfile.TemporaryDirectory() as directory:
        conf = Path(directory) / "conf"
        conf.mkdir()
        port = _free_port()
        (conf / "config.yaml").write_text(
            f"jobmanager.rpc.port: {port}\ntaskmanager.numberOfTaskSlots: 2\nenv.pid.dir: {directory}\n"
            f"env.log.dir: {directory}/log\n"
        )
        (conf / "workers").write_text("localhost\n")
        (conf / "masters").write_text("localhost:8081\n")
        environment = {
            **os.environ,
            "MILLSTREAM_CONF_DIR": str(conf),
            "MILLSTREAM_LOG_DIR": f"{directory}/log",
            "MILLSTREAM_PID_DIR": directory,
            "MILLSTREAM_PYTHON": sys.executable,
        }
        bin_directory = _ROOT / "deploy" / "bin"
        hello = str(_ROOT / "examples" / "hello_world.py")
        subprocess.run([bin_directory / "start-cluster.sh"], env=environment, check=True, capture_output=True)
        try:
            command = [sys.executable, "-m", "millstream.client.cli.main", "run", hello]
            bare = [sys.executable, "-c", "print('hello')"]
            times: dict[str, list[float]] = {"cli": [], "bare": []}
            for _ in range(runs + 1):
                for name, words in (("cli", command), ("bare", bare)):
                    started = time.perf_counter()
                    subprocess.run(words, env=environment, check=True, capture_output=True)
                    times[name].append(time.perf_counter() - started)
            return statistics.median(times["cli"][1:]), statistics.median(times["bare"][1:])
        finally:
            subprocess.run([bin_directory / "stop-cluster.sh"], env=environment, check=True, capture_output=True)
