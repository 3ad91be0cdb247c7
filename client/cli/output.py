"""What an action tells: lines for people, or one JSON document for scripts.

With ``--json`` the document is all there is on standard output; the lines go to standard error. Without it the lines
are those of ``bin/flink``, and there is no document.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

import click

__all__ = ["Output", "is_terminal"]


@dataclass(frozen=True, slots=True)
class Output:
    """Where an action's words go.

    :ivar json: a document is wanted.
    """

    json: bool = False

    def say(self, text: str) -> None:
        """Tell people something."""
        sys.stdout.flush()
        click.echo(text, err=self.json)

    def document(self, content: Mapping[str, object]) -> None:
        """Tell scripts the outcome, if they ask; once in an action."""
        if self.json:
            click.echo(json.dumps(content, indent=2, default=str))

    @property
    def terminal(self) -> bool:
        """Whether people look at a terminal that can show tables and rewrite lines."""
        return not self.json and is_terminal()

    @contextmanager
    def program(self) -> Iterator[None]:
        """While the user's program runs, what it prints goes to standard error if a document is wanted."""
        if not self.json:
            yield
            return
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)  # for processes that the program starts
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def is_terminal() -> bool:
    """Whether standard output is a terminal that knows more than lines."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
