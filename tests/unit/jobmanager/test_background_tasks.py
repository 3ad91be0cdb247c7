"""The tasks of a component end with it, in the order in which they began."""

from __future__ import annotations

import asyncio

from millstream.jobmanager.background_tasks import BackgroundTasks


def test_tasks_end_in_the_order_in_which_they_began() -> None:
    async def main() -> None:
        ended: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)

        tasks = BackgroundTasks("test")
        for number in range(50):
            tasks.spawn(wait(number), str(number))
        await asyncio.sleep(0)
        await tasks.close()
        assert ended == list(range(50))
        late = tasks.spawn(wait(50), "late")
        await asyncio.wait({late})
        assert late.cancelled()

    asyncio.run(main())
