"""Names the path, and what was to be done with it, in whatever a file system raises."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from millstream.common.file_system.file_system import FileSystemError

__all__ = ["is_transient", "missing", "named_failure"]

_MENDS = {
    errno.ENOSPC: "free space there, or name another directory",
    errno.EDQUOT: "the quota is used up: free space there, or name another directory",
    errno.EROFS: "it can only be read: name another directory",
    errno.EACCES: "let the user that Millstream runs as do that",
    errno.EPERM: "let the user that Millstream runs as do that",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}

_FINAL = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


def missing(path: str) -> FileNotFoundError:
    """The error of a file that is not there."""
    return FileNotFoundError(errno.ENOENT, "there is no such file or directory", path)


def is_transient(error: OSError) -> bool:
    """Whether a store that is reached by a network may do at the next try what it did not do now."""
    return not isinstance(error, _FINAL) and error.errno not in _MENDS


@contextmanager
def named_failure(action: str, path: str) -> Iterator[None]:
    """Raise what the operating system or a driver raises as a :class:`FileSystemError`.

    :param action: what was to be done, as in ``cannot <action> <path>``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise missing(path) from error
    except (OSError, EOFError) as error:
        # Drivers that are not the operating system's put all they have to say into the text.
        code = error.errno if isinstance(error, OSError) else None
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        mend = "" if code is None or code not in _MENDS else f"; {_MENDS[code]}"
        raise FileSystemError(f"cannot {action} {path}: {reason}{mend}") from error
