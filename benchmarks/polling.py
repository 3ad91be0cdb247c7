"""Asks a cluster as its observers do, from a process of its own, so that their work is not the cluster's.

``python -m benchmarks.polling dashboards URL JOB SECONDS`` asks like two open dashboards and prints how long each
answer took; ``python -m benchmarks.polling observe REST_URL SCRAPE_URL...`` asks until it is ended.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["endpoints"]

_DASHBOARDS = 2
_REFRESH_SECONDS = 1.0
_SCRAPE_SECONDS = 1.0
_FETCH_SECONDS = 2.0
_TIMEOUT_SECONDS = 30.0


def endpoints(url: str, job: str) -> dict[str, str]:
    """Return what an open dashboard asks for, by a short name."""
    vertices = json.loads(_read(f"{url}/jobs/{job}"))["vertices"]
    task_manager = json.loads(_read(f"{url}/taskmanagers"))["taskmanagers"][0]["id"]
    vertex = f"/jobs/{job}/vertices/{vertices[-1]['id']}"
    wanted = "busyTimeMsPerSecond,backPressuredTimeMsPerSecond,numRecordsInPerSecond"
    return {
        "/overview": "/overview",
        "/jobs/overview": "/jobs/overview",
        "/jobs/<id>": f"/jobs/{job}",
        "/jobs/<id>/checkpoints": f"/jobs/{job}/checkpoints",
        "/vertices/<id>/metrics": f"{vertex}/metrics",
        "/subtasks/metrics": f"{vertex}/subtasks/metrics?get={wanted}",
        "/taskmanagers/<id>": f"/taskmanagers/{task_manager}",
    }


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
        body: bytes = answer.read()
        return body


def _poll(url: str, paths: Mapping[str, str], until: float, found: dict[str, list[float]]) -> None:
    """One dashboard: asks for all, waits, asks again; ``found`` gets milliseconds by name."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_SECONDS)
    try:
        while time.monotonic() < until:
            begun = time.monotonic()
            for name, path in paths.items():
                started = time.perf_counter()
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                found[name].append((time.perf_counter() - started) * 1000)
                if answer.status != 200:
                    raise AssertionError(f"{path} was answered with status {answer.status}")
            time.sleep(max(0.0, begun + _REFRESH_SECONDS - time.monotonic()))
    finally:
        connection.close()


def _dashboards(url: str, job: str, seconds: float) -> None:
    paths = endpoints(url, job)
    until = time.monotonic() + seconds
    found: list[dict[str, list[float]]] = [{name: [] for name in paths} for _ in range(_DASHBOARDS)]
    threads = [threading.Thread(target=_poll, args=(url, paths, until, times)) for times in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({name: [ms for times in found for ms in times[name]] for name in paths}))


def _observe(url: str, scraped: list[str]) -> None:
    """Scrape each second and fetch every two, until this process is ended."""
    rounds = 0
    while True:
        begun = time.monotonic()
        try:
            for each in scraped:
                _read(each)
            if rounds % round(_FETCH_SECONDS / _SCRAPE_SECONDS) == 0:
                for path in ("/overview", "/jobs/overview", "/taskmanagers", "/jobmanager/metrics"):
                    _read(url + path)
                for each in _pages_of_jobs(url):
                    _read(each)
        except (urllib.error.URLError, http.client.HTTPException) as error:  # as while a cluster comes up
            print(f"not all was observed this time: {error}", file=sys.stderr)
        rounds += 1
        time.sleep(max(0.0, begun + _SCRAPE_SECONDS - time.monotonic()))


def _pages_of_jobs(url: str) -> list[str]:
    jobs = json.loads(_read(f"{url}/jobs/overview"))["jobs"]
    return [f"{url}{path}" for job in jobs if job["state"] == "RUNNING" for path in endpoints(url, job["jid"]).values()]


if __name__ == "__main__":
    what, address, *others = sys.argv[1:]
    if what == "dashboards":
        _dashboards(address, others[0], float(others[1]))
    else:
        _observe(address, others)
