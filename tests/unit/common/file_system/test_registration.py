"""File systems of users' own, by scheme."""

from __future__ import annotations

import pytest

from millstream.common.config import Configuration
from millstream.common.file_system import FileSystem, file_system_of, register_file_system
from millstream.common.file_system.local_file_system import LocalFileSystem


def test_a_registered_file_system_serves_its_scheme_until_the_end() -> None:
    made: list[str] = []

    def factory(base: str, _: Configuration) -> FileSystem:
        made.append(base)
        return LocalFileSystem()

    end = register_file_system("own", factory)
    first = file_system_of("own://store/a")
    assert first is file_system_of("own://store/b")
    assert first is not file_system_of("own://other/b")
    assert made == ["own://store/", "own://other/"]
    with pytest.raises(ValueError, match="already"):
        register_file_system("own", factory)
    end()
    end()
    with pytest.raises(Exception, match="no file system with the scheme 'own'"):
        file_system_of("own://store/a")


def test_plain_paths_are_those_of_file() -> None:
    before = file_system_of("/tmp/x")
    own = LocalFileSystem()
    end = register_file_system("file", lambda *_: own)
    assert file_system_of("/tmp/x") is own
    assert file_system_of("file:///tmp/x") is own
    end()
    assert file_system_of("/tmp/x") is not own
    assert type(file_system_of("/tmp/x")) is type(before)


@pytest.mark.parametrize("scheme", ["", "UPPER", "1st", "a b"])
def test_what_is_no_scheme_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        register_file_system(scheme, lambda *_: LocalFileSystem())
