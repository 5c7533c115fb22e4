"""From a decision and what came of it to what is stored: one `Record` for each event, pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.model import APP, Event, HistoryEntry, Link
from shared.notices import event_notice
from shared.store.events import Record
from shared.sync.actions import EventPlan, NextLink, Rule
from shared.sync.links import Outcome, Refused, advance_link, gone
from shared.sync.singles import AHEAD, taken_back, told_of
from shared.sync.situation import Situation
from shared.sync.tag import copy_name

READ_ONLY = "The calendar may only be read now, so this is not written to it."

REFUSED = "refused:"
"""Begins the remote id of a link that stands for a copy the provider refused to create."""


def record_of(
    at: Situation,
    plan: EventPlan,
    outcomes: list[Outcome],
    *,
    run: str,
    quiet: bool,
    others: tuple[str, ...],
    stored: Link | None,
) -> Record | None:
    """What is to be stored, or None if nothing is. `run` is the snapshot under way ("" in the steady state), `quiet`
    leaves out notices (a first sync sends one for all), `others` are the owner's other calendars that hold bookings,
    `stored` is the link as it stands in the store (a refused one counts as none in the situation)."""
    event = plan.save or at.local
    outcomes = [*outcomes, *(Refused(write, READ_ONLY) for write in plan.kept_back)]
    link, unlink = _link_after(at, plan, outcomes, event, stored)
    if run and link is None and not unlink and stored is not None and at.link is not None and at.link.seen != run:
        link = at.link
    if link is not None and run:
        link = replace(link, seen=run)
    saved = plan.save
    if saved is not None and at.series_event is not None:
        saved = taken_back(at.series_event, saved, at.occurrence)
    told = tuple(told_of(entry, at.occurrence) for entry in plan.history)
    history = tuple(replace(entry, lost={}) for entry in told) if plan.redact else told
    if link is None and not unlink and saved is None and not history:
        return None
    return Record(
        owner=at.owner,
        event_id=plan.event_id,
        calendar_id=at.calendar_id,
        event=saved,
        link=link,
        unlink=unlink,
        history=history,
        notices=(event_notice(saved, at.now, told),) if saved is not None and not quiet else (),
        marks=others if saved is not None and saved.origin == APP else (),
    )


def _link_after(
    at: Situation, plan: EventPlan, outcomes: list[Outcome], event: Event | None, stored: Link | None
) -> tuple[Link | None, str]:
    """The link to put, and the remote id of the link to delete ("" for none)."""
    before = stored.remote_id if stored else ""
    match plan.link:
        case NextLink.ADVANCE if event is not None:
            link = advance_link(replace(at, link=None) if plan.rule is Rule.RESTORE else at, event, outcomes)
            if not link.remote_id:
                link = replace(link, remote_id=f"{REFUSED}{copy_name(event.id, at.occurrence)}")
            return link, before if before != link.remote_id else ""
        case NextLink.DROP if gone(outcomes):
            return None, before
        case NextLink.DROP if at.link is not None:
            problem = next((item.problem for item in outcomes if isinstance(item, Refused)), "")
            return replace(at.link, problem=problem), ""
        case _:
            return None, ""


def written_singly(event: Event, calendar_id: str, reason: str, now: datetime) -> Record:
    """The note in an event's history that a calendar cannot repeat it."""
    entry = HistoryEntry(
        at=now,
        actor=calendar_id,
        rule=Rule.EXPORT,
        sentence=f"The connected calendar has no way to repeat an event like this one: {reason}. Each occurrence until "
        f"{(now + AHEAD):%-d %B %Y} is written there as an event of its own, and later ones as their time comes near.",
    )
    return Record(owner=event.owner, event_id=event.id, calendar_id=calendar_id, history=(entry,))
