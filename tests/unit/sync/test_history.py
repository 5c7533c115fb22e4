"""What the history of an event says: who, when, why, what, by which rule, and what the other side had."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.api.views import history_json
from shared.model import (
    APP,
    CANCELLED,
    CONTENT_FIELDS,
    Event,
    HistoryEntry,
    OnExternal,
    Override,
    Policy,
    RemoteEvent,
    Removed,
    Series,
    Visibility,
)
from shared.sync.actions import EventPlan, Rule, UpdateCopy
from shared.sync.fingerprint import plain_value
from shared.sync.plan import plan_event
from shared.sync.recording import record_of
from shared.sync.singles import as_single
from shared.sync.situation import Situation
from shared.sync.values import series_of
from tests.unit.sync.memory import CALENDAR, FIRST, SECOND, THIRD, booking, content, span, weekly
from tests.unit.sync.situations import (
    EARLIER,
    LATER,
    NOW,
    bare,
    changed,
    edited,
    linked,
    report,
    situation,
    withheld,
)

RESTORE = Policy(on_external_change=OnExternal.RESTORE, on_external_delete=OnExternal.RESTORE)
GONE = Removed("r1")
MOVED = content(span=span(15, day=8))
RENAMED = content(span=span(day=8), title="Renamed")
SHORTER = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;COUNT=2",))


def plan(at: Situation, policy: Policy | None = None) -> EventPlan:
    return plan_event(at, policy or Policy())


def entry_of(at: Situation, policy: Policy | None = None) -> HistoryEntry:
    (entry,) = plan(at, policy).history
    return entry


def only(value: Override, key: str = SECOND, **members: Any) -> RemoteEvent:
    """A report of one occurrence alone."""
    return report(weekly(**{key: value}), content=None, recurrence=(), etag="", **members)


def theirs(series: Series | None = None) -> Event:
    return booking(series, id="evt_1", origin=CALENDAR)


MINE, THEIRS = edited(booking(), title="Mine"), report(changed(booking().series, title="Theirs"))
TOLD = {
    "taken over": (situation(None, report()), Policy(), Rule.IMPORT, "Taken over from the connected calendar."),
    "found again": (
        situation(theirs(), report(), owned=True),
        Policy(),
        Rule.ADOPT,
        "Found again in the connected calendar.",
    ),
    "back again": (
        situation(replace(theirs(), deleted=True), report()),
        Policy(),
        Rule.REVIVE,
        "The connected calendar has this event again.",
    ),
    "changed there": (
        linked(booking(), report(changed(booking().series, title="Theirs"))),
        Policy(),
        Rule.MERGE,
        "Changed in the connected calendar.",
    ),
    "later there": (
        linked(MINE, THEIRS, base=booking()),
        Policy(),
        Rule.MERGE,
        "Changed on both sides; for the fields in `lost` the later edit stands.",
    ),
    "later here": (
        linked(MINE, replace(THEIRS, updated_at=EARLIER), base=booking()),
        Policy(),
        Rule.MERGE,
        "Changed on both sides; the change made here is the later one and stands.",
    ),
    "put back": (
        linked(booking(), THEIRS),
        RESTORE,
        Rule.MERGE,
        "Changed in the connected calendar; put back, as the connection asks.",
    ),
    "made anew": (
        linked(booking(), GONE),
        RESTORE,
        Rule.RESTORE,
        "Deleted in the connected calendar; put back, as the connection asks.",
    ),
    "deleted there": (linked(booking(), GONE), Policy(), Rule.DELETE_LOCAL, "Deleted in the connected calendar."),
    "deleted there, edited here": (
        linked(MINE, GONE, base=booking()),
        Policy(),
        Rule.DELETE_LOCAL,
        "Deleted in the connected calendar; that outweighs the change made here meanwhile.",
    ),
    "deleted here, edited there": (
        linked(replace(booking(), deleted=True), THEIRS, base=booking()),
        Policy(),
        Rule.DELETE_REMOTE,
        "The copy was deleted from here, so a change that was made in it was dropped.",
    ),
}


@pytest.mark.parametrize(("at", "policy", "rule", "sentence"), TOLD.values(), ids=TOLD)
def test_the_history_answers_who_when_why_what_and_by_which_rule(
    at: Situation, policy: Policy, rule: Rule, sentence: str
) -> None:
    entry = entry_of(at, policy)
    assert (entry.actor, entry.at, entry.rule, entry.sentence) == (CALENDAR, NOW, rule, sentence)
    shown = history_json(entry)
    assert (shown["actor"], shown["rule"], shown["sentence"]) == (CALENDAR, rule.value, sentence)
    assert {"at", "fields", "lost"} <= set(shown)


def test_an_exception_of_our_own_that_the_series_never_had_is_dropped_and_the_history_says_so() -> None:
    stray = booking(Series(content(), weekly().recurrence, {"20270302T080000Z": CANCELLED}))
    entry = entry_of(linked(stray, report(weekly(), overrides={})))
    assert entry.sentence == "Occurrences that the series no longer has were dropped."
    assert (entry.fields, dict(entry.lost)) == ((), {})


# --- what the other side had -----------------------------------------------------------------------------------------


def test_the_value_that_lost_is_shown_as_it_was_whichever_side_it_was_on() -> None:
    there, here = entry_of(TOLD["later there"][0]), entry_of(TOLD["later here"][0])
    assert (there.fields, dict(there.lost)) == (("title",), {"title": "Mine"})
    assert (here.fields, dict(here.lost)) == ((), {"title": "Theirs"})
    assert dict(entry_of(linked(booking(), THEIRS), RESTORE).lost) == {"title": "Theirs"}


def test_a_change_that_met_no_other_lost_nothing() -> None:
    for name in ("taken over", "changed there", "deleted there", "back again", "found again"):
        at, policy, _, _ = TOLD[name]
        assert dict(entry_of(at, policy).lost) == {}


def test_an_occurrence_that_lost_as_a_whole_is_shown_with_all_it_held() -> None:
    cancelled = booking(weekly(**{SECOND: CANCELLED}))
    entry = entry_of(linked(cancelled, only(MOVED), base=booking(weekly())))
    held = {name: plain_value(getattr(MOVED, name)) for name in CONTENT_FIELDS}
    assert entry.lost[f"occurrence {SECOND}"] == held


def test_an_edit_here_that_a_cancellation_there_outweighed_is_shown_with_all_it_held() -> None:
    entry = entry_of(linked(booking(weekly(**{SECOND: MOVED})), only(CANCELLED), base=booking(weekly())))
    assert entry.lost == {f"occurrence {SECOND}": {name: plain_value(getattr(MOVED, name)) for name in CONTENT_FIELDS}}


def test_a_cancellation_that_lost_is_shown_as_one() -> None:
    series = booking(weekly(**{SECOND: CANCELLED}))
    entry = entry_of(linked(booking(weekly()), only(CANCELLED)), RESTORE)
    assert entry.lost == {f"occurrence {SECOND}": "cancelled"}
    entry = entry_of(linked(booking(weekly()), only(RENAMED), base=series))
    assert entry.lost == {f"occurrence {SECOND}": "as the series"}


def test_an_edit_of_an_occurrence_that_a_shorter_rule_there_took_away_is_in_the_history() -> None:
    third = content(span=span(day=15), title="Mine")
    here = booking(weekly(**{THIRD: third}))
    entry = entry_of(linked(here, report(SHORTER, overrides={}), base=booking(weekly())))
    assert entry.fields == ("recurrence",)
    assert set(entry.lost) == {f"occurrence {THIRD}"}
    assert entry.lost[f"occurrence {THIRD}"]["title"] == "Mine"  # type: ignore[index]


def test_an_edit_there_of_an_occurrence_that_a_shorter_rule_here_took_away_is_in_the_history() -> None:
    third = content(span=span(day=15), title="Theirs")
    entry = entry_of(linked(booking(SHORTER), only(third, THIRD), base=booking(weekly())))
    assert set(entry.lost) == {f"occurrence {THIRD}"}
    assert entry.lost[f"occurrence {THIRD}"]["title"] == "Theirs"  # type: ignore[index]


def test_an_occurrence_that_nobody_edited_is_not_mourned_when_a_shorter_rule_takes_it_away() -> None:
    third = content(span=span(day=15), title="Long agreed")
    both = booking(weekly(**{THIRD: third}))
    assert plan(linked(booking(SHORTER), only(third, THIRD), base=both)).history == ()
    assert dict(entry_of(linked(both, report(SHORTER, overrides={}))).lost) == {}


def test_an_exception_of_no_occurrence_is_no_loss_where_nothing_was_moved() -> None:
    assert plan(linked(booking(weekly()), only(content(title="Stray"), "20270302T080000Z"))).history == ()


@pytest.mark.parametrize(
    ("here", "edited_here"),
    [
        (weekly(), False),
        (weekly(**{SECOND: CANCELLED}), True),
        (weekly(**{SECOND: RENAMED}), True),
        (replace(weekly(), recurrence=SHORTER.recurrence), True),
    ],
)
def test_a_deletion_says_that_it_outweighed_an_edit_only_if_there_was_one(here: Series, edited_here: bool) -> None:
    entry = entry_of(linked(booking(here), GONE, base=booking(weekly())))
    assert ("outweighs" in entry.sentence) is edited_here


@pytest.mark.parametrize("known", [{SECOND: CANCELLED}, {SECOND: RENAMED, THIRD: CANCELLED}])
def test_occurrences_that_were_in_step_are_no_edit_that_a_deletion_outweighs(known: dict[str, Override]) -> None:
    both = booking(weekly(**known))
    assert entry_of(linked(both, GONE)).sentence == "Deleted in the connected calendar."
    less = booking(weekly(**dict(list(known.items())[1:])))
    assert "outweighs" in entry_of(linked(less, GONE, base=both)).sentence


def dead(event: Event | None = None) -> Event:
    return replace(event or booking(weekly()), deleted=True)


@pytest.mark.parametrize(
    ("reported", "lost"),
    [
        (report(changed(weekly(), title="Theirs"), overrides={}), {"title": "Theirs"}),
        (report(SHORTER, overrides={}), {"recurrence": list(SHORTER.recurrence)}),
        (only(CANCELLED), {f"occurrence {SECOND}": "cancelled"}),
        (
            only(RENAMED),
            {f"occurrence {SECOND}": {name: plain_value(getattr(RENAMED, name)) for name in CONTENT_FIELDS}},
        ),
    ],
)
def test_what_was_edited_there_of_an_event_that_was_deleted_here_is_kept_to_the_letter(
    reported: RemoteEvent, lost: dict[str, object]
) -> None:
    entry = entry_of(linked(dead(), reported, base=booking(weekly())))
    assert (entry.fields, dict(entry.lost)) == (tuple(lost), lost)


def test_what_was_known_of_the_other_side_is_no_edit_that_a_deletion_drops() -> None:
    both = booking(weekly(**{SECOND: RENAMED}))
    assert plan(linked(dead(both), report(both.series), base=both)).history == ()
    there = booking(changed(both.series, title="As they hold it"))
    assert plan(linked(dead(both), report(there.series), base=both, base_there=report(there.series))).history == ()


def test_text_that_is_withheld_is_no_edit_of_a_booking_that_was_deleted_here() -> None:
    assert plan(linked(dead(), withheld(weekly()), base=booking(weekly()))).history == ()
    moved = entry_of(linked(dead(), withheld(changed(weekly(), span=span(10))), base=booking(weekly())))
    assert moved.fields == ("span",)
    event = theirs(weekly())
    hidden = entry_of(linked(dead(event), withheld(weekly()), base=event))
    assert dict(hidden.lost) == {"title": "", "location": ""}


def test_an_edit_of_a_copy_that_was_never_linked_is_known_by_what_the_booking_says() -> None:
    left = report(changed(weekly(), title="Theirs"), overrides={}, tag="b1")
    entry = entry_of(situation(dead(), left, owned=True))
    assert (entry.rule, dict(entry.lost)) == (Rule.DELETE_REMOTE, {"title": "Theirs"})


@pytest.mark.parametrize(
    ("here", "lost"),
    [
        (changed(weekly(), title="Mine"), {"title": "Mine"}),
        (weekly(**{SECOND: CANCELLED}), {f"occurrence {SECOND}": "cancelled"}),
        (
            weekly(**{SECOND: RENAMED}),
            {f"occurrence {SECOND}": {name: plain_value(getattr(RENAMED, name)) for name in CONTENT_FIELDS}},
        ),
    ],
)
def test_what_was_edited_here_of_an_event_that_was_deleted_there_is_kept_to_the_letter(
    here: Series, lost: dict[str, object]
) -> None:
    assert dict(entry_of(linked(booking(here), GONE, base=booking(weekly()))).lost) == lost
    back = entry_of(linked(booking(weekly()), GONE, base=booking(weekly(**{SECOND: CANCELLED}))))
    assert dict(back.lost) == {f"occurrence {SECOND}": "as the series"}


def test_a_deletion_there_happens_when_it_is_seen_even_if_this_clock_was_ahead() -> None:
    ahead = replace(booking(), updated_at=NOW + timedelta(hours=1))
    decided = plan(linked(ahead, GONE))
    assert decided.save is not None
    assert decided.save.updated_at == NOW


def test_a_single_that_somebody_made_repeat_is_made_single_again_and_the_rule_is_in_the_history() -> None:
    """A single stands for one occurrence of a series that the provider cannot repeat."""
    series = booking(Series(content(), ("RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=6",)))
    single = as_single(series, FIRST)
    at = linked(single, report(Series(content(title="Theirs"), ("RRULE:FREQ=DAILY",))), base=single)
    decided = plan(replace(at, occurrence=FIRST, series_event=series))
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e1", fields={"recurrence": ()}),)
    assert decided.save is not None
    assert decided.save.series == Series(content(title="Theirs"))
    assert dict(decided.history[0].lost) == {"recurrence": ["RRULE:FREQ=DAILY"]}
    plain = plan(replace(linked(single, report(Series(content(title="Theirs"))), base=single), occurrence=FIRST))
    assert (plain.writes, dict(plain.history[0].lost)) == ((), {})


# --- text that turned private ----------------------------------------------------------------------------------------

PRIVATE = Visibility.PRIVATE


@pytest.mark.parametrize(
    ("origin_there", "here", "there", "redacted"),
    [
        (True, weekly(), report(changed(weekly(), location="Room 9")), False),
        (True, weekly(), withheld(changed(weekly(), visibility=PRIVATE)), True),
        (True, weekly(), report(changed(weekly(), visibility=PRIVATE)), True),
        (True, weekly(), withheld(changed(weekly(), span=span(10))), True),
        (True, changed(weekly(), title="", location=""), withheld(changed(weekly(), span=span(10))), False),
        (True, changed(weekly(), visibility=PRIVATE), report(changed(weekly(), location="Room 9")), False),
        (
            True,
            changed(weekly(), visibility=PRIVATE, title="", location=""),
            withheld(changed(weekly(), visibility=PRIVATE, span=span(10))),
            False,
        ),
        (False, weekly(), withheld(changed(weekly(), visibility=PRIVATE)), False),
    ],
)
def test_the_history_is_redacted_exactly_when_text_of_theirs_was_withdrawn(
    origin_there: bool, here: Series, there: RemoteEvent, redacted: bool
) -> None:
    event = theirs(here) if origin_there else booking(here)
    decided = plan(linked(event, there, base=event))
    assert decided.save is not None
    assert decided.redact is redacted


def test_the_history_is_redacted_too_when_the_copy_of_a_private_event_is_withdrawn() -> None:
    event = theirs(weekly())
    at = linked(event, withheld(changed(weekly(), visibility=PRIVATE)), base=event, held=False)
    assert plan(at).rule is Rule.WITHDRAW
    assert plan(at).redact is True
    assert plan(linked(booking(), THEIRS, held=False)).redact is False


def test_what_is_made_private_here_loses_its_text_and_nothing_else_in_every_occurrence() -> None:
    """The provider's event: its text stays with the provider."""
    was = theirs(weekly(**{SECOND: MOVED, THIRD: CANCELLED}))
    event = replace(was, series=changed(was.series, visibility=PRIVATE))
    decided = plan(linked(event, report(changed(was.series, location="Room 9")), base=was))
    assert decided.save is not None
    kept = decided.save.series
    assert kept.content == bare(content(visibility=PRIVATE))
    assert kept.overrides == {SECOND: bare(MOVED), THIRD: CANCELLED}
    assert decided.redact


def test_what_a_conflict_overruled_is_not_recorded_of_an_event_that_is_private_now() -> None:
    at = linked(
        edited(theirs(), location="Mine"), withheld(changed(booking().series, visibility=PRIVATE)), base=theirs()
    )
    decided = replace(plan(at), history=tuple(replace(one, lost={"location": "Mine"}) for one in plan(at).history))
    record = record_of(at, decided, [], run="", quiet=False, others=(), stored=at.link)
    assert decided.redact
    assert record is not None
    assert [dict(one.lost) for one in record.history] == [{}]
    kept = record_of(at, replace(decided, redact=False), [], run="", quiet=False, others=(), stored=at.link)
    assert kept is not None
    assert [dict(one.lost) for one in kept.history] == [{"location": "Mine"}]


def test_a_report_without_the_event_is_never_made_an_event() -> None:
    with pytest.raises(ValueError, match=r"^the report holds no event, only occurrences$"):
        series_of(only(CANCELLED))


def test_what_is_later_there_is_told_apart_from_what_is_later_here() -> None:
    assert EARLIER < booking().updated_at < LATER


@pytest.mark.parametrize(("origin", "afterwards"), [(CALENDAR, CALENDAR), ("con_0.old", CALENDAR), (APP, APP)])
def test_an_event_that_is_back_belongs_to_the_calendar_that_has_it_unless_it_is_the_apps(
    origin: str, afterwards: str
) -> None:
    decided = plan(situation(booking(origin=origin, deleted=True), report()))
    assert decided.rule is Rule.REVIVE
    assert decided.save is not None
    assert (decided.save.origin, decided.save.deleted) == (afterwards, False)
