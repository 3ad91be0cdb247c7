"""Programs for PyFlink find every name here under the same path, with parameters that they can call it with."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_TABLE = Path(__file__).with_name("pyflink_names.txt")
_ITEM = re.compile(r"(\w+)(\((.*)\))?$")

# Where a parameter has another name on purpose.
OTHER_PARAMETERS: dict[str, str] = {
    "datastream.data_stream.CloseableIterator.__init__": "programs get it from execute_and_collect()",
    "datastream.slot_sharing_group.MemorySize.__init__": "without a size PyFlink's fails too",
    "common.restart_strategy.RestartStrategies.FailureRateRestartStrategyConfiguration.__init__": "made by methods",
    "common.restart_strategy.RestartStrategies.FixedDelayRestartStrategyConfiguration.__init__": "made by methods",
}


class _Member(NamedTuple):
    path: str
    bases: str
    parameters: tuple[str, ...] | None


def _members() -> Iterator[_Member]:
    """All names of the table: modules' exports, classes and their members."""
    module = ""
    text = _TABLE.read_text(encoding="utf-8").replace("\n    ", " ")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            module = line.strip("[]")
            continue
        head, _, members = line.partition(":")
        owner, _, base = head.rstrip(")").partition("(")
        path = module if owner == "exports" else f"{module}.{owner}"
        if owner != "exports":
            yield _Member(path, base, None)
        for item in members.split():
            match = _ITEM.match(item)
            assert match, item
            parameters = None if match[2] is None else tuple(filter(None, match[3].split(",")))
            yield _Member(f"{path}.{match[1]}", "", parameters)


ALL = list(_members())


def _find(path: str) -> Any:
    """Import what stands at ``path`` below ``millstream``.

    :raises LookupError: it is not there.
    """
    names = path.split(".")
    for length in range(len(names), 0, -1):
        name = "millstream." + ".".join(names[:length])
        try:
            found = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            continue
        for attribute in names[length:]:
            if not hasattr(found, attribute):
                raise LookupError(f"{path} is missing")
            found = getattr(found, attribute)
        return found
    raise LookupError(f"{path} is missing")


def _complaint(found: Any, wanted: tuple[str, ...]) -> str:
    """Why something cannot be called with these parameters; empty: it can."""
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return ""  # a builtin that does not tell
    if isinstance(found, type) and parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    keywords = any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = {p.name for p in parameters}
    index = 0
    for each in wanted:
        name = each.strip("*?=")
        if each.startswith("**"):
            if not keywords:
                return f"takes no **{name}"
        elif each.startswith("*"):
            if not rest:
                return f"takes no *{name}"
        elif index < len(positional) and positional[index].name == name:
            if each.endswith("?") and positional[index].default is inspect.Parameter.empty:
                return f"does not go without {name}"
            index += 1
        elif name in names and each.endswith("?") and rest:
            pass  # as a keyword only, after any number of positional arguments
        elif not (rest and keywords):
            return f"has no parameter {name} in place {index + 1}"
    for parameter in positional[index:]:
        if parameter.default is inspect.Parameter.empty and not any(each.startswith("*") for each in wanted):
            return f"wants a parameter {parameter.name}"
    return ""


def test_everything_is_there() -> None:
    missing = []
    for member in ALL:
        try:
            found = _find(member.path)
        except LookupError:
            missing.append(member.path)
            continue
        if member.bases:
            bases = [base.__name__ for base in found.__mro__]
            if member.bases.rpartition(".")[2] not in bases:
                missing.append(f"{member.path} as a subclass of {member.bases}")
    assert missing == []


def test_everything_can_be_called_as_in_pyflink() -> None:
    wrong = []
    for member in ALL:
        if member.parameters is None or member.path in OTHER_PARAMETERS:
            continue
        try:
            found = _find(member.path)
        except LookupError:
            continue  # the test above says so
        complaint = _complaint(found, member.parameters)
        if complaint:
            wrong.append(f"{member.path}({', '.join(member.parameters)}) {complaint}: {inspect.signature(found)}")
    assert wrong == []
