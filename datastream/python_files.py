"""What travels with a job: Python files and archives added to the environment, and the import path of local runs."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from pathlib import Path

from millstream.common.archive import is_archive
from millstream.common.config import RpcOptions
from millstream.common.errors import InvalidProgramError
from millstream.common.wire.graph_pb2 import Artifact

__all__ = ["archive_of", "artifact_of", "check_sizes", "local_python_path", "make_artifact", "zip_of"]

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
"""Of all entries of a zip that is made here: equal content gives equal bytes."""


def artifact_of(path: Path) -> Artifact:
    """The artifact of a ``.py`` file, a ``.zip`` (``.whl``, ``.egg``) or a directory.

    A directory that is a package goes under its own name; any other directory goes onto the import path itself.

    :raises InvalidProgramError: it is none of these or cannot be read.
    """
    try:
        if path.is_dir():
            return make_artifact(f"{path.name or 'files'}.zip", "zip", _zipped(path))
        if path.suffix == ".py":
            return make_artifact(path.name, "py", path.read_bytes())
        if path.suffix in (".zip", ".whl", ".egg"):
            return make_artifact(path.name, "zip", path.read_bytes())
    except OSError as error:
        raise InvalidProgramError(f"Python file {str(path)!r} cannot be read: {error.strerror or error}") from error
    problem = "is no .py file, .zip archive or directory" if path.exists() else "does not exist"
    raise InvalidProgramError(f"Python file {str(path)!r} {problem}")


def archive_of(path: Path, target_dir: str) -> Artifact:
    """The artifact of a zip or tar that the workers unpack.

    :raises InvalidProgramError: it is neither or cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidProgramError(f"archive {str(path)!r} cannot be read: {error.strerror or error}") from error
    if not is_archive(content):
        raise InvalidProgramError(
            f"archive {str(path)!r} is neither a zip nor a tar (.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz)"
        )
    artifact = make_artifact(path.name, "archive", content)
    artifact.target_dir = target_dir
    return artifact


def check_sizes(artifacts: Iterable[Artifact], limit: int) -> None:
    """Refuse files that are too large to go with a job: all travel in the one message that submits it.

    :param limit: ``pekko.framesize``, in bytes.
    :raises InvalidProgramError: together they are larger.
    """
    sizes = [(len(artifact.content), artifact.name) for artifact in artifacts]
    total = sum(size for size, _ in sizes)
    if total > limit:
        size, name = max(sizes)
        raise InvalidProgramError(
            f"the files that go with the job are {total:,} bytes long, more than {RpcOptions.FRAMESIZE.key} allows "
            f"({limit:,}); the largest is {name!r} with {size:,}. Raise it here and on the cluster, or put "
            "large files to a place that all TaskManagers can read"
        )


def make_artifact(name: str, kind: str, content: bytes) -> Artifact:
    """The artifact of these bytes.

    :param kind: ``py``, ``zip`` or ``archive``.
    """
    return Artifact(name=name, kind=kind, sha256=hashlib.sha256(content).hexdigest(), content=content)


def zip_of(files: Iterable[Path], root: Path) -> bytes:
    """A zip of ``files`` by their paths below ``root``; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _FIXED_DATE)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def local_python_path() -> list[str]:
    """The client's import path without the interpreter's own entries, the script's directory first.

    Workers on the same machine get it, so that what the program imports they can import.
    """
    own = {os.path.realpath(path) for name, path in sysconfig.get_paths().items() if name not in ("scripts", "data")}
    own |= {os.path.join(path, "lib-dynload") for path in own}
    candidates = [*_script_directory(), *sys.path]
    found: dict[str, None] = {}
    for entry in candidates:
        path = os.path.abspath(entry or os.curdir)
        real = os.path.realpath(path)
        inside = any(real == each or os.path.dirname(real) == each for each in own)
        if not inside and not _is_zipped_library(real) and os.path.exists(real):
            found[path] = None
    return list(found)


def _script_directory() -> list[str]:
    """Where the program's script lies; nothing where it is a tool of the interpreter's (pytest, IPython)."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        return []
    directory = os.path.dirname(os.path.abspath(file))
    tools = {os.path.realpath(sysconfig.get_path("scripts")), os.path.realpath(sys.prefix)}
    real = os.path.realpath(directory)
    inside = real in tools or any(part in ("site-packages", "dist-packages") for part in Path(real).parts)
    return [] if inside else [directory]


def _is_zipped_library(path: str) -> bool:
    return os.path.basename(path) == f"python{sys.version_info.major}{sys.version_info.minor}.zip"


def _zipped(directory: Path) -> bytes:
    is_package = (directory / "__init__.py").is_file()
    root = directory.parent if is_package else directory
    files = (
        path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not any(_left_out(part) for part in path.relative_to(directory).parts)
    )
    return zip_of(files, root)


def _left_out(part: str) -> bool:
    return part == "__pycache__" or part.startswith(".") or part.endswith(".pyc")
