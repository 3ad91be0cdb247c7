"""One job, submitted once, on a highly available cluster under faults by a seed; then everything is looked at."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import cloudpickle

from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import MillstreamError
from tests.chaos import program
from tests.chaos.faults import FAULTS, WEIGHTS
from tests.chaos.monkey import committed_lines
from tests.chaos.partitions import PARTITIONS
from tests.chaos.remains import file_remains, node_remains, node_remains_after, process_remains, unsettled_jobs
from tests.chaos.site import SESSION_TIMEOUT, ZOOKEEPER_ROOT, Site
from tests.chaos.traps import PHASES

__all__ = ["HighlyAvailableChaos", "Report", "RunSettings"]

_PARALLELISM = 2
_END_SECONDS = 240.0
"""For what is still to come when there are no more faults: much, when the machine was busy."""
_RUNNING_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One run.

    :ivar seconds: for how long faults come.
    :ivar every: seconds between two faults, at most; at least a third of it.
    :ivar zookeeper_servers: three, where they are struck too.
    :ivar kinds: what befalls the cluster, in this order and once each; all kinds by their weights until the time is
        over, if there are none.
    :ivar own_networks: whether hosts have networks of their own, and faults of the network come too.
    :ivar both_ends: whether the job's submission and its end are struck too.
    :ivar job: more settings of the job.
    """

    seed: int
    seconds: float
    every: float = 4.0
    count: int = 200_000
    per_second: float = 2000.0
    masters: int = 2
    zookeeper_servers: int = 3
    kinds: tuple[str, ...] = ()
    own_networks: bool = False
    both_ends: bool = True
    job: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What came of a run.

    :ivar faults: how many of each kind.
    :ivar in_vain: how many of them found nobody to strike.
    :ivar running_after: seconds from the end of the last fault until the last task ran that ran on; 0: it ran before.
    :ivar checkpoint_after: seconds from then until a checkpoint that was begun after it was complete.
    :ivar garbage: files of high availability without a pointer to them, which a master leaves that dies after it has
        written one and before anything else; ``millstream ha clean`` has removed them.
    :ivar lines: of the output, sorted.
    :ivar problems: everything that should not be.
    """

    faults: Counter[str] = field(default_factory=Counter)
    in_vain: int = 0
    replaced: Counter[str] = field(default_factory=Counter)
    running_after: float = 0.0
    checkpoint_after: float = 0.0
    garbage: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class HighlyAvailableChaos:
    """A run.

    :param say: is told what happens.
    """

    def __init__(self, directory: Path, settings: RunSettings, say: Callable[[str], None] = lambda _: None) -> None:
        self._settings = settings
        self._directory = directory
        self._say = say
        self._site = Site(
            directory,
            settings.masters,
            zookeeper_servers=settings.zookeeper_servers,
            settings=settings.job,
            own_networks=settings.own_networks,
        )
        self._report = Report()
        self._outcome: BaseException | None = None

    def run(self) -> Report:
        """Run the job to its end, end the cluster, and return what was found."""
        report, site = self._report, self._site
        module: ModuleType = sys.modules[program.__name__]
        cloudpickle.register_pickle_by_value(module)
        try:
            with site:
                job = self._submit()
                waiting = threading.Thread(target=self._wait, args=(job,), name="client")
                waiting.start()
                try:
                    self._await_running(job, time.monotonic(), _RUNNING_SECONDS)
                    self._strike(job)
                    over, over_ms = time.monotonic(), time.time() * 1000
                    report.checkpoint_after = self._await_checkpoint(job, _RUNNING_SECONDS) - over
                    self._await_running(job, time.monotonic(), _RUNNING_SECONDS)
                    report.running_after = max(0.0, _running_since_ms(job) - over_ms) / 1000
                    self._say(
                        f"after the last fault: {report.running_after:.1f} s until all tasks run, "
                        f"{report.checkpoint_after:.1f} s until a checkpoint is complete; the job may hurry to its end"
                    )
                finally:
                    site.hurry.touch()
                    self._end(waiting)
                site.end_cluster()
                jobs = [str(job.get_job_id())]
                quorum = site.zookeeper.quorum
                report.problems += node_remains_after(SESSION_TIMEOUT, quorum, ZOOKEEPER_ROOT, jobs)
                report.garbage = self._clean_up()
                report.problems += node_remains(quorum, ZOOKEEPER_ROOT, jobs)
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        report.replaced = site.replaced
        report.problems += process_remains(self._directory)
        report.problems += file_remains(site.high_availability, site.checkpoints, site.temporary, jobs)
        report.problems += [f"file {path}" for path in site.output.rglob(".*") if path.is_file()]
        report.lines = committed_lines(site.output)
        if report.lines != program.expected_lines(self._settings.count):
            report.problems.append(self._difference())
        return report

    def _submit(self) -> RpcJobClient:
        site, settings = self._site, self._settings
        env = site.environment()
        program.build_job(env, settings.count, settings.per_second, site.hurry, site.output, _PARALLELISM)
        point = self._set_trap("submitting")
        job_id = env.execute_async("chaos").get_job_id()
        self._say(f"submitted {job_id}")
        self._look_at_trap("submitting", point)
        return site.cluster.client.job(str(job_id))

    def _set_trap(self, phase: str) -> str:
        """Set a trap for a phase that comes once, and return at which point."""
        point = random.Random(f"{self._settings.seed} {phase}").choice(PHASES[phase])
        if self._settings.both_ends:
            self._site.traps.set(point)
        return point

    def _look_at_trap(self, phase: str, point: str) -> None:
        if not self._settings.both_ends:
            return
        sprung = self._site.traps.await_sprung(point, 5.0)
        self._report.faults[f"while {phase}"] += 1
        self._report.in_vain += sprung is None
        self._say(f"while {phase}: " + (f"process {sprung.pid} killed at {point}" if sprung else f"nobody at {point}"))

    def _wait(self, job: RpcJobClient) -> None:
        """What a program does that has called ``execute``: it waits, whatever happens."""
        try:
            job.get_job_execution_result()
        except BaseException as error:  # noqa: BLE001  # told by the thread that ends this one
            self._outcome = error

    def _end(self, waiting: threading.Thread) -> None:
        """Wait for the client, striking the end of the job too."""
        point = self._set_trap("ending")
        waiting.join(_END_SECONDS)
        if waiting.is_alive():
            raise AssertionError(f"the job does not end\n{self._site.cluster.logs()}")
        self._look_at_trap("ending", point)
        if self._outcome is not None:
            raise AssertionError(f"the client got {self._outcome!r}") from self._outcome
        self._await_clean()

    # ------------------------------------------------------------------ the faults

    def _strike(self, job: RpcJobClient) -> None:
        settings, number = self._settings, 0
        weights = WEIGHTS | dict.fromkeys(PARTITIONS, 3) if settings.own_networks else WEIGHTS
        end = time.monotonic() + settings.seconds
        while True:
            # Each fault has its own source: what one of them meets does not change what the next one will be.
            chance = random.Random(f"{settings.seed} {number}")
            pause = chance.uniform(settings.every / 3, settings.every)
            if settings.kinds:
                if number == len(settings.kinds):
                    return
                kind = settings.kinds[number]
            else:
                if time.monotonic() + pause > end:
                    return
                (kind,) = chance.choices(list(weights), list(weights.values()))
            time.sleep(pause)
            blow = (FAULTS | PARTITIONS)[kind](self._site, job, chance)
            self._report.faults[kind] += 1
            self._report.in_vain += not blow.hit
            self._say(f"{kind}: {blow.text}")
            if "zookeeper" in kind and self._site.mend_zookeeper():
                self._site.replaced["ZooKeeper, all servers"] += 1
                self._say("ZooKeeper hung although all servers were there: they were started anew")
            number += 1
            if self._outcome is not None:
                raise AssertionError(f"the client got {self._outcome!r}") from self._outcome

    # ------------------------------------------------------------------ waiting

    def _await_running(self, job: RpcJobClient, since: float, seconds: float) -> float:
        """Return when all tasks were seen running, and go on doing so for a second."""
        began = 0.0
        while True:
            now = time.monotonic()
            try:
                details = job.get_job_details()
                tasks = details.summary.tasks_total
                runs = details.summary.state == "RUNNING" and details.task_counts["RUNNING"] == tasks
            except (MillstreamError, TimeoutError):
                runs = False
            began = (began or now) if runs else 0.0
            if began and now - began > 1.0:
                return began
            if self._outcome is not None or now - since > seconds:
                raise AssertionError(f"the job does not run: {self._outcome!r}\n{self._site.cluster.logs()}")
            time.sleep(0.05)

    def _await_checkpoint(self, job: RpcJobClient, seconds: float) -> float:
        """Return when a checkpoint that is begun from now on is complete."""
        deadline = time.monotonic() + seconds
        newest = -1
        while time.monotonic() < deadline:
            try:
                report = job.get_checkpoints()
                if newest < 0:
                    newest = max((each.checkpoint_id for each in report.history), default=0)
                if report.HasField("latest_completed") and report.latest_completed.checkpoint_id > newest:
                    return time.monotonic()
            except (MillstreamError, TimeoutError):
                pass  # there may just be another leader
            time.sleep(0.05)
        raise AssertionError(f"no checkpoint completes\n{self._site.cluster.logs()}")

    def _await_clean(self) -> None:
        """Wait until a leader has removed what it kept of the job: whoever ends it earlier finds that to do again."""
        deadline = time.monotonic() + 40.0
        while unsettled_jobs(self._site.zookeeper.quorum, ZOOKEEPER_ROOT) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _clean_up(self) -> list[str]:
        """Have the garbage removed that is expected by design, and return a line on each piece of it."""
        settings = [f"-D{key}={value}" for key, value in self._site.cluster.configuration.to_map().items()]
        cleaned = subprocess.run(
            [sys.executable, "-m", "millstream.client.cli.main", "ha", "clean", "--yes", *settings],
            capture_output=True,
            text=True,
            check=False,
            timeout=60.0,
        )
        if cleaned.returncode != 0:
            self._report.problems.append(f"`millstream ha clean` failed: {cleaned.stderr}")
        return [line for line in cleaned.stdout.splitlines() if line.startswith(("file ", "node "))]

    def _difference(self) -> str:
        found, expected = Counter(self._report.lines), Counter(program.expected_lines(self._settings.count))
        missing, extra = expected - found, found - expected
        repeated = [line for line in extra if line in expected]
        return (
            f"the output is wrong: {missing.total()} lines are missing, such as {sorted(missing)[:5]}; {len(repeated)} "
            f"are repeated, such as {sorted(repeated)[:5]}; {len(extra) - len(repeated)} are of no such run, such as "
            f"{sorted(set(extra) - set(repeated))[:5]}"
        )


def _running_since_ms(job: RpcJobClient) -> int:
    """Since when all tasks of a job run, in ms since 1970."""
    vertices = job.get_job_details().vertices
    return max(each.state_timestamps["RUNNING"] for vertex in vertices for each in vertex.subtasks)
