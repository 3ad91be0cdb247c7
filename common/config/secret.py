"""Which configuration values must not be shown."""

from __future__ import annotations

__all__ = ["MASK", "is_secret", "shown"]

MASK = "******"

_MARKS = (
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
    "client.authorization",
)


def is_secret(key: str) -> bool:
    """Whether the value of this key is hidden in logs, messages and interfaces."""
    lowered = key.lower()
    return any(mark in lowered for mark in _MARKS)


def shown(key: str, value: str) -> str:
    """The value as others may see it."""
    return MASK if is_secret(key) else value
