"""The files that pointers in ZooKeeper lead to: job graphs and results, too large for ZooKeeper itself.

They lie below ``high-availability.storageDir``, where every master can read them::

    <storageDir>/<cluster-id>/job-graphs/<job id>-<random>
    <storageDir>/<cluster-id>/job-results/<job id>-<random>
    <storageDir>/<cluster-id>/checkpoints/              of jobs that name no place of their own

A file is written whole before there is a pointer to it, never changed, and deleted after its pointer is gone. Whatever
dies in between leaves a file that nothing points to; ``millstream ha clean`` removes it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.file_system import file_system_of, join, name_of
from millstream.common.file_system.resolve import qualified
from millstream.common.high_availability.checkpoint_pointers import OutcomeUnknownError
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.data_frame import DataKind, decode, encode, missing
from millstream.common.ids import IdFactory, JobID

__all__ = ["DataFile", "HighAvailabilityStorage", "StoredData"]

logger = logging.getLogger(__name__)

_NAME = re.compile(r"([0-9a-f]{32})-[0-9a-f]{16}")
_REST = re.compile(r"\.([0-9a-f]{32})-[0-9a-f]{16}\.[0-9a-f]+\.tmp")
"""How file systems call a file that is being written, or whose writer died."""

_CHECKPOINTS = "checkpoints"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredData:
    """What a pointer says of its file.

    :ivar file: URI.
    :ivar sha256: checksum, 64 hexadecimal digits.
    """

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that is there, whether something points to it or not.

    :ivar file: URI.
    :ivar job_id: that its name tells.
    :ivar is_whole: false: it is being written, or the rest of a write that was broken off.
    :ivar size: bytes.
    :ivar modified_ms: 0 where the store does not say.
    """

    kind: DataKind
    file: str
    job_id: JobID
    is_whole: bool
    size: int
    modified_ms: int


class HighAvailabilityStorage:
    """The files of one cluster.

    :param configuration: with ``high-availability.storageDir`` and ``high-availability.cluster-id``.
    :param executor: where files are read and written; the event loop's own if ``None``.
    :param ids: for the names of files.
    :raises ConfigurationError: there is no such directory, by its name.
    """

    def __init__(self, configuration: Configuration, executor: Executor | None, ids: IdFactory | None = None) -> None:
        option = HighAvailabilityOptions.STORAGE_DIR
        directory = configuration.get(option)
        if not directory:
            raise ConfigurationError(
                f"{option.key} is not set; name a directory that all masters of the cluster can read and write, such "
                "as hdfs:///flink/ha or s3://bucket/ha."
            )
        cluster = paths.node_path(
            HighAvailabilityOptions.CLUSTER_ID.key, configuration.get(HighAvailabilityOptions.CLUSTER_ID)
        )
        below = [part for part in cluster.split("/") if part]
        self._configuration = configuration
        self._executor = executor
        self._ids = ids if ids is not None else IdFactory()
        self._root = join(qualified(directory, configuration), *below)
        results = configuration.get(JobManagerOptions.JOB_RESULT_STORE_PATH)
        self._directories = {
            DataKind.JOB_GRAPH: join(self._root, DataKind.JOB_GRAPH.value),
            DataKind.JOB_RESULT: join(
                join(qualified(results, configuration), *below) if results else self._root, DataKind.JOB_RESULT.value
            ),
        }

    @property
    def root(self) -> str:
        """URI of the cluster's directory."""
        return self._root

    @property
    def directories(self) -> tuple[str, ...]:
        """URIs of the directories of graphs and results."""
        return tuple(self._directories.values())

    @property
    def checkpoint_directory(self) -> str:
        """URI where checkpoints go of jobs that name no place."""
        return join(self._root, _CHECKPOINTS)

    async def write(self, kind: DataKind, job_id: JobID, payload: bytes) -> StoredData:
        """Write a new file; when this returns it will be found after any crash.

        :raises FileSystemError: it could not be written, as far as can be told.
        """
        file = join(self._directories[kind], f"{job_id}-{self._ids.hex(16)}")

        def write() -> str:
            chunks, checksum = encode(kind, payload)
            file_system_of(file, self._configuration).write(file, chunks)
            return checksum

        return StoredData(file, await self._in_executor(write))

    async def read(self, kind: DataKind, data: StoredData) -> bytes:
        """Return what was written.

        :raises UnreadableDataError: the file is gone, or is not what was written.
        :raises FileSystemError: the store cannot be read at present.
        """

        def read() -> bytes:
            try:
                contents = file_system_of(data.file, self._configuration).read(data.file)
            except FileNotFoundError as error:
                raise missing(kind, data.file) from error
            return decode(kind, contents, data.file, data.sha256)

        return await self._in_executor(read)

    async def delete(self, file: str) -> None:
        """Delete a file to which nothing points; nothing if it is not there.

        :raises MillstreamError: it is still there. A path that is none of a data file's is never deleted, whatever
            was written into ZooKeeper.
        """
        name = name_of(file)
        if not _NAME.fullmatch(name) and not _REST.fullmatch(name):
            raise MillstreamError(f"{file} is left as it is: its name is none of a file of high availability")
        await self._in_executor(lambda: file_system_of(file, self._configuration).delete(file))

    @asynccontextmanager
    async def pointing_at(self, file: str) -> AsyncIterator[None]:
        """Around what makes something point at a new file: if that certainly fails the file is discarded.

        If nobody can tell, it stays: the next leader may find the pointer, and needs the file.
        """
        try:
            yield
        except OutcomeUnknownError:
            raise
        except MillstreamError:
            await self.discard(file)
            raise

    async def discard(self, file: str) -> None:
        """Delete a file to which nothing points any more; if that fails it does no harm but to take room."""
        try:
            await self.delete(file)
        except MillstreamError as error:
            logger.warning("A file that nothing points to is left behind (see millstream ha clean): %s", error)

    async def exists(self) -> bool:
        """Return whether the cluster's directory is there: it is not where a store is not mounted."""
        return await self._in_executor(lambda: file_system_of(self._root, self._configuration).exists(self._root))

    async def files(self) -> list[DataFile]:
        """Return all files that are there, by kind and name, but for those that are none of high availability.

        :raises FileSystemError: the store cannot be read at present.
        """
        return await self._in_executor(self._list)

    def _list(self) -> list[DataFile]:
        found = []
        for kind, directory in self._directories.items():
            for status in file_system_of(directory, self._configuration).list(directory):
                whole = _NAME.fullmatch(status.name)
                name = whole or _REST.fullmatch(status.name)
                if name is not None and not status.is_directory:
                    found.append(
                        DataFile(kind, status.path, JobID(name[1]), whole is not None, status.size, status.modified_ms)
                    )
        return found

    async def _in_executor(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
