"""Profiles processes when somebody asks, and keeps what came of it while the server runs.

The master's own process is profiled here, a TaskManager profiles itself and its slot workers. Results lie in a
directory of this server's own within ``rest.profiling.dir``. Their names are made here and looked up in the listing:
no text of a client's becomes a path.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from millstream.common.clock import Clock
from millstream.common.config import Configuration, RestOptions, RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.inspection.thread_profiler import ThreadProfiler
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, ThreadProfiles
from millstream.dispatcher.rest.cluster import ClusterAccess, UnknownTaskManagerError
from millstream.dispatcher.rest.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from millstream.dispatcher.rest.messages.profiler import ProfilingInfo, ProfilingRequest
from millstream.dispatcher.rest.profiler.profile_page import profile_page

__all__ = ["Profiler"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

_DIRECTORY: Final = "millstream-profiles-"
_MASTER: Final = "jobmanager"
_TASK_MANAGER: Final = "taskmanager"
_INTERVAL_MS: Final = 10
_MAX_DEPTH: Final = 128
_ON_CPU: Final = frozenset({"CPU", "ITIMER"})
_GRACE: Final = timedelta(seconds=5)
"""For a TaskManager to collect what its workers have seen."""


@dataclass(slots=True)
class _History:
    """Of one process.

    :ivar entries: newest first.
    :ivar running: makes the newest one.
    """

    entries: list[ProfilingInfo] = field(default_factory=list)
    running: asyncio.Task[None] | None = None


class Profiler:
    """The profiles of one server. All methods belong to its event loop.

    A process is named by the resource id of its TaskManager; ``None`` is this process.

    :param threads: for work with files.
    """

    def __init__(self, cluster: ClusterAccess, configuration: Configuration, clock: Clock, threads: Executor) -> None:
        self._cluster = cluster
        self._clock = clock
        self._threads = threads
        self._enabled = configuration.get(RestOptions.PROFILING_ENABLED)
        self._history_size = configuration.get(RestOptions.PROFILING_HISTORY_SIZE)
        self._max_duration = configuration.get(RestOptions.PROFILING_DURATION_MAX)
        self._base = Path(configuration.get(RestOptions.PROFILING_DIR) or tempfile.gettempdir()).absolute()
        self._ask_timeout = configuration.get(RpcOptions.ASK_TIMEOUT)
        self._own = ThreadProfiler(_MASTER)
        self._histories: dict[str | None, _History] = {}
        self._directory: Path | None = None
        self._made = 0

    async def profiles(self, resource_id: str | None) -> list[ProfilingInfo]:
        """Return what was asked for of a process, newest first.

        :raises UnknownTaskManagerError: there is no such process.
        """
        if self._enabled and resource_id is not None:
            await self._cluster.task_manager(resource_id)
        history = self._histories.get(resource_id)
        return [] if history is None else list(history.entries)

    async def start(self, resource_id: str | None, request: ProfilingRequest) -> ProfilingInfo:
        """Begin to profile a process.

        :raises ForbiddenError: the profiler is switched off.
        :raises BadRequestError: a process cannot be profiled like that.
        :raises UnknownTaskManagerError: there is no such process.
        :raises ConflictError: it is being profiled.
        """
        self._check(request)
        summary: pb.TaskManagerSummary | None = None
        if resource_id is not None:
            registered = {each.resource_id: each for each in await self._cluster.task_managers()}
            summary = registered.get(resource_id)
            if summary is None:
                raise UnknownTaskManagerError(resource_id)
            await self._forget_all_but(registered.keys())
        history = self._histories.setdefault(resource_id, _History())
        if history.running is not None:
            raise ConflictError(f"{resource_id or _MASTER} is still under profiling.")
        entry = ProfilingInfo(
            status="RUNNING", mode=request.mode, trigger_time=self._clock.now_ms(), duration=request.duration
        )
        history.entries.insert(0, entry)
        history.running = asyncio.get_running_loop().create_task(
            self._run(history, entry, summary), name=f"profile {resource_id or _MASTER}"
        )
        return entry

    async def page(self, resource_id: str | None, name: str) -> bytes:
        """Return a result, HTML.

        :raises NotFoundError: there is none of this name.
        """
        history = self._histories.get(resource_id, _History())
        if self._directory is None or name not in {entry.output_file for entry in history.entries}:
            raise NotFoundError(f"{resource_id or _MASTER} has no profile {name!r}.")
        try:
            return await self._in_thread((self._directory / name).read_bytes)
        except FileNotFoundError as error:
            raise NotFoundError(f"The profile {name!r} is not in {self._directory} any more.") from error

    async def close(self) -> None:
        """Break off what is under way, and remove the results."""
        tasks = [history.running for history in self._histories.values() if history.running is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._histories.clear()
        directory, self._directory = self._directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _check(self, request: ProfilingRequest) -> None:
        if not self._enabled:
            raise ForbiddenError(f"The profiler is switched off; {RestOptions.PROFILING_ENABLED.key}: true offers it.")
        if request.mode == "ALLOC":
            raise BadRequestError(
                "Allocations of a Python process cannot be profiled: use CPU or ITIMER (threads at work), or WALL or "
                "LOCK (those that wait as well)."
            )
        most = self._max_duration.total_seconds()
        if not 0 < request.duration <= most:
            raise BadRequestError(
                f"`duration` must be set between (0s, {most:g}s] ({RestOptions.PROFILING_DURATION_MAX.key}), but is "
                f"{request.duration}."
            )

    async def _run(self, history: _History, entry: ProfilingInfo, summary: pb.TaskManagerSummary | None) -> None:
        end: dict[str, str | None]
        try:
            profiles = await self._profile(entry, summary)
            name = await self._keep(entry, summary, profiles)
            missing = f"Not seen, as they did not answer: {', '.join(profiles.missing)}." if profiles.missing else None
            end = {"status": "FINISHED", "output_file": name, "message": missing}
        except MillstreamError as error:
            end = {"status": "FAILED", "message": str(error)}
        except OSError as error:
            message = f"The profile cannot be kept in {self._base} ({RestOptions.PROFILING_DIR.key}): {error}"
            end = {"status": "FAILED", "message": message}
        except Exception as error:  # a defect: who asks must not wait for ever
            logger.exception("A profile could not be made")
            end = {"status": "FAILED", "message": f"{type(error).__qualname__}: {error}"}
        finally:
            history.running = None
        history.entries[0] = entry.model_copy(update={**end, "finished_time": self._clock.now_ms()})
        old = history.entries[self._history_size :]
        del history.entries[self._history_size :]
        await self._remove(old)

    async def _profile(self, entry: ProfilingInfo, summary: pb.TaskManagerSummary | None) -> ThreadProfiles:
        request = ProfileThreadsRequest(
            duration_ms=entry.duration * 1000,
            interval_ms=_INTERVAL_MS,
            max_depth=_MAX_DEPTH,
            on_cpu_only=entry.mode in _ON_CPU,
        )
        if summary is None:
            return ThreadProfiles(processes=[await self._own.profile(request)])
        timeout = timedelta(seconds=entry.duration) + _GRACE + self._ask_timeout
        return await self._cluster.task_executor_of(summary, timeout).profile_threads(request)

    async def _keep(self, entry: ProfilingInfo, summary: pb.TaskManagerSummary | None, profiles: ThreadProfiles) -> str:
        """Write the result, and return the name of its file."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix=_DIRECTORY, dir=self._base))
        self._made += 1
        triggered = datetime.fromtimestamp(entry.trigger_time / 1000, timezone.utc)
        kind = _MASTER if summary is None else _TASK_MANAGER
        name = f"{kind}_{entry.mode}_{triggered:%Y-%m-%d_%H_%M_%S}_{self._made}.html"
        title = f"{entry.mode} profile of {_MASTER if summary is None else summary.resource_id}"
        facts = [f"{entry.duration} s from {triggered:%Y-%m-%d %H:%M:%S} UTC on, looked at every {_INTERVAL_MS} ms."]
        facts += [f"Did not answer: {each}" for each in profiles.missing]
        path = self._directory / name

        def write() -> None:
            path.write_text(profile_page(title, facts, profiles.processes), encoding="utf-8", errors="replace")

        await self._in_thread(write)
        return name

    async def _forget_all_but(self, resource_ids: Collection[str]) -> None:
        """TaskManagers that are gone do not come back under their ids."""
        gone = {
            resource_id: history
            for resource_id, history in self._histories.items()
            if resource_id is not None and resource_id not in resource_ids and history.running is None
        }
        for resource_id, history in gone.items():
            del self._histories[resource_id]
            await self._remove(history.entries)

    async def _remove(self, entries: Sequence[ProfilingInfo]) -> None:
        directory = self._directory
        paths = [directory / entry.output_file for entry in entries if directory and entry.output_file]
        for path in paths:
            await self._in_thread(partial(path.unlink, missing_ok=True))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
