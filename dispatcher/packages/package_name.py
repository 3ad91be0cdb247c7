"""What a client may call a package: a label, from which an id is made that is safe as a file's name."""

from __future__ import annotations

import re
import uuid
from typing import Final

from millstream.common.errors import MillstreamError

__all__ = ["PACKAGE_KINDS", "InvalidPackageError", "check_name", "is_package_id", "label_of", "new_package_id"]

PACKAGE_KINDS: Final = (".py", ".zip", ".pyz", ".whl")

_ACCEPTED: Final = "a Python script (.py), a zip of modules (.zip, .pyz) or a wheel (.whl)"
_MOST_BYTES: Final = 150
"""With the id in front a file's name still fits into the 255 bytes of most file systems."""
_NAME: Final = re.compile(r"[\w][\w.+\-() ]*")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_(.+)", re.DOTALL)


class InvalidPackageError(MillstreamError):
    """What was uploaded is no package; the message says why, and what is one."""


def check_name(name: str) -> str:
    """Return the name that a client gives its package, if it can be one.

    :raises InvalidPackageError: it cannot.
    """
    shown = repr(name if len(name) <= _MOST_BYTES else f"{name[:_MOST_BYTES]}...")
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if suffix == ".jar":
        raise InvalidPackageError(f"{shown} is a Java archive, and there is no JVM here. A package is {_ACCEPTED}.")
    if suffix not in PACKAGE_KINDS:
        raise InvalidPackageError(f"{shown} is not a package: that is {_ACCEPTED}.")
    if _NAME.fullmatch(name) is None or not name.isprintable() or len(name) == len(suffix):
        raise InvalidPackageError(
            f"{shown} cannot be the name of a package: it is a file's name without a directory, of letters, digits, "
            "spaces and the signs . _ - + ( ), and begins with a letter or digit."
        )
    if len(name.encode()) > _MOST_BYTES:
        raise InvalidPackageError(f"The package's name {shown} is longer than {_MOST_BYTES} bytes.")
    return name


def new_package_id(name: str, unique: uuid.UUID) -> str:
    """Return the id of a new package, ``<uuid>_<name>``.

    :param name: checked.
    """
    return f"{unique}_{name}"


def is_package_id(text: str) -> bool:
    """Whether this is an id that :func:`new_package_id` may have made."""
    found = _ID.fullmatch(text)
    if found is None:
        return False
    try:
        check_name(found[1])
    except InvalidPackageError:
        return False
    return True


def label_of(package_id: str) -> str:
    """Return the client's name of a package."""
    return package_id.partition("_")[2]
