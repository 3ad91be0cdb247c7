"""What a program asks for that this version does not do, though the program runs: it is said once per job."""

from __future__ import annotations

from datetime import timedelta

from millstream.common.config import CheckpointingOptions, Configuration, StateOptions

__all__ = ["settings_without_effect"]


def settings_without_effect(configuration: Configuration) -> str:
    """One text for the log; empty if there is nothing to say."""
    said: list[str] = []
    interval = configuration.get(CheckpointingOptions.INTERVAL)
    if interval is not None and interval > timedelta(0):
        said.append(
            f"checkpointing is enabled (every {interval // timedelta(milliseconds=1)} ms), but this version of "
            "Millstream takes no checkpoints yet: after a failure the job begins anew, with empty state"
        )
    if configuration.get(StateOptions.CHANGELOG_ENABLED):
        said.append("changes of state are not logged: there is no changelog state backend")
    return "; ".join(said)
