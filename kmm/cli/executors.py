"""Who does the work: processes of this machine, or a cluster of Dask's.

`--executor dask://HOST:PORT` is a scheduler whose workers have the same kmm.  What is
found is the same as here, since no search depends on who does which share of it.  A
share whose worker is lost is done again by another: the scheduler sees to that.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from ..scenarios.matrix import fingerprint_of_the_model
from ..sim.sharing import processes
from .exits import GivenUp, Usage

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 5  # seconds for a scheduler to answer


@contextmanager
def workers(options: Namespace) -> Iterator[Executor | None]:
    """Those that --executor or --workers asks for.  Raises Usage and GivenUp."""
    if options.executor is not None:
        with cluster(options.executor) as executor:
            yield executor
    elif options.workers is not None:
        with processes(options.workers) as executor:
            yield executor
    else:
        yield None


@contextmanager
def cluster(where: str) -> Iterator[Executor]:
    """The workers of a scheduler."""
    place = scheduler_of(where)
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise Usage("--executor needs Dask: pip install 'kmm-lab[dask]'") from None
    # Dask's types are not complete.
    try:
        client = Client(  # type: ignore[no-untyped-call]
            place.netloc, timeout=PATIENCE, set_as_default=False
        )
    except OSError:
        raise GivenUp(f"no scheduler answers at {place.netloc}") from None
    with client:
        check_workers(client, place.netloc)
        try:
            # The same question may be asked twice, and is to be answered each time.
            yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]
        except KilledWorker:
            raise GivenUp("a share of the work has killed several workers") from None


def scheduler_of(where: str) -> SplitResult:
    place = urlsplit(where)
    try:
        is_one = place.scheme == "dask" and place.hostname and place.port
    except ValueError:  # the port is no number
        is_one = False
    if not is_one:
        raise Usage(f"--executor takes dask://HOST:PORT, not {where!r}")
    return place


def check_workers(client: Client, where: str) -> None:
    """All have this very model, else they would not find the same.  Raises GivenUp."""
    try:
        answers = client.run(fingerprint_of_the_model)
    except ImportError as error:
        raise GivenUp(f"a worker at {where} has no kmm: {error}") from None
    if not answers:
        raise GivenUp(f"the scheduler at {where} has no workers")
    for worker, fingerprint in sorted(answers.items()):
        if fingerprint != fingerprint_of_the_model():
            raise GivenUp(f"{worker} has another version of kmm")
