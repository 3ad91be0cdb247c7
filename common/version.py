"""The version of Millstream and, in a checkout, the commit that it stands at."""

from __future__ import annotations

from pathlib import Path

__all__ = ["COMMIT_ID", "VERSION"]

# The build reads the version from this line.
VERSION = "0.1.0"


def _commit_id(checkout: Path) -> str:
    """The short id of the checked-out commit, read without running git; ``unknown`` outside a checkout."""
    git = checkout / ".git"
    try:
        if git.is_file():
            # A worktree: the file says where its part of the repository lies.
            git = (checkout / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()).resolve()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            head = _resolved(git, head.removeprefix("ref: "))
    except OSError:
        return "unknown"
    return head[:7] or "unknown"


def _resolved(git: Path, ref: str) -> str:
    common_file = git / "commondir"
    common = (git / common_file.read_text(encoding="utf-8").strip()).resolve() if common_file.is_file() else git
    loose = common / ref
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    if packed.is_file():
        for line in packed.read_text(encoding="utf-8").splitlines():
            if line.endswith(" " + ref):
                return line.partition(" ")[0]
    return ""


COMMIT_ID = _commit_id(Path(__file__).resolve().parent.parent)
