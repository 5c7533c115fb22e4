"""The brake: how much one sync may take over from a provider before somebody has to say yes (I10). Pure.

It looks at what a provider's report would do here: events deleted, events taken in. What the host app deletes or books
was asked for event by event, so it is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.sync.actions import EventPlan, Rule

DELETIONS: Final = 25
CREATIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Tally:
    """What a sync has taken over so far."""

    deleted: int = 0
    created: int = 0

    def with_plans(self, plans: Iterable[EventPlan]) -> Tally:
        """And what it would take over with these; an event counts once, whatever number of its copies is concerned."""
        found = list(plans)
        deleted = {plan.event_id for plan in found if plan.rule is Rule.DELETE_LOCAL}
        created = {plan.event_id for plan in found if plan.rule in (Rule.IMPORT, Rule.REVIVE)}
        return Tally(self.deleted + len(deleted), self.created + len(created))

    @property
    def may_be_much(self) -> bool:
        """Whether it is worth counting what is linked."""
        return self.deleted > DELETIONS or self.created > CREATIONS


def too_much(tally: Tally, linked: int) -> str:
    """Why a sync is to be held, as a sentence for people; "" if it may go on. `linked` is how many copies the calendar
    had before it: more than 25 deletions that are more than a third of them, or more than 500 new events that are more
    than all of them."""
    if tally.deleted > DELETIONS and 3 * tally.deleted > linked:
        return (
            f"At least {tally.deleted} of {linked} events were deleted in the connected calendar at once. The sync "
            "was stopped before as many go here: go on if that was meant, or look again."
        )
    if tally.created > CREATIONS and tally.created > linked:
        return (
            f"At least {tally.created} events appeared in the connected calendar at once, which had {linked}. The sync "
            "was stopped before it takes over as many: go on if that was meant, or look again."
        )
    return ""
