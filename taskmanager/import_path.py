"""What jobs add to the import path of this process.

Slots that are threads share one ``sys.path``, and two may be prepared at once. An entry stays until the last slot that
wanted it has gone, and all changes are made under one lock: the interpreter does not guard its cache of importers
against two threads that clear it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections import Counter
from collections.abc import Iterable

__all__ = ["add_to_import_path", "remove_from_import_path"]

_lock = threading.Lock()
_users: Counter[str] = Counter()  # of the entries that were not there before


def add_to_import_path(entries: Iterable[str]) -> list[str]:
    """Put entries before all others, in their order.

    :returns: what is to be given to :func:`remove_from_import_path`, once; entries that are the process's own, and
        therefore stay, are not among it.
    """
    with _lock:
        mine = [entry for entry in dict.fromkeys(entries) if _users[entry] or entry not in sys.path]
        sys.path[:0] = [entry for entry in mine if not _users[entry]]
        _users.update(mine)
        importlib.invalidate_caches()
        return mine


def remove_from_import_path(entries: Iterable[str]) -> None:
    """Take back what :func:`add_to_import_path` returned."""
    with _lock:
        for entry in entries:
            _users[entry] -= 1
            if _users[entry] == 0:
                del _users[entry]
                if entry in sys.path:
                    sys.path.remove(entry)
                sys.path_importer_cache.pop(entry, None)
