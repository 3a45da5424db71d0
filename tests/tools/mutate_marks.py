"""Does anything notice if one marked access or one lock of kmm/mm is left out?

    python tests/tools/mutate_marks.py [--only WORDS] [--sample N --seed S] [--list]
        [--jobs N] [--also kernel fs designs] [--json]

Each site (`marks`) is left out of the model in a process of its own, and the races and
programs of the battery (`battery`) are run until one shows something that the model
shows not otherwise.  Exits 1 if fewer than 95 of 100 are noticed, or if one is not that
is not in REASONS.

The sources are copied first, so that they may change meanwhile; what the model shows
as it is stays beside the copy, for the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import asdict, frozen

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from tools.marks import Site, sites_of  # noqa: E402

ROOT = Path(__file__).parents[2]
# What decides what the model shows as it is, and what a mutant needs besides.
MODEL = (
    "kmm",
    "tests/history.py",
    "tests/mm",
    "tests/tools/battery.py",
    "tests/tools/locksets.py",
    "tests/tools/noticing.py",
    "tests/tools/shared_programs.py",
    "tests/tools/small_scenes.py",
)
COPIED = (*MODEL, "tests/tools")
ENOUGH = 0.95

# Sites that nobody notices, by name (`*` stands for anything), and why not.
REASONS: dict[str, str] = {
    "mm/ksm.py:remove_slot:modify_once(k.ksm.mm_slots)": (
        "who looks without mmlist_lock has ksm_thread_mutex, as who removes has"
    ),
    "mm/ksm_merge.py:write_protect_page:read_once(page.mapcount)": (
        "the page may be written to by its entry, so that is the only one; the count "
        "changes with it, under the page-table lock, which is held"
    ),
    "mm/mmu_notifier.py:mm_take_all_locks:mapping.i_mmap_lock.lock_nest_lock()": (
        "it keeps walks away while a notifier is added, and what notifiers are told of "
        "walks is left out of the model"
    ),
    "mm/swapfile.py:swap_device_write:trap(*)": (
        "it only lets time pass: PG_writeback keeps the slot as it is, and a program "
        "that has the page back, and writes to it, makes it dirty again"
    ),
    "mm/swapfile.py:swap_device_read:trap(*)": (
        "it only lets time pass: the page is locked, and is in the swap cache, which "
        "keeps the slot as it is"
    ),
    "mm/swapops.py:make_migration_entry:page.locked.is_locked()": (
        "it is an assertion, and the caller has that lock himself"
    ),
    "mm/swapops.py:migration_entry_to_page:page.locked.is_locked()": (
        "it is an assertion: while the entry stands, under the lock of its table, its "
        "migration has the page locked; where that is not so, the kernel stops"
    ),
    "mm/vma.py:vma_link:with(vma.anon_vma.lock)": (
        "2.6.34 takes it there, but walks do not look at the list of an address space, "
        "which mmap_sem protects"
    ),
}


@frozen
class Verdict:
    """What became of one mutant."""

    name: str
    by: str  # the item that noticed it; "" if none did
    how: str
    tried: int  # items that got to the site
    seconds: float

    @property
    def reason(self) -> str:
        """Why nobody can notice it; "" if that is not known."""
        if not self.tried:
            return REASONS.get(self.name, "")
        return next(
            (why for like, why in REASONS.items() if matches(self.name, like)), ""
        )


def matches(name: str, like: str) -> bool:
    return name == like or fnmatchcase(name, like.replace("[", "[[]"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="sites with these words in them")
    parser.add_argument("--sample", type=int, help="so many of them, by chance")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--list", action="store_true", help="print their names")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--also", nargs="*", default=[], help="folders beside mm")
    parser.add_argument("--json", action="store_true", help="verdicts as JSON lines")
    parser.add_argument(
        "--harmless",
        action="store_true",
        help="add a preemption point instead: nothing should be noticed",
    )
    parser.add_argument("--items", default="", help="of the battery, with these words")
    parser.add_argument("--first", nargs="*", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    parser.add_argument("--prepare", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    folders = ("mm", *options.also)
    if options.prepare:
        prepare(options.items, *options.prepare)
        return 0
    if options.judge is not None:
        sites = {site.name: site for site in sites_of(ROOT, folders)}
        verdict = judged_here(
            sites[options.judge],
            options.items,
            options.first,
            harmless=options.harmless,
        )
        print(json.dumps(asdict(verdict)))
        return 0
    wanted = [s for s in sites_of(ROOT, folders) if options.only in s.name]
    if options.sample is not None:
        chance = random.Random(options.seed)
        wanted = chance.sample(wanted, min(options.sample, len(wanted)))
    if options.list:
        print("\n".join(site.name for site in wanted))
        return 0
    verdicts = []
    passed_on = ["--items", options.items, "--also", *options.also]
    if options.harmless:
        passed_on.append("--harmless")
    for verdict in judge_all(wanted, passed_on, options.jobs):
        verdicts.append(verdict)
        line = json.dumps(asdict(verdict)) if options.json else described(verdict)
        print(line, flush=True)
    return summed_up(verdicts)


def described(verdict: Verdict) -> str:
    if verdict.by:
        how = f"{verdict.by}: {verdict.how.splitlines()[0][:90]}"
    else:
        how = verdict.how or ("NOT NOTICED" if verdict.tried else "NOT EXERCISED")
    return f"{verdict.seconds:5.1f} s  {verdict.name}\n         {how}"


def summed_up(verdicts: list[Verdict]) -> int:
    """Print the totals; the exit code."""
    noticed = sum(bool(verdict.by) for verdict in verdicts)
    share = noticed / len(verdicts) if verdicts else 1.0
    print(f"noticed {noticed} of {len(verdicts)} ({100 * share:.1f} %)")
    left = [verdict for verdict in verdicts if not verdict.by]
    for verdict in left:
        exercised = "" if verdict.tried else "not exercised; "
        print(f"  {verdict.name}: {exercised}{verdict.reason or 'NO REASON KNOWN'}")
    return int(share < ENOUGH or not all(verdict.reason for verdict in left))


# The copy.


def snapshot() -> Path:
    """A copy of the sources as they are, named by what is in them."""
    contents = {path.relative_to(ROOT): path.read_bytes() for path in files_of(COPIED)}
    place = Path(tempfile.gettempdir()) / f"kmm-marks-{digest(contents)}"
    if not place.exists():
        made = Path(tempfile.mkdtemp(prefix="kmm-marks-"))
        for path, content in contents.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_bytes(content)
        made.rename(place)
    return place


def files_of(names: Sequence[str]) -> list[Path]:
    found = {
        path
        for name in names
        for path in (ROOT / name, *(ROOT / name).rglob("*.py"))
        if path.is_file()
    }
    return sorted(found)


def digest(contents: Mapping[Path, bytes]) -> str:
    sha = hashlib.sha256()
    for path, content in contents.items():
        sha.update(f"{path.as_posix()} {len(content)}\n".encode() + content)
    return sha.hexdigest()[:16]


def run_in(place: Path, arguments: Sequence[str]) -> str:
    """What this script prints there.  Raises RuntimeError if it fails."""
    script = place / "tests" / "tools" / "mutate_marks.py"
    ran = subprocess.run(  # the script itself
        [sys.executable, "-W", "ignore", str(script), *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])
    return ran.stdout


def judge_all(
    sites: Sequence[Site], passed_on: Sequence[str] = (), jobs: int = 1
) -> Iterator[Verdict]:
    """A verdict on each site, in order."""
    place = snapshot()
    telling: Counter[str] = Counter()  # items, by what they have noticed

    def judge(site: Site) -> Verdict:
        first = [item for item, _ in telling.most_common()]
        try:
            lines = run_in(place, ["--judge", site.name, *passed_on, "--first", *first])
        except RuntimeError as error:
            return Verdict(site.name, "", f"the script fails: {error}", 1, 0.0)
        verdict = Verdict(**json.loads(lines.splitlines()[-1]))
        telling.update([verdict.by] if verdict.by else [])
        return verdict

    def prepare_part(part: int) -> None:
        run_in(place, ["--prepare", str(part), str(jobs), *passed_on])

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(prepare_part, range(jobs)))
        yield from pool.map(judge, sites)


# In the process of one mutant.


def judged_here(
    site: Site, items_with: str, first: Sequence[str], *, harmless: bool
) -> Verdict:
    """The verdict on a site, which this process is then without.

    Of the items that get to it, those of `first` are asked first.
    """
    from tools.without import leave_out

    leave_out(site, harmless=harmless)
    # Only now: this imports the model.
    from tools.battery import battery
    from tools.noticing import Judge

    began = time.perf_counter()
    items = [item for item in battery() if items_with in item.name]
    judge = Judge.of(items, shown_folder())
    telling = judge.telling(items, site)
    rank = {name: number for number, name in enumerate(first)}
    telling.sort(key=lambda item: rank.get(item.name, len(rank)))
    by = how = ""
    for item in telling:
        how = judge.notice(item, site)
        if how:
            by = item.name
            break
    return Verdict(site.name, by, how, len(telling), time.perf_counter() - began)


def prepare(items_with: str, part: int, parts: int) -> None:
    """Find out what the model shows as it is, unless that is known already.

    A part of it: every `parts`th item, from the one of number `part` on.
    """
    from tools.battery import battery
    from tools.noticing import Judge

    items = [item for item in battery() if items_with in item.name]
    Judge.of(items[part::parts], shown_folder())


def shown_folder() -> Path:
    """Where it is kept what the model shows as it is."""
    contents = {path.relative_to(ROOT): path.read_bytes() for path in files_of(MODEL)}
    return Path(tempfile.gettempdir()) / f"kmm-marks-shown-{digest(contents)}"


if __name__ == "__main__":
    sys.exit(main())
