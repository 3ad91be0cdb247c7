"""Paths as programs write them."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["is_remote", "local_path"]


def local_path(path: Any) -> str:
    """The absolute path on this machine that a text, a ``Path`` or a ``file:`` URI means.

    A relative one starts where the program runs, so this is called in the program, not on the workers.

    :raises ValueError: it is the URI of another file system.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path is a text, not {path!r}")
    scheme = urlsplit(text).scheme if "://" in text or text.startswith("file:") else ""
    if scheme == "file":
        text = unquote(urlsplit(text).path)
    elif scheme:
        raise ValueError(f"path {text!r}: there is no file system {scheme!r} yet; use a local path or file:///...")
    return os.path.abspath(text)


def is_remote(path: Any) -> bool:
    """Whether it is the URI of another file system."""
    return isinstance(path, str) and "://" in path and urlsplit(path).scheme not in ("", "file")
