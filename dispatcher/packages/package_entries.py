"""What can be started in a package, found without running anything of it.

- A script has one entry: itself.
- An archive may have a ``__main__.py``, packages with one, and modules that are scripts as well (they ask whether
  ``__name__`` is ``"__main__"``).
- A wheel names its entries: those of the groups ``millstream.jobs`` and ``console_scripts``.

The archive is not unpacked, neither here nor later: Python imports from it as it is. All the same what would do harm
when somebody does unpack it is refused.
"""

from __future__ import annotations

import ast
import configparser
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from millstream.dispatcher.packages.package_name import InvalidPackageError

__all__ = ["PackageEntry", "find_entries"]

_GROUPS: Final = ("millstream.jobs", "console_scripts")
_MAIN: Final = "__main__"
_MOST_MEMBERS: Final = 20_000
_LARGEST_TEXT: Final = 256 << 10
"""Bytes of a module that is looked into; parsing holds up the whole process."""
_MOST_SCANNED: Final = 50
"""Modules of an archive that are looked into."""
_LARGE: Final = 64 << 20
_MOST_RATIO: Final = 100
"""An archive whose content is large, and this many times as large as itself, is a bomb."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_REFERENCE: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """Something that can be started.

    :ivar name: what a client calls it.
    :ivar reference: ``module`` or ``module:function``; empty: the script itself.
    :ivar description: the first paragraph of the module's docstring.
    """

    name: str
    reference: str
    description: str | None


def find_entries(path: Path, name: str) -> tuple[PackageEntry, ...]:
    """Return the entries, the one first that is started if nobody chooses.

    :param name: of the package, as its client calls it.
    :raises InvalidPackageError: it is damaged, or not what its name says, or would do harm.
    """
    if name.lower().endswith(".py"):
        return (_script(path, name),)
    try:
        with zipfile.ZipFile(path) as archive:
            return _archive_entries(archive, path.stat().st_size, name)
    except InvalidPackageError:
        raise
    except _UNREADABLE as error:
        raise InvalidPackageError(f"{name!r} is not a zip archive that can be read: {error}") from error


def _script(path: Path, name: str) -> PackageEntry:
    description = None
    if path.stat().st_size <= _LARGEST_TEXT:
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError as error:
            raise InvalidPackageError(f"{name!r} is not a Python script: {error.msg} (line {error.lineno})") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise InvalidPackageError(f"{name!r} is not a Python script: {error}") from error
        description = _description(tree)
    return PackageEntry(name[: -len(".py")], "", description)


def _archive_entries(archive: zipfile.ZipFile, size: int, name: str) -> tuple[PackageEntry, ...]:
    members = archive.infolist()
    _check(members, size, name)
    names = {member.filename for member in members}
    found: dict[str, PackageEntry] = {}
    if "__main__.py" in names:
        found[_MAIN] = PackageEntry(_MAIN, _MAIN, _described(archive, "__main__.py"))
    if name.lower().endswith(".whl"):
        for entry, reference in _entry_points(archive, names):
            module = reference.partition(":")[0].replace(".", "/")
            file = next((each for each in (f"{module}.py", f"{module}/__init__.py") if each in names), None)
            description = _described(archive, file) if file is not None else None
            found.setdefault(entry, PackageEntry(entry, reference, description))
    else:
        for script in _scripts_of(archive, names):
            found.setdefault(script.name, script)
    return tuple(found.values())


def _check(members: list[zipfile.ZipInfo], size: int, name: str) -> None:
    if len(members) > _MOST_MEMBERS:
        raise InvalidPackageError(f"{name!r} has {len(members):,} files, more than the {_MOST_MEMBERS:,} of a package.")
    total = sum(member.file_size for member in members)
    if total > _LARGE and total > _MOST_RATIO * size:
        raise InvalidPackageError(
            f"{name!r} would be {total:,} bytes long unpacked, more than {_MOST_RATIO} times its own size: that is no "
            "package of modules."
        )
    for member in members:
        parts = re.split(r"[/\\]", member.orig_filename)
        if not parts[0] or ".." in parts or _DRIVE.match(parts[0]) or "\0" in member.orig_filename:
            raise InvalidPackageError(f"{name!r} has a file that lies outside of it: {member.orig_filename!r}.")
        if member.flag_bits & 1:
            raise InvalidPackageError(f"{name!r} is encrypted ({member.filename!r}): Python cannot import from it.")


def _entry_points(archive: zipfile.ZipFile, names: set[str]) -> Iterator[tuple[str, str]]:
    for file in sorted(names):
        directory, _, base = file.partition("/")
        if base != "entry_points.txt" or not directory.endswith(".dist-info"):
            continue
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case, as documented
        try:
            parser.read_string(_text(archive, file).decode())
        except (configparser.Error, UnicodeDecodeError) as error:
            raise InvalidPackageError(f"{file} in the wheel cannot be read: {error}") from error
        for group in _GROUPS:
            if parser.has_section(group):
                for entry, value in parser.items(group):
                    reference = value.partition("[")[0].replace(" ", "")
                    if _REFERENCE.fullmatch(reference):
                        yield entry, reference


def _scripts_of(archive: zipfile.ZipFile, names: set[str]) -> Iterator[PackageEntry]:
    """Modules at the top that are scripts as well, and packages that can be run."""
    scanned = 0
    for file in sorted(names):
        package, slash, base = file.partition("/")
        if slash and base == "__main__.py" and package.isidentifier():
            yield PackageEntry(package, package, _described(archive, file))
        elif not slash and file.endswith(".py") and file[: -len(".py")].isidentifier() and file != "__main__.py":
            scanned += 1
            tree = _parsed(archive, file) if scanned <= _MOST_SCANNED else None
            if tree is not None and any(_asks_for_main(node) for node in tree.body):
                yield PackageEntry(file[: -len(".py")], file[: -len(".py")], _description(tree))


def _asks_for_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "__name__ == '__main__'",
        "'__main__' == __name__",
    )


def _described(archive: zipfile.ZipFile, file: str) -> str | None:
    tree = _parsed(archive, file)
    return _description(tree) if tree is not None else None


def _parsed(archive: zipfile.ZipFile, file: str) -> ast.Module | None:
    """The module, if it can be parsed: one that cannot may never be imported."""
    try:
        return ast.parse(_text(archive, file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _description(tree: ast.Module) -> str | None:
    text = ast.get_docstring(tree)
    return " ".join(text.partition("\n\n")[0].split()) or None if text else None


def _text(archive: zipfile.ZipFile, file: str) -> bytes:
    """A member's content; nothing of one that is too large."""
    with archive.open(file) as source:
        text = source.read(_LARGEST_TEXT + 1)
    return text if len(text) <= _LARGEST_TEXT else b""
