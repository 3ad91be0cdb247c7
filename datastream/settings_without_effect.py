"""What a program asks for that this version does not do, though the program runs: it is said once per job."""

from __future__ import annotations

from millstream.common.config import Configuration, StateOptions

__all__ = ["settings_without_effect"]


def settings_without_effect(configuration: Configuration) -> str:
    """One text for the log; empty if there is nothing to say."""
    said: list[str] = []
    if configuration.get(StateOptions.CHANGELOG_ENABLED):
        said.append("changes of state are not logged: there is no changelog state backend")
    return "; ".join(said)
