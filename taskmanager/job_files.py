"""A job's files in a worker: checked, written to a private directory, code put on the import path, archives unpacked.

Functions open what archives hold by paths relative to the working directory, as in PyFlink. So a worker whose job has
archives works in the directory that they are unpacked into; all others stay where they were started, which for local
programs is where the program runs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from millstream.common.archive import ArchiveError, is_plain_name, unpack_archive
from millstream.common.config import LocalOptions, TaskManagerOptions
from millstream.common.errors import MillstreamError
from millstream.common.wire.graph_pb2 import Artifact
from millstream.taskmanager.import_path import add_to_import_path, remove_from_import_path
from millstream.taskmanager.owned_directory import OwnedDirectory

__all__ = ["ArtifactError", "JobFiles"]

_log = logging.getLogger(__name__)

_PREFIX = "millstream-job-"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]")


class ArtifactError(MillstreamError):
    """A file of the job did not arrive as it was sent, or cannot be used here."""


class JobFiles:
    """Owns the files, the entries of ``sys.path`` and the working directory from :meth:`install` to :meth:`remove`.

    :param own_process: whether the process is this job's alone: only then the working directory may be another one.
    """

    def __init__(self, own_process: bool = False) -> None:
        self._own_process = own_process
        self._directory: OwnedDirectory | None = None
        self._entries: list[str] = []
        self._former_working_directory: str | None = None

    def install(self, artifacts: Sequence[Artifact], python_path: Sequence[str], temporary_dirs: Sequence[str]) -> None:
        """Make the job's modules importable, before those of the worker's own environment, and unpack its archives.

        If there are archives, the working directory is the one with their directories from then on.

        :param temporary_dirs: where to keep the files; the first one counts, the system's if there is none.
        :raises ArtifactError: a file's checksum is wrong, its kind is not known; an archive is damaged, reaches out of
            its directory, or this process serves other jobs too.
        :raises OSError: the files cannot be written.
        """
        entries: list[str] = []
        if artifacts:
            parent = os.path.abspath(temporary_dirs[0]) if temporary_dirs else tempfile.gettempdir()
            self._directory = OwnedDirectory(Path(parent), _PREFIX)
        for index, artifact in enumerate(artifacts):
            _check_sum(artifact)
            if artifact.kind == "archive":
                self._unpack(artifact)
                continue
            entry = str(self._write(index, artifact))
            if entry not in entries:
                entries.append(entry)
        if any(artifact.kind == "archive" for artifact in artifacts):
            self._former_working_directory = os.getcwd()
            os.chdir(self._archives())
        entries.extend(python_path)
        self._entries = add_to_import_path(entries)

    def _write(self, index: int, artifact: Artifact) -> Path:
        # The client's name is used as far as an import needs it, and never as a path.
        name = _UNSAFE.sub("_", os.path.basename(artifact.name.replace("\\", "/"))).lstrip(".") or "file"
        directory = self._job_directory() / str(index)
        directory.mkdir()
        path = directory / name
        path.write_bytes(artifact.content)
        if artifact.kind == "py":
            return directory
        if artifact.kind == "zip":
            return path
        raise ArtifactError(f"the job's file {artifact.name!r} is of a kind that is not known: {artifact.kind!r}")

    def _unpack(self, artifact: Artifact) -> None:
        if not self._own_process:
            raise ArtifactError(
                f"the job's archive {artifact.name!r} cannot be used where slots are threads, which share one working "
                f"directory: let slots be processes ({TaskManagerOptions.SLOT_ISOLATION.key}: process; in a local run "
                f"{LocalOptions.EXECUTION.key}: process)"
            )
        if not is_plain_name(artifact.target_dir):
            raise ArtifactError(
                f"the job's archive {artifact.name!r} cannot be unpacked into {artifact.target_dir!r}: not a plain name"
            )
        try:
            unpack_archive(artifact.content, self._archives() / artifact.target_dir)
        except ArchiveError as error:
            raise ArtifactError(f"the job's archive {artifact.name!r} is refused: {error}") from error

    def _archives(self) -> Path:
        return self._job_directory() / "archives"

    def _job_directory(self) -> Path:
        if self._directory is None:
            raise ArtifactError("there is no directory for the job's files")
        return self._directory.path

    def remove(self) -> None:
        """Go back to the former working directory, take the entries off the path, and delete the files."""
        former, self._former_working_directory = self._former_working_directory, None
        if former is not None:
            try:
                os.chdir(former)
            except OSError as error:
                _log.warning("the worker cannot go back to its directory %s: %s", former, error)
        entries, self._entries = self._entries, []
        remove_from_import_path(entries)
        if self._directory is not None:
            directory, self._directory = self._directory, None
            try:
                directory.remove()
            except OSError as error:
                _log.warning("the job's temporary files in %s could not all be deleted: %s", directory.path, error)


def _check_sum(artifact: Artifact) -> None:
    digest = hashlib.sha256(artifact.content).hexdigest()
    if digest != artifact.sha256.lower():
        raise ArtifactError(
            f"the job's file {artifact.name!r} is damaged: its SHA-256 is {digest}, "
            f"the client had {artifact.sha256 or 'none'}. Submit the job again"
        )
