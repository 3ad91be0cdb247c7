"""What all tests share.

A test may leave nothing behind, no failure may go unseen in the background, and hypothesis runs the same in CI each
time.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

# The settings of whoever runs the tests are not the tests' own; processes that tests start inherit this. Two are for
# the tests: the seed of a run that is to be repeated, and that all cases are to be tried where some will do.
_FOR_TESTS = {"MILLSTREAM_TEST_SEED", "MILLSTREAM_ALL_CASES"}
for _name in [name for name in os.environ if name.startswith("MILLSTREAM_") and name not in _FOR_TESTS]:
    del os.environ[_name]

# How long after its timeout a test that has not ended is interrupted again, and again.
_TIMEOUT_REPEAT_SECONDS = 20.0

# How long what a test has closed may take to be gone; only a test that leaks waits so long.
_SETTLE_SECONDS = 5.0


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, object, object]:
    """Interrupt a test more than once: asyncio, when interrupted, waits for tasks, and those may hang too."""
    result = yield
    remaining, _ = signal.getitimer(signal.ITIMER_REAL)
    if settings.method == "signal" and remaining > 0:
        signal.setitimer(signal.ITIMER_REAL, remaining, _TIMEOUT_REPEAT_SECONDS)
    return result


def pytest_collection_finish() -> None:
    """Keep what was imported out of the garbage collector's way: it is run after each module, and would look at all of
    it again and again.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what a test has logged travel between test processes, also text that is no text."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@dataclass(frozen=True)
class _Held:
    """What this process holds: its direct children, its threads, its open files and sockets."""

    children: dict[str, str]
    threads: dict[str, str]
    files: dict[str, str]

    @staticmethod
    def now() -> _Held:
        return _Held(_children(), _threads(), _files())

    def more_than(self, before: _Held) -> list[str]:
        """Each kind of which there is more than before, with what is new; an exchange one for one is none."""
        found: list[str] = []
        for kind, had, has in (
            ("child process", before.children, self.children),
            ("thread", before.threads, self.threads),
            ("open file or socket", before.files, self.files),
        ):
            if len(has) > len(had):
                new = [f"{name} ({what})" for name, what in has.items() if had.get(name) != what]
                found.append(f"{len(has) - len(had)} {kind}: {', '.join(new)}")
        return found


def _children() -> dict[str, str]:
    children: dict[str, str] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:
            continue  # a thread that has just ended
        for pid in pids:
            children[pid] = _command(pid)
    # multiprocessing's own helper lives as long as the process that first needed it.
    return {pid: command for pid, command in children.items() if "multiprocessing.resource_tracker" not in command}


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200].strip()
    except OSError:
        return "ended"


def _threads() -> dict[str, str]:
    return {str(thread.ident): thread.name for thread in threading.enumerate()}


def _files() -> dict[str, str]:
    files: dict[str, str] = {}
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # the listing's own descriptor
        # Event descriptors have no other end; libraries keep some for the life of the process.
        if not target.startswith(("anon_inode:", "/dev/")):
            files[descriptor.name] = target
    return files


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Fails a test after which there are more child processes, threads or open files than before it.

    What a fixture of wider scope holds was there before; it may be exchanged but not grow.
    """
    before = _Held.now()
    yield
    deadline = time.monotonic() + _SETTLE_SECONDS
    leaks = _Held.now().more_than(before)
    while leaks and time.monotonic() < deadline:
        # A cancelled gRPC call is a cycle that keeps gRPC's poller. Files and sockets of Python's own that are closed
        # only here warn about it, and warnings are errors.
        gc.collect()
        time.sleep(0.01)
        leaks = _Held.now().more_than(before)
    if leaks:
        pytest.fail("The test left behind " + "; ".join(leaks), pytrace=False)


class _BackgroundFailures(logging.Handler):
    """Keeps what asyncio says of tasks that failed while nobody looked."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "never retrieved" in message or "was destroyed but it is pending" in message:
            self.found.append(message)


_background_failures = _BackgroundFailures()


def _fail_for_background_failures() -> None:
    found, _background_failures.found = _background_failures.found, []
    if found:
        pytest.fail("Failed in the background, where nobody looked: " + "\n".join(found), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _background_is_watched() -> Iterator[None]:
    logger = logging.getLogger("asyncio")
    logger.addHandler(_background_failures)
    yield
    logger.removeHandler(_background_failures)


@pytest.fixture(scope="module", autouse=True)
def _no_module_fails_in_the_background(_background_is_watched: None) -> Iterator[None]:
    """asyncio speaks when the task is collected, which may be long after its test."""
    yield
    gc.collect()
    _fail_for_background_failures()


@pytest.fixture(autouse=True)
def _no_test_fails_in_the_background(_no_module_fails_in_the_background: None) -> Iterator[None]:
    yield
    _fail_for_background_failures()


@pytest.fixture(autouse=True)
def _the_engine_logs() -> Iterator[None]:
    """An embedded cluster quietens the engine's log for good; the next test may look at it."""
    yield
    logging.getLogger("millstream").setLevel(logging.NOTSET)
