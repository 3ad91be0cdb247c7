"""``millstream savepoint inspect``: what is in a savepoint or a retained checkpoint.

No cluster is asked, and nothing of the user's is unpickled: what is shown is from the metadata and from what the files
of state say about themselves. All of them are read, so a broken one is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.errors import CliArgsError

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings
    from millstream.state_processor import SavepointOperator, SavepointReader, StateInfo

__all__ = ["inspect_action"]

_COLUMNS = ("State", "Kind", "Type", "Entries", "Bytes")


def inspect_action(settings: ClusterSettings, arguments: tuple[str, ...]) -> int:
    """Print what is in a snapshot.

    :param arguments: its directory or its ``_metadata``, or the directory of a job's checkpoints (the latest).
    """
    if len(arguments) != 1:
        raise CliArgsError("Specify the path of one savepoint: millstream savepoint inspect <path>")

    def show() -> None:
        from millstream.state_processor import SavepointReader

        savepoint = SavepointReader.read(arguments[0], settings.configuration)
        settings.output.document(_document(savepoint))
        if settings.output.json:
            return
        click.echo("\n".join(_head(savepoint)))
        for operator in savepoint.operators:
            click.echo("\n" + "\n".join(_operator(operator)))

    return carried_out(settings, show, f"Failed to inspect the savepoint '{arguments[0]}'.")


def _document(savepoint: SavepointReader) -> dict[str, object]:
    return {
        "location": savepoint.directory,
        "kind": savepoint.kind,
        "id": savepoint.checkpoint_id,
        "format": savepoint.format,
        "jid": savepoint.job_id,
        "name": savepoint.job_name,
        "timestamp": savepoint.timestamp_ms,
        "millstream-version": savepoint.software_version,
        "state_size": savepoint.state_size,
        "operators": [
            {
                "id": operator.identifier.operator_id,
                "uid": operator.uid,
                "name": operator.name,
                "parallelism": operator.parallelism,
                "maxParallelism": operator.max_parallelism,
                "finished": operator.finished,
                "states": [
                    {
                        "name": info.name.strip(),
                        "own": info.name.startswith(" "),
                        "kind": info.kind.lower(),
                        "type": info.value_type,
                        "namespaced": info.namespaced,
                        "expires": info.expires,
                        "entries": info.entries,
                        "size": info.size,
                    }
                    for info in operator.outline
                ],
            }
            for operator in savepoint.operators
        ],
    }


def _head(savepoint: SavepointReader) -> list[str]:
    taken = datetime.fromtimestamp(savepoint.timestamp_ms / 1000, timezone.utc).astimezone()
    return [
        savepoint.directory,
        f"  kind:     {savepoint.kind} {savepoint.checkpoint_id}, {savepoint.format}",
        f"  job:      {savepoint.job_id} {savepoint.job_name}".rstrip(),
        f"  taken:    {taken.strftime('%d.%m.%Y %H:%M:%S')} by Millstream {savepoint.software_version}",
        f"  size:     {savepoint.state_size} bytes",
    ]


def _operator(operator: SavepointOperator) -> list[str]:
    uid = "without a uid" if operator.uid is None else f"uid {operator.uid}"
    finished = ", finished" if operator.finished else ""
    lines = [
        f"{operator.name} ({uid}, id {operator.identifier.operator_id})",
        f"  parallelism {operator.parallelism}, max parallelism {operator.max_parallelism}{finished}",
    ]
    if operator.outline:
        lines += _table([_COLUMNS, *map(_cells, operator.outline)])
    else:
        lines.append("  no state")
    return lines


def _cells(info: StateInfo) -> tuple[str, ...]:
    kind = info.kind.lower() + (" by window" if info.namespaced else "") + (" with ttl" if info.expires else "")
    # What an operator keeps for itself has a name that begins with a blank.
    name = f"({info.name.strip()})" if info.name.startswith(" ") else info.name
    numbers = ("-" if number is None else str(number) for number in (info.entries, info.size))
    return (name, kind, info.value_type, *numbers)


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]
