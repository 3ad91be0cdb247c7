"""Asks the application of a fake cluster, and compares each answer's shape with Flink's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster
from tests.unit.dispatcher.rest.shapes import differences, shape_of

__all__ = ["ask", "first_error", "tell"]


async def ask(cluster: FakeCluster, path: str, status: int = 200, method: str = "GET", body: object = None) -> Any:
    """Return the answer, which has the shape of Flink's."""
    answer = await cluster.call(method, path, status, body)
    assert differences(answer, shape_of(method, path, status)) == []
    return answer


async def first_error(cluster: FakeCluster, path: str, status: int, method: str = "GET", body: object = None) -> str:
    """Return what is said to be wrong."""
    answer = await cluster.call(method, path, status, body)
    assert list(answer) == ["errors"]
    error = answer["errors"][0]
    assert isinstance(error, str)
    return error


def tell(story: Callable[[FakeCluster], Awaitable[None]]) -> None:
    """Run a story with a new cluster."""

    async def told() -> None:
        async with fake_cluster() as cluster:
            await story(cluster)

    asyncio.run(told())
