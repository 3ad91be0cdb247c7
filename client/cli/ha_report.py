"""What ``millstream ha list`` shows, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.high_availability.zookeeper.inventory import (
    ClusterInventory,
    Garbage,
    JobStanding,
    KeptJob,
)
from millstream.common.ids import JobID

__all__ = ["garbage_documents", "garbage_lines", "inventory_document", "inventory_lines", "summary_line"]

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def inventory_lines(inventory: ClusterInventory, garbage: Sequence[Garbage], now_ms: int) -> list[str]:
    """Return all that is known of one cluster.

    :param garbage: what could be removed of it.
    """
    lines = [f"Cluster {inventory.cluster_id}"]
    # It is made for the first job.
    there = ""
    if not inventory.storage_is_there:
        there = " (there is no such directory; is it mounted?)" if inventory.jobs else " (nothing there yet)"
    lines.append(f"  Storage: {inventory.storage}{there}")
    lines += _section("Masters", _masters(inventory), "none is alive")
    lines += _section("Leaders", [f"{name}: {address}" for name, address in sorted(inventory.leaders.items())], "none")
    jobs = [line for job_id, job in sorted(inventory.jobs.items()) for line in _job(inventory, job_id, job)]
    lines += _section("Jobs", jobs, "none")
    sizes = {file.file: file for file in inventory.files}
    files = [
        f"{file.file} ({file.size} bytes{_age(file.modified_ms, now_ms)})"
        for file in sorted(sizes.values(), key=lambda each: (each.kind.value, each.file))
    ]
    lines += _section("Files", files, "none")
    lines += _section("Garbage", garbage_lines(garbage), "none")
    return lines


def summary_line(inventory: ClusterInventory, garbage: Sequence[Garbage]) -> str:
    """Return what is most worth knowing of one cluster."""
    recoverable = sum(inventory.standing(job_id) is JobStanding.RECOVERABLE for job_id in inventory.jobs)
    leader = f"led by {inventory.masters[0].address or '?'}" if inventory.masters else "no master is alive"
    return (
        f"{inventory.cluster_id}: {leader}; {_count(len(inventory.masters), 'master')}, "
        f"{_count(len(inventory.jobs), 'job')} ({recoverable} to be recovered), "
        f"{_count(len(inventory.files), 'file')}, {_count(len(garbage), 'piece')} of garbage"
    )


def garbage_lines(garbage: Sequence[Garbage]) -> list[str]:
    """Return one line for each thing that could be removed."""
    return [f"{each.kind.value} {each.path} ({each.why})" for each in garbage]


def inventory_document(inventory: ClusterInventory, garbage: Sequence[Garbage]) -> dict[str, object]:
    """Return what is known of one cluster, for scripts."""
    jobs = []
    for job_id, job in sorted(inventory.jobs.items()):
        last = job.checkpoints[-1] if job.checkpoints else None
        jobs.append(
            {
                "jid": str(job_id),
                "standing": inventory.standing(job_id).name,
                "state": job.result.state if job.result is not None else None,
                "checkpoints": len(job.checkpoints),
                "latest": None if last is None else {"id": last.checkpoint_id, "external_path": last.directory},
                "unreadable": dict(job.unreadable or {}),
            }
        )
    return {
        "cluster-id": inventory.cluster_id,
        "storage": inventory.storage,
        "storage-is-there": inventory.storage_is_there,
        "masters": [
            {"address": master.address, "host": master.host, "pid": master.pid, "leads": number == 0}
            for number, master in enumerate(inventory.masters)
        ],
        "leaders": dict(inventory.leaders),
        "jobs": jobs,
        "files": [{"path": file.file, "size": file.size, "modified": file.modified_ms} for file in inventory.files],
        "garbage": garbage_documents(garbage),
    }


def garbage_documents(garbage: Sequence[Garbage]) -> list[dict[str, str]]:
    """Return the things that could be removed, for scripts."""
    return [{"kind": each.kind.value, "path": each.path, "why": each.why} for each in garbage]


def _section(title: str, lines: Sequence[str], if_empty: str) -> list[str]:
    if not lines:
        return [f"  {title}: {if_empty}"]
    return [f"  {title}:", *(f"    {line}" for line in lines)]


def _masters(inventory: ClusterInventory) -> list[str]:
    return [
        f"{master.address or master.node} (process {master.pid} on {master.host or '?'})"
        + (" leads" if number == 0 else " stands by")
        for number, master in enumerate(inventory.masters)
    ]


def _job(inventory: ClusterInventory, job_id: JobID, job: KeptJob) -> list[str]:
    standing = inventory.standing(job_id)
    state = f" ({job.result.state})" if job.result is not None else ""
    lines = [f"{job_id}: {standing.value}{state}"]
    if job.checkpoints:
        last = job.checkpoints[-1]
        lines.append(
            f"  {_count(len(job.checkpoints), 'checkpoint')}, the last is {last.checkpoint_id} in {last.directory}"
        )
    lines += [f"  {reason}" for reason in (job.unreadable or {}).values()]
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _age(modified_ms: int, now_ms: int) -> str:
    if not modified_ms:
        return ""
    age = max(0, now_ms - modified_ms)
    unit, name = next((each for each in _UNITS if age >= each[0]), _UNITS[-1])
    return f", {age // unit} {name} old"
