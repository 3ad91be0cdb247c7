"""The import path that slots of one process share."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from millstream.taskmanager.import_path import add_to_import_path, remove_from_import_path


def test_an_entry_stays_until_its_last_user_has_gone(tmp_path: Path) -> None:
    entry = str(tmp_path)
    first, second = add_to_import_path([entry, entry]), add_to_import_path([entry])
    assert first == second == [entry]
    assert sys.path.count(entry) == 1
    assert sys.path[0] == entry
    remove_from_import_path(first)
    assert entry in sys.path
    remove_from_import_path(second)
    assert entry not in sys.path


def test_entries_of_the_process_itself_stay() -> None:
    before = list(sys.path)
    added = add_to_import_path(before[-1:])
    assert added == []
    remove_from_import_path(added)
    assert sys.path == before


def test_many_threads_change_the_path_at_once(tmp_path: Path) -> None:
    before = list(sys.path)
    errors: list[BaseException] = []
    begin = threading.Barrier(8)

    def change(number: int) -> None:
        try:
            begin.wait(10)
            for turn in range(200):
                # What the interpreter remembers of a place without modules is what clearing trips over.
                sys.path_importer_cache[f"/nowhere/{number}/{turn}"] = None
                remove_from_import_path(add_to_import_path([str(tmp_path), str(tmp_path / str(number))]))
        except BaseException as error:  # noqa: BLE001  # told to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert sys.path == before
