"""Keeps what a history server shows in step with the directories that the clusters archive into."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileStatus, file_system_of, qualified
from millstream.common.ids import JobID
from millstream.dispatcher.history.answer_store import AnswerStore
from millstream.dispatcher.history.archive_file import BrokenArchiveError, decode, job_of_file
from millstream.dispatcher.history.catalogue import Catalogue
from millstream.dispatcher.rest.messages.jobs import JobOverview

__all__ = ["ArchiveFetcher"]

logger = logging.getLogger(__name__)

LARGEST_ARCHIVE: Final = 128 << 20
"""Bytes: a larger file is not read."""
_STEP: Final = 100
"""So many archives are read before those that are there already are shown."""


@dataclass(frozen=True, slots=True)
class _Version:
    """Tells whether a file has changed."""

    modified_ms: int
    size: int


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A job that is shown."""

    directory: str
    version: _Version
    overview: JobOverview


class ArchiveFetcher:
    """Reads new archives, and forgets those that are to be forgotten.

    :param directories: local paths or URIs; a job that is in several is taken from the first.
    :param configuration: of the file systems.
    :param store: is given the bodies; not owned.
    :param clean_expired: a job is forgotten when its archive is gone.
    :param retained: so many archives are kept in each directory, older ones are deleted; ``None``: all.
    :param largest: bytes; a larger file is passed over.
    """

    def __init__(
        self,
        directories: Sequence[str],
        configuration: Configuration,
        store: AnswerStore,
        *,
        clean_expired: bool = False,
        retained: int | None = None,
        largest: int = LARGEST_ARCHIVE,
    ) -> None:
        self._directories = [qualified(directory, configuration) for directory in directories]
        self._configuration = configuration
        self._store = store
        self._clean_expired = clean_expired
        self._retained = retained
        self._largest = largest
        self._fetched: dict[JobID, _Fetched] = {}
        self._troubles: dict[str, _Version | None] = {}  # by path; what has been said of it already
        self._broken: dict[str, _Version] = {}
        self._stopped = threading.Event()
        self._catalogue = Catalogue.of([])

    @property
    def catalogue(self) -> Catalogue:
        """The jobs that are there now. May be read from any thread."""
        return self._catalogue

    def stop(self) -> None:
        """Let a :meth:`refresh` that goes on end soon, and those to come at once. May be called from any thread."""
        self._stopped.set()

    def refresh(self) -> None:
        """Look into all directories. Blocks; one call at a time. What is wrong with a file or a directory is logged
        once.
        """
        changed = False
        for directory in self._directories:
            changed |= self._refresh(directory)
        if changed:
            self._publish()

    def _refresh(self, directory: str) -> bool:
        try:
            files = file_system_of(directory, self._configuration).list(directory)
        except (MillstreamError, OSError) as error:
            self._say_once(directory, None, f"The archives in {directory} cannot be listed; that is tried on: {error}")
            return False
        self._troubles.pop(directory, None)
        archives = {
            job_id: file
            for file in sorted(files, key=lambda file: (-file.modified_ms, file.name))
            if not file.is_directory and (job_id := job_of_file(file.name)) is not None
        }
        paths = {file.path for file in archives.values()}
        self._broken = {
            path: version for path, version in self._broken.items() if path in paths or not path.startswith(directory)
        }
        changed = self._forget_expired(directory, archives) if self._clean_expired else False
        changed |= self._delete_surplus(directory, archives)
        return self._fetch_all(directory, archives) or changed

    def _fetch_all(self, directory: str, archives: dict[JobID, FileStatus]) -> bool:
        number = 0
        for job_id, file in archives.items():
            if self._stopped.is_set():
                break
            if self._fetch(directory, job_id, file):
                number += 1
                if number % _STEP == 0:
                    self._publish()
        if number:
            logger.info("Read %d archives of jobs in %s", number, directory)
        return number > 0

    def _fetch(self, directory: str, job_id: JobID, file: FileStatus) -> bool:
        version = _Version(file.modified_ms, file.size)
        known = self._fetched.get(job_id)
        if known is not None and (known.directory != directory or known.version == version):
            return False
        if self._broken.get(file.path) == version:
            return False
        try:
            job = decode(self._read(file), job_id)
            self._store.put(job_id, job.bodies)
        except BrokenArchiveError as error:
            self._broken[file.path] = version
            logger.warning("The archive %s is passed over: %s", file.path, error)
            return False
        except FileNotFoundError:
            return False  # deleted meanwhile
        except (MillstreamError, OSError) as error:
            self._say_once(file.path, version, f"The archive {file.path} cannot be read; that is tried on: {error}")
            return False
        self._troubles.pop(file.path, None)
        self._fetched[job_id] = _Fetched(directory, version, job.overview)
        return True

    def _read(self, file: FileStatus) -> bytes:
        data = b""
        if file.size <= self._largest:
            with file_system_of(file.path, self._configuration).open(file.path) as source:
                data = source.read(self._largest + 1)
        if max(file.size, len(data)) > self._largest:
            raise BrokenArchiveError(f"it has more than {self._largest:,} bytes")
        return data

    def _forget_expired(self, directory: str, archives: dict[JobID, FileStatus]) -> bool:
        expired = [
            job_id
            for job_id, fetched in self._fetched.items()
            if fetched.directory == directory and job_id not in archives
        ]
        for job_id in expired:
            self._forget(job_id)
        return bool(expired)

    def _delete_surplus(self, directory: str, archives: dict[JobID, FileStatus]) -> bool:
        """Delete the oldest archives, and take them out of ``archives``."""
        if self._retained is None:
            return False
        surplus = list(archives.items())[self._retained :]
        for job_id, file in surplus:
            del archives[job_id]
            try:
                file_system_of(file.path, self._configuration).delete(file.path)
            except (MillstreamError, OSError) as error:
                self._say_once(file.path, None, f"The archive {file.path}, one too many, cannot be deleted: {error}")
            if job_id in self._fetched and self._fetched[job_id].directory == directory:
                self._forget(job_id)
        return bool(surplus)

    def _forget(self, job_id: JobID) -> None:
        del self._fetched[job_id]
        self._store.remove(job_id)

    def _publish(self) -> None:
        self._catalogue = Catalogue.of([fetched.overview for fetched in self._fetched.values()])

    def _say_once(self, path: str, version: _Version | None, message: str) -> None:
        if path not in self._troubles or self._troubles[path] != version:
            self._troubles[path] = version
            logger.warning("%s", message)
