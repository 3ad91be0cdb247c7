"""``/jobmanager/profiler`` and ``/taskmanagers/<id>/profiler``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.inspection.thread_profiler import ThreadProfiler
from millstream.common.wire.inspection_pb2 import ProfiledStack, ProfileThreadsRequest, ThreadProfile, ThreadProfiles
from tests.unit.dispatcher.rest.asking import first_error, tell
from tests.unit.dispatcher.rest.fake_cluster import FakeCluster, fake_cluster

TM = "127.0.0.1:44315-239bff"
OF_TM, OF_MASTER = f"/v1/taskmanagers/{TM}/profiler", "/jobmanager/profiler"
CPU = {"mode": "CPU", "duration": 3}
SEEN = ThreadProfiles(
    processes=[ThreadProfile(frames=["taskmanager MainThread", "hot"], stacks=[ProfiledStack(frames=[0, 1], count=7)])]
)


def _configuration(directory: Path, **more: str) -> Configuration:
    settings = {"rest.profiling.enabled": "true", "rest.profiling.dir": str(directory)}
    return Configuration.from_map(settings | {f"rest.profiling.{key.replace('_', '-')}": more[key] for key in more})


async def _ended(cluster: FakeCluster, path: str = OF_TM) -> list[dict[str, Any]]:
    for _ in range(2000):  # a thread writes meanwhile
        listed: list[dict[str, Any]] = (await cluster.get(path))["profilingList"]
        if all(entry["status"] != "RUNNING" for entry in listed):
            return listed
        await asyncio.sleep(0.001)
    pytest.fail("the profile does not end")


def _files(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob("*.html")]


def test_a_profile_is_made_listed_and_had(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            gateway = cluster.add_task_manager(TM, profile_threads=SEEN)
            assert await cluster.get(OF_TM) == {"profilingList": []}
            started = await cluster.call("POST", OF_TM, body=CPU)
            assert started == {
                "status": "RUNNING",
                "mode": "CPU",
                "triggerTime": 1_000_000,
                "finishedTime": None,
                "duration": 3,
                "message": None,
                "outputFile": None,
            }
            (entry,) = await _ended(cluster)
            name = entry["outputFile"]
            assert entry == started | {"status": "FINISHED", "finishedTime": 1_000_000, "outputFile": name}
            assert name == "taskmanager_CPU_1970-01-01_00_16_40_1.html"
            (asked,) = gateway.requests["profile_threads"]
            assert (asked.duration_ms, asked.interval_ms, asked.on_cpu_only) == (3000, 10, True)
            page = await cluster.http.get(f"{OF_TM}/{name}")
            assert page.status_code == 200
            assert page.headers["content-type"] == "text/html; charset=UTF-8"
            assert page.headers["content-disposition"] == f'attachment; filename="{name}"'
            assert "hot: 7 of 7 samples" in page.text
            assert TM in page.text
            assert await cluster.get(OF_MASTER) == {"profilingList": []}

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


@pytest.mark.parametrize(("mode", "on_cpu_only"), [("ITIMER", True), ("WALL", False), ("LOCK", False)])
def test_modes_say_whether_threads_that_wait_are_looked_at(tmp_path: Path, mode: str, on_cpu_only: bool) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            gateway = cluster.add_task_manager(TM, profile_threads=SEEN)
            await cluster.call("POST", OF_TM, body={"mode": mode, "duration": 1})
            await _ended(cluster)
            assert gateway.requests["profile_threads"][0].on_cpu_only is on_cpu_only

    asyncio.run(story())


def test_the_process_that_answers_is_profiled_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ThreadProfiler.profile

    async def shorter(self: ThreadProfiler, request: ProfileThreadsRequest) -> ThreadProfile:
        request.duration_ms //= 50
        return await own(self, request)

    monkeypatch.setattr(ThreadProfiler, "profile", shorter)

    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            await cluster.call("POST", OF_MASTER, body={"mode": "WALL", "duration": 1})
            (entry,) = await _ended(cluster, OF_MASTER)
            page = (await cluster.http.get(f"{OF_MASTER}/{entry['outputFile']}")).text
            assert "jobmanager MainThread" in page

    asyncio.run(story())


def test_a_process_is_profiled_once_at_a_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            end = asyncio.Event()

            async def slow(request: ProfileThreadsRequest) -> ThreadProfiles:
                await end.wait()
                return SEEN

            cluster.add_task_manager(TM, profile_threads=slow)
            cluster.add_task_manager("other", profile_threads=SEEN)
            await cluster.call("POST", OF_TM, body=CPU)
            assert await first_error(cluster, OF_TM, 409, "POST", CPU) == f"{TM} is still under profiling."
            await cluster.call("POST", "/taskmanagers/other/profiler", body=CPU)
            end.set()
            assert len(await _ended(cluster)) == 1
            await cluster.call("POST", OF_TM, body=CPU)
            assert len(await _ended(cluster)) == 2
            end.clear()
            await cluster.call("POST", OF_TM, body=CPU)  # is broken off when the server closes

    asyncio.run(story())


def test_a_failure_and_silent_workers_are_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            gateway = cluster.add_task_manager(TM, profile_threads=MillstreamError("no time"))
            await cluster.call("POST", OF_TM, body=CPU)
            (failed,) = await _ended(cluster)
            assert failed["status"] == "FAILED"
            assert "no time" in failed["message"]
            assert failed["outputFile"] is None
            gateway.answers["profile_threads"] = ThreadProfiles(missing=["slot 3: worker process 17"])
            await cluster.call("POST", OF_TM, body=CPU)
            newest, _ = await _ended(cluster)
            assert newest["status"] == "FINISHED"
            assert "slot 3: worker process 17" in newest["message"]

    asyncio.run(story())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path / "nowhere")) as cluster:
            cluster.add_task_manager(TM, profile_threads=SEEN)
            await cluster.call("POST", OF_TM, body=CPU)
            (failed,) = await _ended(cluster)
            assert str(tmp_path / "nowhere") in failed["message"]
            assert "rest.profiling.dir" in failed["message"]

    asyncio.run(story())


def test_old_profiles_go(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path, history_size="2")) as cluster:
            cluster.add_task_manager(TM, profile_threads=SEEN)
            names: list[str] = []
            for _ in range(4):
                cluster.clock.advance(1000)
                await cluster.call("POST", OF_TM, body=CPU)
                names.insert(0, (await _ended(cluster))[0]["outputFile"])
            assert [entry["outputFile"] for entry in await _ended(cluster)] == names[:2]
            assert (await cluster.http.get(f"{OF_TM}/{names[0]}")).status_code == 200
            await cluster.call("GET", f"{OF_TM}/{names[2]}", 404)
            cluster.remove_task_manager(TM)
            cluster.add_task_manager("other", profile_threads=SEEN)
            await cluster.call("POST", "/taskmanagers/other/profiler", body=CPU)
            (entry,) = await _ended(cluster, "/taskmanagers/other/profiler")
            await cluster.call("GET", f"{OF_TM}/{names[0]}", 404)  # with its TaskManager
            assert _files(tmp_path) == [entry["outputFile"]]

    asyncio.run(story())


def test_only_what_is_listed_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("secret")

    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path)) as cluster:
            cluster.add_task_manager(TM, profile_threads=SEEN)
            await cluster.call("POST", OF_TM, body=CPU)
            (entry,) = await _ended(cluster)
            for name in ("..%2Fsecret.html", "%2E%2E/secret.html", "%252E%252E%252Fsecret.html", "x.html"):
                await cluster.call("GET", f"{OF_TM}/{name}", 404)
            await cluster.call("GET", f"{OF_MASTER}/{entry['outputFile']}", 404)  # it is another's

    asyncio.run(story())


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with fake_cluster(_configuration(tmp_path, duration_max="1 min")) as cluster:
            cluster.add_task_manager(TM)
            for duration in (0, -1, 61):
                error = await first_error(cluster, OF_TM, 400, "POST", CPU | {"duration": duration})
                assert "rest.profiling.duration-max" in error
                assert str(duration) in error
            error = await first_error(cluster, OF_MASTER, 400, "POST", {"mode": "ALLOC", "duration": 1})
            assert "Allocations of a Python process cannot be profiled" in error
            await cluster.call("POST", OF_TM, 400, {"mode": "MAGIC", "duration": 1})
            await cluster.call("POST", OF_TM, 400, {"mode": "CPU"})
            for method in ("GET", "POST"):
                assert (
                    await first_error(cluster, "/taskmanagers/nope/profiler", 404, method, CPU)
                    == "Could not find TaskExecutor nope."
                )

    asyncio.run(story())


def test_the_profiler_is_switched_off_unless_somebody_wants_it() -> None:
    async def story(cluster: FakeCluster) -> None:
        cluster.add_task_manager(TM)
        for path in (OF_TM, OF_MASTER):
            assert await cluster.get(path) == {"profilingList": []}
            assert "rest.profiling.enabled" in await first_error(cluster, path, 403, "POST", CPU)

    tell(story)
