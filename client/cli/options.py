"""Options that several actions have, and how their help looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

__all__ = [
    "CONTEXT",
    "PROGRAM_CONTEXT",
    "WholeNumber",
    "common_options",
    "epilog",
    "json_option",
    "program_options",
    "savepoint_options",
]

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
PROGRAM_CONTEXT: Final = {**CONTEXT, "allow_interspersed_args": False}
"""After the script all arguments are the program's."""


class WholeNumber(click.IntRange):
    """An integer, by the name that messages use."""

    name = "whole number"


def epilog(*examples: str) -> str:
    """Return what stands below an action's help: command lines to copy."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."
)


def common_options(function: F) -> F:
    """Add the options that every action has."""
    decorators = [
        click.option(
            "-m",
            "--jobmanager",
            metavar="<address>",
            help="Master to connect to: host:port or URL of its REST interface (rest.port), or host:port of its RPC "
            "service (jobmanager.rpc.port).",
        ),
        click.option(
            "-D", "dynamic", metavar="<key=value>", multiple=True, help="Set any configuration key; can be repeated."
        ),
        click.option(
            "-t", "--target", metavar="<target>", help='Where to run: "remote" (a running cluster) or "local".'
        ),
        click.option(
            "-z",
            "--zookeeperNamespace",
            "namespace",
            metavar="<id>",
            help="The cluster among those that ZooKeeper knows (high-availability.cluster-id).",
        ),
        click.option("-v", "--verbose", is_flag=True, help="Show errors with their whole traceback."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def program_options(function: F) -> F:
    """Add the options that say which program to run, and how."""
    decorators = [
        click.option(
            "-p",
            "--parallelism",
            type=WholeNumber(min=1),
            metavar="<n>",
            help="Parallelism of the program where it sets none.",
        ),
        click.option("-py", "--python", metavar="<script>", help="The program; the arguments are then all its own."),
        click.option(
            "-pym",
            "--pyModule",
            "-c",
            "module",
            metavar="<module>",
            help="Run a module as the program (as python -m does) instead of a script.",
        ),
        click.option(
            "-pyfs",
            "--pyFiles",
            "python_files",
            metavar="<files>",
            help="Files for the import path of the program and of the workers: .py, .zip or directories, "
            "comma-separated.",
        ),
        click.option(
            "-pyarch",
            "--pyArchives",
            "archives",
            metavar="<archives>",
            help="Zip and tar files for the working directory of the workers, each as path or path#directory, "
            "comma-separated.",
        ),
        click.option("-pyreq", "--pyRequirements", "requirements", metavar="<file>", hidden=True),
        click.option(
            "-pyexec",
            "--pyExecutable",
            "executable",
            metavar="<python>",
            help="Interpreter of the workers; with -t local only (else the TaskManagers choose: python.executable).",
        ),
        click.option(
            "-pyclientexec",
            "--pyClientExecutable",
            "client_executable",
            metavar="<python>",
            help="Interpreter that builds the program, instead of this one.",
        ),
        click.option(
            "-C",
            "--classpath",
            "classpaths",
            metavar="<path>",
            multiple=True,
            help="Entry of the import path that is there on all machines; can be repeated.",
        ),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def savepoint_options(function: F) -> F:
    """Add the options that say from which snapshot a job begins."""
    decorators = [
        click.option(
            "-s",
            "--fromSavepoint",
            "savepoint",
            metavar="<path>",
            help="Begin from a savepoint or a retained checkpoint: its directory, or that of a job's checkpoints (the "
            "latest).",
        ),
        click.option(
            "-n",
            "--allowNonRestoredState",
            "allow_non_restored_state",
            is_flag=True,
            help="Leave out state in the savepoint whose operator the program does not have.",
        ),
        click.option(
            "-cm",
            "--claimMode",
            "-rm",
            "--restoreMode",
            "claim_mode",
            type=click.Choice(["claim", "no_claim", "legacy"], case_sensitive=False),
            help="Who owns the files of the savepoint from then on: the job (claim) or whoever did (no_claim, the "
            "default).",
        ),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
