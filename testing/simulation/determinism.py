"""Makes what programs read from the machine follow the simulation: time, chance, process ids and threads of pools.

Product code asks an injected clock and source of chance where it matters. What still reads the machine directly (how
long a batch took, a random file name, a user's ``time.time()``) is turned here, for as long as a simulation exists and
only within its processes; outside of them everything is as always.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from millstream.testing.simulation.simulated_process import SimulatedProcess
    from millstream.testing.simulation.simulation import Simulation

__all__ = ["UnsupportedInSimulationError", "determined_by"]

_TYPICAL_STEP_NS: Final = 2_000
_LONGEST_STEP_NS: Final = 8_000_000
_GARBAGE: Final = 1_000_000
"""Objects that may lie about."""


class UnsupportedInSimulationError(Exception):
    """A program does what a simulation cannot follow."""


@contextmanager
def determined_by(simulation: Simulation) -> Iterator[None]:
    """Let the processes of ``simulation`` read time and chance from it until the context is left."""
    with _few_collections(), _replaced(simulation):
        yield


@contextmanager
def _few_collections() -> Iterator[None]:
    """Let cyclic garbage lie, as long as it is not much.

    When the collector runs depends on all that the operating system process did before, and finalisers may tell of
    themselves: tasks that nobody has awaited, for one. And it takes time, for little: a run is short.
    """
    gc.collect(1)  # what earlier simulations have left; not what has been there for long
    thresholds = gc.get_threshold()
    gc.set_threshold(_GARBAGE, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _replaced(simulation: Simulation) -> Iterator[None]:
    replacements = _replacements(simulation)
    originals: list[tuple[Any, str, Any]] = []
    for owner, name, replacement in replacements:
        originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)
    imported = [row for row in originals if row[0] is not logging]  # of a module it has one of its own
    _swap_imported({id(original): getattr(owner, name) for owner, name, original in imported})
    state = random.getstate()
    random.seed(f"{simulation.seed}/random")
    try:
        yield
    finally:
        random.setstate(state)
        # Also modules that were imported meanwhile have taken replacements.
        _swap_imported({id(getattr(owner, name)): original for owner, name, original in imported})
        for owner, name, original in originals:
            setattr(owner, name, original)


def _swap_imported(swapped: dict[int, Any]) -> None:
    """Exchange functions that modules have imported by name (``from time import perf_counter_ns``)."""
    unconcerned = frozenset(swapped).isdisjoint
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or module in (time, os, random, threading):
            continue
        names = module.__dict__
        if unconcerned(map(id, names.values())):  # nearly all of them, and there are thousands of names
            continue
        for name in [name for name, value in names.items() if id(value) in swapped]:
            if name != "__builtins__":
                names[name] = swapped[id(names[name])]


def _replacements(simulation: Simulation) -> list[tuple[Any, str, Any]]:
    clock = _Clock(simulation)
    chance = simulation.source("operating system")
    within = simulation.running_process

    def urandom(size: int) -> bytes:
        return chance.randbytes(size) if within() is not None else real_urandom(size)

    def getpid() -> int:
        process = within()
        return process.pid if process is not None else real_getpid()

    def start(thread: threading.Thread) -> None:
        process = within()
        if process is not None:
            raise UnsupportedInSimulationError(
                f"{process.name} starts a thread, {thread.name!r}: in a simulation nothing runs beside the event "
                "loops. Sources with a blocking run() (SourceFunction) need one; use from_collection, or a Source"
            )
        real_start(thread)

    def submit(executor: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kw: Any) -> Future[Any]:
        process = within()
        if process is None:
            return real_submit(executor, function, *args, **kw)
        if executor._shutdown:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return process.loop.executors.submit(executor, partial(function, *args, **kw))

    real_urandom, real_getpid = os.urandom, os.getpid
    real_start, real_submit = threading.Thread.start, ThreadPoolExecutor.submit
    return [
        (time, "time", clock.reader(time.time, lambda process: clock.wall_ns(process) / 1e9)),
        (time, "time_ns", clock.reader(time.time_ns, clock.wall_ns)),
        (time, "monotonic", clock.reader(time.monotonic, lambda _: simulation.monotonic_ns / 1e9)),
        (time, "monotonic_ns", clock.reader(time.monotonic_ns, lambda _: simulation.monotonic_ns)),
        (time, "perf_counter", clock.reader(time.perf_counter, lambda _: simulation.monotonic_ns / 1e9)),
        (time, "perf_counter_ns", clock.reader(time.perf_counter_ns, lambda _: simulation.monotonic_ns)),
        (time, "sleep", clock.sleeper(time.sleep)),
        (logging, "time", _LogTime(simulation)),
        (os, "urandom", urandom),
        (os, "getpid", getpid),
        (random, "_urandom", urandom),
        (threading.Thread, "start", start),
        (ThreadPoolExecutor, "submit", submit),
    ]


class _LogTime:
    """What the module ``logging`` takes for the module ``time``: a seed is the same history however much is logged."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._real = logging.time  # type: ignore[attr-defined]  # a module that it has imported
        self._real_time, self._real_time_ns = time.time, time.time_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def time(self) -> float:
        process = self._simulation.running_process()
        return self._real_time() if process is None else process.clock.now_ms() / 1e3

    def time_ns(self) -> int:
        process = self._simulation.running_process()
        return self._real_time_ns() if process is None else process.clock.now_ms() * 1_000_000


class _Clock:
    """Time within processes. Each look at it takes a little, now and then a lot: so work takes time, and varies."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._random = simulation.source("speed")

    def wall_ns(self, process: SimulatedProcess) -> int:
        return self._simulation.now_ns + process.clock.skew_ms * 1_000_000

    def reader(self, real: Callable[[], Any], read: Callable[[SimulatedProcess], Any]) -> Callable[[], Any]:
        simulation = self._simulation
        within = simulation.running_process
        spend = simulation.spend
        chance = self._random.random

        def look() -> Any:
            process = within()
            if process is None:
                return real()
            step = int(_TYPICAL_STEP_NS / (chance() + 1e-6))
            spend(min(_LONGEST_STEP_NS, step))
            return read(process)

        look.__name__ = look.__qualname__ = real.__name__
        return look

    def sleeper(self, real: Callable[[float], None]) -> Callable[[float], None]:
        simulation = self._simulation

        def sleep(seconds: float) -> None:
            if simulation.running_process() is None:
                real(seconds)
            else:
                simulation.spend(int(seconds * 1e9))

        return sleep
