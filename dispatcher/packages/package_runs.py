"""Runs packages, each in a process of its own, and takes the jobs that their programs make.

A program is the user's own code, so it never runs here; and as it may do anything, it gets a deadline, a directory that
is removed after it, and nothing that opens the cluster to it: its jobs come here by a socket, and are submitted by
whoever has asked for the run.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from millstream.common.config import Configuration, RpcOptions, WebOptions
from millstream.common.config.secret import is_secret
from millstream.common.errors import MillstreamError
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.common.wire.package_run_pb2 import JobAnswer, PackageRun
from millstream.dispatcher.packages.package_process import PackageProcess, PackageProcessDiedError
from millstream.dispatcher.packages.package_store import Package

__all__ = ["PackageRunError", "PackageRuns", "RunOptions"]

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 4
"""Programs that run at the same time; others wait for their turn."""
_NO_JOB: Final = (
    "The program didn't contain a Millstream job. Perhaps you forgot to call execute() on the execution environment."
)
_SHOWN_OUTPUT: Final = 4 << 10

Submit = Callable[[JobGraph], Awaitable[None]]


class PackageRunError(MillstreamError):
    """The program could not be run, or not to its end. The first line says it all."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a package is run.

    :ivar reference: what is started: ``module`` or ``module:function``; empty: the script.
    :ivar arguments: the program's.
    :ivar settings: that win over this process's configuration.
    :ivar job_id: of the first job; empty: a new one.
    """

    reference: str
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    job_id: str = ""


class PackageRuns:
    """All that run now. All methods belong to one event loop.

    :param threads: for work on files; not owned.
    """

    def __init__(self, configuration: Configuration, threads: Executor) -> None:
        self._configuration = configuration
        self._threads = threads
        self._seconds = configuration.get(WebOptions.SUBMIT_TIMEOUT).total_seconds()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, package: Package, options: RunOptions, submit: Submit) -> str:
        """Run the program to its end, and return the id of its first job.

        :param submit: gives a job to the cluster.
        :raises PackageRunError: the program has failed, took too long, or made no job.
        :raises MillstreamError: the cluster has not taken the first job.
        """
        job_ids: list[str] = []
        refusals: list[MillstreamError] = []

        async def take(graph: JobGraph) -> str:
            try:
                await submit(graph)
            except MillstreamError as error:
                refusals.append(error)
                return str(error)
            job_ids.append(graph.job_id)
            return ""

        try:
            await self._carry_out(package, options, take, plan_only=False)
        except PackageRunError as error:
            if refusals and not job_ids:
                raise refusals[0] from error
            if job_ids:
                raise PackageRunError(f"{error}\nBefore that, it has submitted: {', '.join(job_ids)}.") from error
            raise
        if not job_ids:
            raise refusals[0] if refusals else PackageRunError(_NO_JOB)
        return job_ids[0]

    async def plan(self, package: Package, options: RunOptions) -> JobGraph:
        """Run the program up to its first ``execute()``, and return the job that it would submit.

        :raises PackageRunError: it does not get there.
        """
        graphs: list[JobGraph] = []

        async def take(graph: JobGraph) -> str:
            graphs.append(graph)
            return ""

        await self._carry_out(package, options, take, plan_only=True)
        if not graphs:
            raise PackageRunError(_NO_JOB)
        return graphs[0]

    async def close(self) -> None:
        """End all programs that run. May be called twice."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_out(
        self, package: Package, options: RunOptions, take: Callable[[JobGraph], Awaitable[str]], *, plan_only: bool
    ) -> None:
        if self._closed:
            raise PackageRunError(f"Package {package.name!r} was not run: the server is being shut down.")
        task = asyncio.get_running_loop().create_task(self._run_in_turn(package, options, take, plan_only))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await task
        except asyncio.CancelledError:
            if not self._closed:
                raise
            raise PackageRunError(f"Package {package.name!r} was ended: the server is being shut down.") from None

    async def _run_in_turn(
        self, package: Package, options: RunOptions, take: Callable[[JobGraph], Awaitable[str]], plan_only: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        async with self._places:
            directory = self._new_directory()
            try:
                file = await loop.run_in_executor(self._threads, _place, package, directory)
                request = PackageRun(
                    file=str(file),
                    entry=options.reference,
                    arguments=options.arguments,
                    configuration=self._settings(options),
                    plan_only=plan_only,
                    job_id=options.job_id,
                )
                await self._run(package, directory, request, take)
            finally:
                # Not in a thread: the server may be closing, and takes no more work for its own.
                shutil.rmtree(directory, ignore_errors=True)

    async def _run(
        self, package: Package, directory: Path, request: PackageRun, take: Callable[[JobGraph], Awaitable[str]]
    ) -> None:
        most_bytes = self._configuration.get(RpcOptions.FRAMESIZE)
        try:
            process = await PackageProcess.start(directory / "work", self._configuration, most_bytes)
        except OSError as error:
            raise PackageRunError(f"No process could be started for package {package.name!r}: {error}") from error
        failure = ""
        try:
            failure = await asyncio.wait_for(_converse(process, request, take), self._seconds)
        except asyncio.TimeoutError:
            failure = (
                f"Package {package.name!r} was ended after {self._seconds:g} s ({WebOptions.SUBMIT_TIMEOUT.key}): its "
                "program has not come to its end. A program builds its jobs and returns; what takes long belongs into "
                "their functions."
            )
        except PackageProcessDiedError as error:
            failure = f"The process that ran package {package.name!r} is gone: {error}."
        finally:
            output = (await process.close()).strip()
            if output:
                logger.info("Package %s has printed:\n%s", package.id, output)
        if failure:
            if output:
                failure += f"\n\nIt has printed:\n{output[-_SHOWN_OUTPUT:]}"
            raise PackageRunError(failure)

    def _new_directory(self) -> Path:
        base = self._configuration.get(WebOptions.TMP_DIR)
        try:
            if base:
                Path(base).mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix="millstream-package-", dir=base))
        except OSError as error:
            raise PackageRunError(
                f"No directory can be made to run the package in ({WebOptions.TMP_DIR.key}): {error}"
            ) from error

    def _settings(self, options: RunOptions) -> dict[str, str]:
        own = {key: value for key, value in self._configuration.to_map().items() if not is_secret(key)}
        return own | dict(options.settings)


async def _converse(process: PackageProcess, request: PackageRun, take: Callable[[JobGraph], Awaitable[str]]) -> str:
    """Take the program's jobs until its last word, and return what it failed with; empty: it has not."""
    await process.send(request)
    while True:
        event = await process.receive()
        if event.WhichOneof("event") != "job":
            await process.part()
            return event.failed
        await process.send(JobAnswer(error=await take(event.job)))


def _place(package: Package, directory: Path) -> Path:
    """Make the program's directories, and put the package there: it may be deleted from the store meanwhile."""
    (directory / "work").mkdir()
    place = directory / "package"
    place.mkdir()
    file = place / package.name
    try:
        shutil.copyfile(package.path, file)
    except FileNotFoundError as error:
        raise PackageRunError(f"Package {package.name!r} was deleted.") from error
    except OSError as error:
        raise PackageRunError(f"Package {package.name!r} cannot be copied to {place}: {error}") from error
    return file
