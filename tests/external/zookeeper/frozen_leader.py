"""A master's process that leads, for a test that freezes it: ``python -m ... <quorum> <root> <storage directory>``.

It says ``leads`` when it leads, and for each line that it reads what became of a write in its first term.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.ids import JobID
from tests.election_members import Member, configuration_for, the_leader
from tests.external.zookeeper.real_clients import Clients

JOB = JobID("0123456789abcdef0123456789abcdef")


async def main(quorum: str, root: str, directory: str) -> None:
    clients = Clients(quorum)
    client = clients.make(root=root, session_timeout_s=1.0)
    member = await Member.join("frozen", client, configuration_for(Path(directory), session_timeout="1 s"))
    await the_leader(member)
    first = member.terms[0]
    print("leads", flush=True)  # noqa: T201  # the test reads it
    number = 0
    while await asyncio.to_thread(sys.stdin.readline):
        number += 1
        try:
            await first.checkpoints(JOB).add(CheckpointPointer(number, f"file:///c/{number}", True))
            outcome = "written"
        except MillstreamError as error:
            outcome = type(error).__name__
        print(outcome, flush=True)  # noqa: T201  # the test reads it
    await member.services.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
