"""What is to be done about one event: the decision table of the sync, pure.

`plan_event` looks at what the app holds, what the provider reported and what links the two, and answers with an
`EventPlan`: which writes the provider gets, what the app's event becomes, what happens to the link, and why. Nothing
is fetched, written or read here; the same situation gives the same plan.

    the app's event │ provider's report │ link │ rule
    ────────────────┼───────────────────┼──────┼──────────────────────────────────────────────────────────────────
    none            │ an event          │ no   │ IMPORT       take it into the app
    alive           │ nothing           │ no   │ EXPORT       create a copy, if this calendar is to hold one
    alive           │ its own copy      │ no   │ ADOPT        an earlier attempt made it: link it, merge without base
    alive           │ its copy, removed │ no   │ DELETE_LOCAL deleted before the link was recorded
    alive           │ nothing           │ yes  │ PUSH         write what the app changed
    alive           │ an event          │ yes  │ MERGE, or ECHO if neither side differs from the merge base
    alive           │ removed           │ yes  │ DELETE_LOCAL, or RESTORE if the person chose so for bookings
    alive, not held │ nothing, an event │ yes  │ WITHDRAW     the calendar is to hold no copy; an edit is recorded first
    deleted         │ nothing, an event │ yes  │ DELETE_REMOTE deletion wins
    deleted         │ removed           │ yes  │ FORGET       both are gone
    deleted         │ its own copy      │ no   │ DELETE_REMOTE left over from an interrupted attempt
    deleted         │ another's event   │ no   │ REVIVE       the provider's side has it again
    deleted         │ nothing           │ no   │ DELETE_STRAY ask by key for a copy whose link was never recorded
    anything else   │                   │      │ NOTHING

`docs/sync.md` says each row in words; `tests/unit/sync/test_plan.py` holds one test per row.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from shared.model import APP, Event, OnExternal, Policy, RemoteEvent, Removed
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, EventPlan, NextLink, Rule, Write
from shared.sync.edits import unseen_edit, unsent_edit
from shared.sync.merge import merge_event, next_event, whole_override, why
from shared.sync.situation import Situation, Unseen
from shared.sync.values import series_of


def plan_event(at: Situation, policy: Policy) -> EventPlan:
    """Decide about one event; see the table above."""
    local, remote, link = at.local, at.remote, at.link
    alive = local is not None and not local.deleted
    match remote:
        case Unseen() if alive and link is None:
            return _export(at, Rule.EXPORT) if at.held and at.writable else _nothing(at)
        case Unseen() if alive and at.held:
            return merge_event(at, policy, Rule.PUSH)
        case Unseen() if alive:
            return _delete_remote(at, Rule.WITHDRAW)
        case Unseen() if local is not None:
            return _delete_remote(at, Rule.DELETE_REMOTE) if link else _delete_stray(at)
        case Removed() if alive and (link or at.owned):
            return _removed_there(at, policy)
        case Removed() if link:
            return EventPlan(event_id=link.event_id, rule=Rule.FORGET, link=NextLink.DROP)
        case RemoteEvent(content=None) if link is None or local is None:
            return _nothing(at)
        case RemoteEvent() if local is None:
            return _import(at, remote)
        case RemoteEvent() if alive and (link or at.owned) and not at.held and at.writable:
            return _withdraw(at, policy)
        case RemoteEvent() if alive and (link or at.owned):
            merged = merge_event(at, policy, Rule.MERGE if link else Rule.ADOPT)
            return merged if at.held else _still_to_go(at, remote, merged)
        case RemoteEvent() if link or at.owned:
            return _delete_remote(at, Rule.DELETE_REMOTE)
        case RemoteEvent():
            return _revive(at, remote)
        case _:
            return _nothing(at)


def _nothing(at: Situation) -> EventPlan:
    return EventPlan(event_id=at.local.id if at.local else at.import_id, rule=Rule.NOTHING)


def _export(at: Situation, rule: Rule) -> EventPlan:
    series = at.shown
    create = CreateCopy(key=at.key, tag=at.tag, series=replace(series, overrides={}))
    overrides = [whole_override(start, series.overrides[start]) for start in sorted(series.overrides)]
    writes: tuple[Write, ...] = (create, *overrides)
    return EventPlan(event_id=at.event.id, rule=rule, writes=writes, link=NextLink.ADVANCE)


def _import(at: Situation, remote: RemoteEvent) -> EventPlan:
    event = Event(
        id=at.import_id,
        owner=at.owner,
        series=series_of(remote),
        origin=at.calendar_id,
        version=1,
        updated_at=remote.updated_at or at.now,
    )
    history = (why(at, Rule.IMPORT, "Taken over from the connected calendar."),)
    return EventPlan(event_id=event.id, rule=Rule.IMPORT, save=event, link=NextLink.ADVANCE, history=history)


def _revive(at: Situation, remote: RemoteEvent) -> EventPlan:
    event = next_event(at, series_of(remote))
    event = replace(event, origin=APP if event.origin == APP else at.calendar_id)
    history = (why(at, Rule.REVIVE, "The connected calendar has this event again."),)
    return EventPlan(event_id=event.id, rule=Rule.REVIVE, save=event, link=NextLink.ADVANCE, history=history)


def _delete_remote(at: Situation, rule: Rule) -> EventPlan:
    """Deletion wins: what the provider changed meanwhile is dropped, and the history says so."""
    reported = at.remote if isinstance(at.remote, RemoteEvent) else None
    remote_id = reported.remote_id if reported else at.link.remote_id if at.link else ""
    etag = reported.etag if reported and reported.content else at.link.etag if at.link and not reported else ""
    sentence = "The copy was deleted from here, so a change that was made in it was dropped."
    dropped = unseen_edit(at, reported) if reported is not None else {}
    delete = (DeleteCopy(remote_id=remote_id, etag=etag),)
    entry = replace(why(at, rule, sentence), fields=tuple(dropped), lost=MappingProxyType(dict(dropped)))
    return EventPlan(
        event_id=at.event.id,
        rule=rule,
        writes=delete if at.writable else (),
        kept_back=() if at.writable else delete,
        link=NextLink.DROP,
        history=(entry,) if dropped else (),
    )


def _withdraw(at: Situation, policy: Policy) -> EventPlan:
    """The copy goes, but what the person last changed in it does not: that is recorded before the copy goes, in a plan
    of its own (`goes_next`), since whoever does both may be stopped in between."""
    merged = merge_event(at, policy, Rule.WITHDRAW)
    if merged.save is not None:
        return replace(merged, writes=(), link=NextLink.KEEP)
    return replace(_delete_remote(at, Rule.WITHDRAW), history=merged.history)


def goes_next(plan: EventPlan) -> bool:
    """Whether the plan only recorded what a copy says that is to go next."""
    return plan.rule is Rule.WITHDRAW and plan.save is not None


def _delete_stray(at: Situation) -> EventPlan:
    writes = (DeleteStray(key=at.key),) if at.writable else ()
    return EventPlan(event_id=at.event.id, rule=Rule.DELETE_STRAY, writes=writes)


def _still_to_go(at: Situation, remote: RemoteEvent, merged: EventPlan) -> EventPlan:
    """A copy that the calendar is to hold no more and that cannot be deleted, since it may only be read now."""
    delete = DeleteCopy(remote_id=remote.remote_id, etag="")
    known = merged.link is NextLink.KEEP and at.link is not None and at.link.problem
    return merged if known else replace(merged, kept_back=(*merged.kept_back, delete), link=NextLink.ADVANCE)


def _removed_there(at: Situation, policy: Policy) -> EventPlan:
    event: Event = at.event
    if not at.held:
        return EventPlan(event_id=event.id, rule=Rule.FORGET, link=NextLink.DROP)
    if event.origin == APP and policy.on_external_delete is OnExternal.RESTORE:
        if not at.writable:
            sentence = "Deleted in the connected calendar, which may only be read, so it could not be put back there."
            history = (why(at, Rule.FORGET, sentence),)
            return EventPlan(event_id=event.id, rule=Rule.FORGET, link=NextLink.DROP, history=history)
        sentence = "Deleted in the connected calendar; put back, as the connection asks."
        return replace(_export(at, Rule.RESTORE), history=(why(at, Rule.RESTORE, sentence),))
    unsent = unsent_edit(event, at.link) if at.link is not None else {}
    sentence = "Deleted in the connected calendar."
    if unsent:
        sentence = "Deleted in the connected calendar; that outweighs the change made here meanwhile."
    entry = replace(why(at, Rule.DELETE_LOCAL, sentence), lost=MappingProxyType(dict(unsent)))
    return EventPlan(
        event_id=event.id,
        rule=Rule.DELETE_LOCAL,
        save=replace(next_event(at, event.series), deleted=True, updated_at=at.now),
        link=NextLink.DROP,
        history=(entry,),
    )
