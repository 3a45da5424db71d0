"""Linux up to 3.0: look first, and take the page-table lock only if it seems worth it.

The look saves a lock for VMAs that do not map the page.  But an entry that is being
moved is for a moment in neither place, and only the lock says so.  A walk that looks
then passes over both places, even if it visits them in the right order.
"""

from __future__ import annotations

from ...mm.migrate import remove_migration_pte
from .question import PtePeek

UNLOCKED = PtePeek(
    name="unlocked",
    title="look without the lock first",
    tag="P0",
    source="Linux, until 3.0",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    remove_migration_pte=remove_migration_pte,
)
