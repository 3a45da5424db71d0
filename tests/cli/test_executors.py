"""Searches on a cluster, which here is a scheduler and workers on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.running import kmm, refused

from kmm.exercises import find_exercise

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


def at(cluster: Any) -> str:
    address: str = cluster.scheduler_address
    return address.replace("tcp://", "dask://")


def found(*arguments: str) -> dict[str, Any]:
    """What a search says, but for the time that it took."""
    whole = kmm(*arguments, "--json", "-q").json
    return {key: value for key, value in whole.items() if key != "seconds"}


def test_a_cluster_finds_what_this_machine_finds(cluster: Any) -> None:
    asked = ("hunt", "vma-adjust", "--kernel", "2.6.34")
    here = found(*asked, "--workers", "1")
    assert found(*asked, "--executor", at(cluster)) == here
    assert here["verdict"] == "bug"


def test_so_does_its_matrix(cluster: Any) -> None:
    kernels = ["--kernel", "2.6.34", "--kernel", "v6"]
    asked = ["matrix", "--race", "vma-adjust", *kernels, "--no-cache"]
    here, there = (
        kmm(*asked, "--json", "-q", *who).json["cells"]
        for who in (["--workers", "2"], ["--executor", at(cluster)])
    )
    for cell in (*here, *there):
        del cell["seconds"]
    assert there == here


def test_a_class_is_graded_there_as_it_is_here(cluster: Any, tmp_path: Path) -> None:
    right = find_exercise("deadlock-schedule").folder / "solution.txt"
    for name, answer in (("ada", right.read_text()), ("bob", "nonsense")):
        (tmp_path / f"{name}.txt").write_text(answer)
    asked = [
        "exercise",
        "grade",
        "deadlock-schedule",
        str(tmp_path),
        "--format",
        "json",
    ]
    here, there = (kmm(*asked, "-q", *who) for who in ([], ["--executor", at(cluster)]))
    assert there.json == here.json
    assert [row["passed"] for row in there.json["submissions"]] == [True, False]
    far = kmm(*asked, "--executor", at(cluster), "--hidden", str(Path(__file__)))
    assert refused(far, "stay on this machine")


def test_the_share_of_a_worker_that_is_lost_is_done_again(cluster: Any) -> None:
    asked = ("prove", "exec-stack", "--kernel", "v6")
    here = found(*asked, "--workers", "1")
    victim = next(iter(cluster.workers.values())).pid

    def kill() -> None:
        time.sleep(0.3)  # by then there are shares about
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert found(*asked, "--executor", at(cluster)) == here
    killer.join()


def test_nobody_at_an_address_is_one_line() -> None:
    ran = kmm("prove", "stack-growth", "--executor", "dask://127.0.0.1:1")
    assert refused(ran, "no scheduler answers at 127.0.0.1:1")


@pytest.mark.parametrize(
    "where", ["127.0.0.1:8786", "dask://", "ray://x:1", "dask://x:y"]
)
def test_what_is_no_address_is_said_to_be_none(where: str) -> None:
    ran = kmm("prove", "stack-growth", "--executor", where)
    assert refused(ran, "--executor takes dask://HOST:PORT")


def test_processes_and_a_cluster_are_not_asked_for_at_once() -> None:
    ran = kmm("prove", "stack-growth", "--workers", "2", "--executor", "dask://x:1")
    assert refused(ran, "not allowed with argument --workers")
