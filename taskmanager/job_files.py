"""A job's files in a worker: checked, written to a private directory, put on the import path."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from millstream.common.errors import MillstreamError
from millstream.common.wire.graph_pb2 import Artifact
from millstream.taskmanager.import_path import add_to_import_path, remove_from_import_path

__all__ = ["ArtifactError", "JobFiles"]

_log = logging.getLogger(__name__)

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]")


class ArtifactError(MillstreamError):
    """A file of the job did not arrive as it was sent."""


class JobFiles:
    """Owns the files and the entries of ``sys.path`` from :meth:`install` to :meth:`remove`."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._entries: list[str] = []

    def install(self, artifacts: Sequence[Artifact], python_path: Sequence[str], temporary_dirs: Sequence[str]) -> None:
        """Make the job's modules importable, before those of the worker's own environment.

        :param temporary_dirs: where to keep the files; the first one counts, the system's if there is none.
        :raises ArtifactError: a file's checksum is wrong, or its kind is not known.
        :raises OSError: the files cannot be written.
        """
        entries: list[str] = []
        if artifacts:
            parent = temporary_dirs[0] if temporary_dirs else None
            if parent is not None:
                os.makedirs(parent, exist_ok=True)
            self._directory = Path(tempfile.mkdtemp(prefix="millstream-job-", dir=parent))
        for index, artifact in enumerate(artifacts):
            entry = str(self._write(index, artifact))
            if entry not in entries:
                entries.append(entry)
        entries.extend(python_path)
        self._entries = add_to_import_path(entries)

    def _write(self, index: int, artifact: Artifact) -> Path:
        digest = hashlib.sha256(artifact.content).hexdigest()
        if digest != artifact.sha256.lower():
            raise ArtifactError(
                f"the job's file {artifact.name!r} is damaged: its SHA-256 is {digest}, "
                f"the client had {artifact.sha256 or 'none'}. Submit the job again"
            )
        if self._directory is None:
            raise ArtifactError("there is no directory for the job's files")
        # The client's name is used as far as an import needs it, and never as a path.
        name = _UNSAFE.sub("_", os.path.basename(artifact.name.replace("\\", "/"))).lstrip(".") or "file"
        directory = self._directory / str(index)
        directory.mkdir()
        path = directory / name
        path.write_bytes(artifact.content)
        if artifact.kind == "py":
            return directory
        if artifact.kind == "zip":
            return path
        raise ArtifactError(f"the job's file {artifact.name!r} is of a kind that is not known: {artifact.kind!r}")

    def remove(self) -> None:
        """Take the entries off the path and delete the files."""
        entries, self._entries = self._entries, []
        remove_from_import_path(entries)
        if self._directory is not None:
            directory, self._directory = self._directory, None
            shutil.rmtree(directory, onerror=_report_leftover)


def _report_leftover(_function: object, path: str, _error: object) -> None:
    _log.warning("the job's temporary file %s could not be deleted", path)
