"""Entry point of the command ``millstream``: finds the action, runs it, turns errors into output and exit codes.

The first argument is the action, as with ``bin/flink``. 0: success, help, version; 1: anything wrong; 130: broken off
by Ctrl-C.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence

import click

from millstream.client.cli.actions import ACTIONS
from millstream.client.cli.completion import complete, requested
from millstream.client.cli.errors import CliArgsError
from millstream.client.cli.output import Output

__all__ = ["main"]

_HELP_HINT = "Use the help option (-h or --help) to get help on the command."
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    :param arguments: without the program's name; those of this process if not given.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(argv)
    except CliArgsError as error:
        output = Output(_wants_json(argv))
        output.say(f"{error}\n\n{_HELP_HINT}")
        output.document({"errors": [str(error)]})
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`millstream list | head`); the interpreter must not flush into it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _wants_json(argv: Sequence[str]) -> bool:
    """Whether ``--json`` is given to the action; behind a script it is the program's."""
    before_script = itertools.takewhile(lambda word: not word.endswith(".py"), argv)
    return "--json" in before_script


def _dispatch(argv: list[str]) -> int:
    instruction = requested()
    if instruction:
        return complete(instruction)
    if not argv:
        click.echo(_help())
        click.echo("\nPlease specify an action.")
        return 1
    action, rest = argv[0], argv[1:]
    if action in ("-h", "--help", "help"):
        click.echo(_help())
        return 0
    if action in ("-v", "--version", "version"):
        from millstream.client.cli.version import version_line

        click.echo(version_line())
        return 0
    command = ACTIONS.get(action)
    if command is None:
        click.echo(_unknown_action(action))
        return 1
    try:
        result = command.main(rest, prog_name=f"millstream {action}", standalone_mode=False)
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as error:
        raise CliArgsError(error.format_message()) from error
    return result if isinstance(result, int) else 0


def _help() -> str:
    lines = ["millstream <ACTION> [OPTIONS] [ARGUMENTS]", "", "The following actions are available:", ""]
    width = max(map(len, ACTIONS))
    lines += [f"  {name:<{width}} {command.get_short_help_str(90)}" for name, command in ACTIONS.items()]
    lines += [
        f"  {'version':<{width}} Print the version (also -v, --version).",
        "",
        '"millstream <ACTION> --help" shows an action\'s options. The configuration is read from config.yaml in',
        "the directory $MILLSTREAM_CONF_DIR, else in ./conf.",
    ]
    return "\n".join(lines)


def _unknown_action(action: str) -> str:
    names = [f'"{name}"' for name in ACTIONS]
    return (
        f'"{action}" is not a valid action.\n\n'
        f"Valid actions are {', '.join(names[:-1])}, or {names[-1]}.\n\n"
        "Specify the version option (-v or --version) to print Millstream version.\n\n"
        "Specify the help option (-h or --help) to get help on the command."
    )


if __name__ == "__main__":
    sys.exit(main())
