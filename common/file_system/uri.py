"""Paths as text: what is joined, cut and compared without asking a file system.

A path is a plain local path or a URI ``scheme://authority/path``. But for ``file:`` URIs, whose escapes are decoded,
the path of a URI is taken as it is written. Names that are joined to a path are checked: none of them can lead to
another place than below it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from millstream.common.file_system.file_system import FileSystemError

__all__ = [
    "Location",
    "absolute",
    "checked_name",
    "join",
    "local_path",
    "location",
    "name_of",
    "parent",
    "relative_to",
    "scheme_of",
]

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?", re.DOTALL)
_SHORT_FILE_URI = re.compile(r"file:(/[^/].*|/)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """A path in its parts.

    :ivar scheme: in lower case; empty for a plain path.
    :ivar authority: a host, a bucket or nothing.
    :ivar path: with a leading slash for a URI; as it is written for a plain path.
    """

    scheme: str
    authority: str
    path: str


def location(path: str) -> Location:
    """Take a path apart.

    :raises FileSystemError: it is empty.
    """
    if not path:
        raise FileSystemError("a path is empty; give a local path or a URI such as s3://bucket/directory")
    short = _SHORT_FILE_URI.fullmatch(path)
    if short is not None:
        return Location("file", "", short[1])
    found = _URI.fullmatch(path)
    if found is None:
        return Location("", "", path)
    return Location(found[1].lower(), found[2], found[3] or "/")


def scheme_of(path: str) -> str:
    """The scheme of a URI, in lower case; empty for a plain path."""
    return location(path).scheme


def local_path(path: str) -> str:
    """The path for the operating system.

    :raises FileSystemError: it lies in another file system, or on another host.
    """
    where = location(path)
    if where.scheme == "":
        return where.path
    if where.scheme != "file":
        raise FileSystemError(f"{path} is no local path, but one of {where.scheme}:")
    if where.authority not in ("", "localhost"):
        raise FileSystemError(f"{path} names the host {where.authority!r}; a local path has three slashes: file:///...")
    return _unescaped(where.path)


def checked_name(name: str) -> str:
    """Return a name if it can be that of one entry of a directory.

    :raises FileSystemError: it would lead to another place, or cannot be a name.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise FileSystemError(f"{name!r} cannot be the name of a file or directory")
    return name


def join(directory: str, *names: str) -> str:
    """The path of what has these names below a directory, one name for each step.

    :raises FileSystemError: a name is not just a name: ``..``, or with a slash in it.
    """
    escaped = scheme_of(directory) == "file"
    steps = [quote(os.fsencode(checked_name(name))) if escaped else checked_name(name) for name in names]
    return "/".join([_stripped(directory), *steps]) or "/"


def parent(path: str) -> str:
    """The directory in which a path lies.

    :raises FileSystemError: the path is a root.
    """
    name_of(path)
    text = _stripped(path)
    head, slash, _ = text.rpartition("/")
    if not slash:
        return "."
    if not head:
        return "/"
    where = location(path)
    return head + "/" if where.scheme and head.endswith("://" + where.authority) else head


def name_of(path: str) -> str:
    """The last name of a path.

    :raises FileSystemError: the path is a root, or ends in ``..``.
    """
    where = location(path)
    name = where.path.rstrip("/").rpartition("/")[2]
    try:
        return checked_name(_unescaped(name) if where.scheme == "file" else name)
    except FileSystemError:
        raise FileSystemError(f"{path!r} does not end in the name of a file or directory") from None


def relative_to(path: str, directory: str) -> str | None:
    """The way from a directory to a path that is below it, with slashes; ``None``: it is not below it."""
    base = _stripped(directory) + "/"
    if not path.startswith(base):
        return None
    steps = path[len(base) :].rstrip("/").split("/")
    return None if any(step in ("", ".", "..") for step in steps) else "/".join(steps)


def absolute(path: str) -> str:
    """A path that means the same in every process of this host: a relative one starts where this one runs.

    :raises FileSystemError: a URI with steps upwards.
    """
    where = location(path)
    if where.scheme == "":
        return os.path.abspath(where.path)
    if ".." in where.path.split("/"):
        raise FileSystemError(f"{path}: a URI cannot have steps upwards (..)")
    return path if path.endswith("://" + where.authority + "/") else _stripped(path)


def _unescaped(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _stripped(path: str) -> str:
    """Without slashes at the end, but for those that belong to the scheme."""
    where = location(path)
    if where.scheme and where.path == "/":
        return f"{where.scheme}://{where.authority}"
    return path.rstrip("/")
