"""Whatever fails while masters take over from each other: no job is lost, and none is run after its end."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from tests.unit.dispatcher.contending_masters import (
    Candidate,
    cluster,
)
from tests.unit.dispatcher.fake_job_master import hex_id
from tests.unit.dispatcher.virtual_time import run

OPERATIONS = [
    "put graph",
    "put result",
    "forget job",
    "mark clean",
    "get result",
    "list results",
    "list dirty",
    "list graphs",
    "get graph 1",
    "publish dispatcher",
]
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 3)),
    st.tuples(st.just("end"), st.integers(1, 3)),
    st.tuples(st.just("cancel"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["grant", "revoke", "depose"]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["fail before", "fail after"]), st.integers(0, len(OPERATIONS) - 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 15, 300, 20_000])),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=30), seconds=st.sampled_from([0.0, 0.01, 0.2]))
def test_whoever_leads_each_job_runs_or_has_ended_and_none_is_run_after_its_end(
    steps: list[tuple[str, int]], seconds: float
) -> None:
    async def test() -> None:
        async with cluster() as world:
            world.election.seconds = seconds
            candidates = (world.first, world.second)
            accepted: set[int] = set()
            told: dict[int, str] = {}
            calls: list[asyncio.Future[None]] = []

            def leader() -> Candidate | None:
                return next((who for who in candidates if who.services.term is not None), None)

            async def submit(number: int, candidate: Candidate) -> None:
                with contextlib.suppress(DuplicateJobError, JobNotFoundError, MillstreamError):
                    await candidate.submit(number)
                    accepted.add(number)
                    result = await candidate.result(number)
                    if result.summary.state in ("FINISHED", "CANCELED"):
                        assert await world.kept_result(number) == result.summary.state
                        assert told.setdefault(number, result.summary.state) == result.summary.state
                        world.ended.add(hex_id(number))

            async def cancel(number: int, candidate: Candidate) -> None:
                with contextlib.suppress(MillstreamError):
                    await (await candidate.dispatcher()).cancel_job(pb.JobRequest(job_id=hex_id(number)))

            for step, argument in steps:
                who = leader()
                if step == "submit" and who is not None:
                    calls.append(asyncio.ensure_future(submit(argument, who)))
                elif step == "cancel" and who is not None:
                    calls.append(asyncio.ensure_future(cancel(argument, who)))
                elif step == "end" and who is not None:
                    job_master = who.running(argument)
                    if job_master is not None and job_master.report.summary.state == "RUNNING":
                        job_master.end("FINISHED")
                elif step == "grant" and candidates[argument].services.term is None:
                    if who is not None:
                        world.election.depose()
                        world.election.revoke(who.services)
                    world.election.grant(candidates[argument].services)
                elif step == "revoke" and who is not None:
                    world.election.revoke(who.services)
                elif step == "depose":
                    world.election.depose()
                elif step == "fail before":
                    world.election.fail_before[OPERATIONS[argument]] += 2
                elif step == "fail after":
                    world.election.fail_after[OPERATIONS[argument]] += 2
                elif step == "wait":
                    await asyncio.sleep(argument / 1000)
                for details in await world.election.results.all():
                    world.ended.add(details.summary.job_id)

            world.election.fail_before.clear()
            world.election.fail_after.clear()
            last = leader()
            if last is not None:
                world.election.revoke(last.services)
            await world.first.lead()
            await asyncio.sleep(100)
            for number in range(1, 4):
                ended = await world.kept_result(number)
                running = world.first.running(number)
                assert ended is None or running is None
                assert number not in accepted or ended is not None or running is not None
                assert (running is not None) == (hex_id(number) in await world.kept_graphs())
                if number in told:
                    assert ended == told[number]
                if running is not None:
                    running.end("FINISHED")
            await asyncio.gather(*calls)
            await asyncio.sleep(100)
            assert await world.kept_graphs() == []
            assert await world.election.results.dirty() == []
            for made in (*world.first.made, *world.second.made):
                assert made.closed
                assert made.result_is_kept <= (made.report.summary.state in ("FINISHED", "CANCELED"))

    run(test)
