"""The link after the writes: what counts as in step from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import (
    APP,
    CANCELLED,
    Base,
    Content,
    Policy,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Series,
    ShowAs,
    Visibility,
)
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, UpdateCopy, UpdateOccurrence
from shared.sync.fingerprint import (
    CANCELLED_FINGERPRINT,
    FOLLOWS,
    fingerprint_content,
    fingerprint_override,
    fingerprint_series,
)
from shared.sync.links import Refused, Written, advance_link, gone, remote_after
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN
from shared.sync.values import with_values
from tests.unit.sync.memory import CALENDAR, SECOND, THIRD, booking, content, span, weekly
from tests.unit.sync.situations import LATER, changed, edited, link_of, linked, report, situation, withheld

TITLE = UpdateCopy(remote_id="r1", etag="e1", fields={"title": "Call"})
CANCEL = UpdateOccurrence(remote_id="r1", original_start=SECOND, occurrence_id="", etag="", change=CANCELLED)


def base_of(series: Series) -> dict[str, str]:
    return dict(fingerprint_series(series.content, series.recurrence))


# --- the event as a whole ------------------------------------------------------------------------------------------


def test_a_report_that_was_merged_is_the_next_base() -> None:
    event = booking()
    link = advance_link(situation(event, report()), event, [])
    assert (link.remote_id, link.event_id, link.etag, link.problem) == ("r1", "b1", "e1", "")
    assert link.base == Base(base_of(event.series), base_of(event.series))


def test_each_side_keeps_its_own_value_where_the_provider_cannot_hold_the_apps() -> None:
    event = booking(Series(content(show_as=ShowAs.TENTATIVE)))
    link = advance_link(situation(event, report(Series(content()))), event, [])
    differs = {name for name in link.base.local if link.base.local[name] != link.base.remote[name]}
    assert differs == {"show_as"}


def test_the_answer_to_a_write_gives_the_version_for_the_next_one() -> None:
    event = edited(booking(), title="Call")
    answer = report(event.series, etag="e2")
    link = advance_link(linked(event, UNSEEN, base=booking()), event, [Written(TITLE, answer)])
    assert link.etag == "e2"
    assert link.base == Base(base_of(event.series), base_of(event.series))


def test_a_refused_write_still_counts_as_unsynced_and_says_why() -> None:
    event = edited(booking(), title="Call", location="Room 2")
    link = advance_link(linked(event, UNSEEN, base=booking()), event, [Refused(TITLE, "Too long.")])
    assert link.problem == "Too long."
    assert link.base.local["title"] == base_of(booking().series)["title"]
    assert link.base.local["location"] == base_of(event.series)["location"]
    again = plan_event(situation(event, UNSEEN, link=link), Policy())
    assert again.writes == (TITLE,)


def test_a_write_that_succeeds_clears_the_problem() -> None:
    event = edited(booking(), title="Call")
    at = linked(event, UNSEEN, base=booking())
    at = replace(at, link=replace(link_of(booking()), problem="Too long."))
    assert advance_link(at, event, [Written(TITLE, report(event.series))]).problem == ""


def test_a_first_write_that_is_refused_has_no_base_to_keep() -> None:
    event = booking()
    link = advance_link(situation(event, UNSEEN), event, [Refused(TITLE, "No.")])
    assert link.base.local["title"] == ""
    assert link.remote_id == ""


def test_what_was_not_reported_keeps_its_base_and_its_version() -> None:
    event = booking(weekly())
    only_second = report(weekly(**{SECOND: CANCELLED}), content=None, etag="o9")
    link = advance_link(linked(event, only_second), event, [])
    assert link.etag == "e1"
    assert link.base.remote == base_of(event.series)


def test_a_link_remembers_the_snapshot_that_saw_it() -> None:
    at = linked(booking(), report())
    assert advance_link(replace(at, link=replace(link_of(booking()), seen="run")), booking(), []).seen == "run"


# --- occurrences ---------------------------------------------------------------------------------------------------


def test_an_occurrence_written_blindly_does_not_swallow_an_edit_that_nobody_has_read() -> None:
    """The person renamed the occurrence unseen; the write moved it. The name must still be news when it is reported."""
    event = booking(weekly(**{SECOND: content(span=span(15, day=8))}))
    move = replace(CANCEL, change={"span": span(15, day=8)})
    answer = RemoteOverride("r1_2", "o2", content(span=span(15, day=8), title="Renamed there"))
    at = linked(event, UNSEEN, base=booking(weekly()))
    link = advance_link(at, event, [Written(move, answer)])
    assert link.overrides[SECOND].etag == "o2"
    remote = report(content=None, etag="", overrides={SECOND: answer})
    decided = plan_event(situation(event, remote, link=link), Policy())
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: answer.value}


def test_an_occurrence_written_at_a_known_version_is_in_step_as_the_provider_answers() -> None:
    was, now = (booking(weekly(**{SECOND: content(span=span(hour, day=8))})) for hour in (15, 16))
    write = replace(CANCEL, etag=f"o-{SECOND}", change={"span": span(16, day=8)})
    answer = RemoteOverride("r1_2", "o2", content(span=span(16, day=8), title="VISIT"))
    link = advance_link(linked(now, UNSEEN, base=was), now, [Written(write, answer)])
    assert link.overrides[SECOND].base.remote == fingerprint_override(answer.value)


def test_a_refused_occurrence_is_still_unsynced() -> None:
    event = booking(weekly(**{SECOND: CANCELLED}))
    at = linked(event, UNSEEN, base=booking(weekly()))
    link = advance_link(at, event, [Refused(CANCEL, "Not allowed.")])
    assert SECOND not in link.overrides
    assert link.problem == "Not allowed."
    assert plan_event(replace(at, link=link), Policy()).writes == (CANCEL,)


def test_a_refused_occurrence_that_was_linked_keeps_its_base_here() -> None:
    was = booking(weekly(**{SECOND: content(span=span(15, day=8))}))
    event = booking(weekly(**{SECOND: CANCELLED}))
    link = advance_link(linked(event, UNSEEN, base=was), event, [Refused(CANCEL, "No.")])
    assert link.overrides[SECOND].base.local == fingerprint_content(content(span=span(15, day=8)))


def test_an_exception_that_follows_here_is_linked_all_the_same() -> None:
    event = booking(weekly())
    there = report(weekly(**{SECOND: content(span=span(day=8))}))
    link = advance_link(linked(event, there), event, [])
    assert link.overrides[SECOND].base == Base(FOLLOWS, fingerprint_content(content(span=span(day=8))))


def test_unreported_occurrences_stay_linked_and_vanished_ones_do_not() -> None:
    event = booking(weekly(**{SECOND: CANCELLED, THIRD: CANCELLED}))
    link = advance_link(linked(event, report(event.series, overrides={})), event, [])
    assert set(link.overrides) == {SECOND, THIRD}
    assert link.overrides[SECOND].base.remote == CANCELLED_FINGERPRINT
    shorter = replace(event, series=Series(content(), ("RRULE:FREQ=WEEKLY;COUNT=2",), {SECOND: CANCELLED}))
    link = advance_link(linked(shorter, UNSEEN, base=event), shorter, [])
    assert set(link.overrides) == {SECOND}


# --- the remote side after the writes ------------------------------------------------------------------------------


def test_our_own_write_does_not_make_the_providers_side_later() -> None:
    """Else, when the app is edited before the plan is recorded, that edit loses to an older one."""
    ours = report(booking().series, etag="e2", updated_at=LATER)
    assert remote_after(linked(booking(), UNSEEN), [Written(TITLE, ours)]) == replace(ours, updated_at=None)
    known = report(updated_at=booking().updated_at)
    after = remote_after(linked(booking(), known), [Written(TITLE, ours)])
    assert after is not None
    assert after.updated_at == known.updated_at


def test_what_was_reported_of_occurrences_survives_the_answer_to_a_write() -> None:
    known = report(weekly(**{SECOND: CANCELLED}))
    answer = report(changed(weekly(), title="Call"), etag="e2")
    third = RemoteOverride("r1_3", "o3", CANCELLED)
    write = replace(CANCEL, original_start=THIRD)
    after = remote_after(linked(booking(weekly()), known), [Written(TITLE, answer), Written(write, third)])
    assert after is not None
    assert (after.etag, set(after.overrides), after.overrides[THIRD]) == ("e2", {SECOND, THIRD}, third)


def test_nothing_said_is_nothing_known() -> None:
    assert remote_after(situation(booking(), UNSEEN), []) is None
    assert remote_after(situation(booking(), Removed("r1")), [Refused(TITLE, "No.")]) is None
    second = RemoteOverride("r1_2", "o2", CANCELLED)
    assert remote_after(linked(booking(weekly()), UNSEEN), [Written(CANCEL, second)]) == RemoteEvent(
        remote_id="r1", overrides={SECOND: second}
    )


# --- deletions -----------------------------------------------------------------------------------------------------


def test_only_a_deletion_that_took_effect_ends_a_link() -> None:
    delete, stray = DeleteCopy(remote_id="r1", etag=""), DeleteStray(key="k")
    assert gone([])
    assert gone([Written(delete, None), Written(stray, None)])
    assert not gone([Refused(delete, "Not yours.")])
    create = CreateCopy(key="k", tag="b1", series=booking().series)
    assert gone([Refused(create, "No."), Written(delete, None)])


# --- names, and what was never read ----------------------------------------------------------------------------------


def test_a_link_is_of_one_calendar_and_one_occurrence_and_begins_with_nothing_known() -> None:
    event = booking()
    at = replace(situation(event, UNSEEN), occurrence=SECOND)
    link = advance_link(at, event, [Refused(CreateCopy(key="k", tag="b1", series=event.series), "No.")])
    assert (link.calendar_id, link.event_id, link.occurrence) == (at.calendar_id, "b1", SECOND)
    assert (link.remote_id, link.etag, link.seen, dict(link.base.remote)) == ("", "", "", {})


def test_text_that_first_shows_in_the_answer_to_our_own_write_is_news_when_it_is_reported() -> None:
    """A private event of theirs: its text was withheld until now, and was never merged."""
    private = booking(changed(booking().series, title="", location=""), id="evt_1", origin="con_1.cal")
    event = edited(private, title="Named here")
    answer = report(changed(event.series, location="Their room"), etag="e2")
    at = linked(event, UNSEEN, base=private)
    assert at.link is not None
    base = advance_link(at, event, [Written(replace(TITLE, fields={"title": "Named here"}), answer)]).base.remote
    assert base["title"] == base_of(event.series)["title"]
    assert base["location"] == base_of(private.series)["location"]
    assert base["location"] != fingerprint_content(content(location="Their room"))["location"]
    assert advance_link(at, event, []).base.remote == at.link.base.remote


def test_what_the_answer_shows_of_fields_that_were_not_written_is_an_edit_yet_to_be_merged() -> None:
    """Some answers are read after the write, and somebody may have been quicker; not every provider minds a version."""
    answer = report(changed(edited(booking(), title="Call").series, location="Their room"), etag="e2")
    now = edited(booking(), title="Call")
    for reported in (report(), UNSEEN):
        link = advance_link(linked(now, reported, base=booking()), now, [Written(TITLE, answer)])
        assert link.base.remote == base_of(now.series)


def test_times_are_in_step_as_the_answer_shows_them_since_one_moves_the_other() -> None:
    longer = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;COUNT=8",))
    write = UpdateCopy(remote_id="r1", etag="e1", fields={"recurrence": longer.recurrence})
    shows = changed(longer, span=span(minutes=30))
    event = booking(longer)
    link = advance_link(linked(event, UNSEEN, base=booking(weekly())), event, [Written(write, report(shows))])
    assert link.base.remote == base_of(shows)


def test_a_refused_occurrence_that_was_reported_meanwhile_keeps_its_base_here_all_the_same() -> None:
    moved = content(span=span(15, day=8))
    was, event = booking(weekly(**{SECOND: moved})), booking(weekly(**{SECOND: CANCELLED}))
    reported = report(weekly(**{SECOND: replace(moved, title="Theirs")}), content=None, recurrence=(), etag="")
    link = advance_link(linked(event, reported, base=was), event, [Refused(CANCEL, "No.")])
    assert link.overrides[SECOND].base.local == fingerprint_content(moved)
    assert link.overrides[SECOND].base.remote == fingerprint_content(replace(moved, title="Theirs"))


@pytest.mark.parametrize("fields", [{"span": span(10)}, {"recurrence": ("RRULE:FREQ=DAILY",)}])
def test_where_a_series_was_not_moved_there_the_occurrences_of_its_old_times_stay_linked(
    fields: dict[str, Any],
) -> None:
    was = booking(weekly(**{SECOND: CANCELLED}))
    event = replace(was, series=with_values(Series(was.series.content, was.series.recurrence), {"span": span(10)}))
    at = linked(event, UNSEEN, base=was)
    assert set(advance_link(at, event, [Refused(replace(TITLE, fields=fields), "No.")]).overrides) == {SECOND}
    assert advance_link(at, event, [Refused(TITLE, "No.")]).overrides == {}
    moved = Written(replace(TITLE, fields=fields), report(event.series))
    assert advance_link(at, event, [moved]).overrides == {}


def test_text_that_is_withheld_in_the_report_before_our_write_counts_as_it_was_reported() -> None:
    private = booking(changed(booking().series, title="", location=""), id="evt_1", origin="con_1.cal")
    event = edited(private, title="Named here")
    answer = report(changed(event.series, location="Their room"), etag="e2")
    at = linked(event, withheld(private.series), base=booking(id="evt_1", origin="con_1.cal"))
    base = advance_link(at, event, [Written(replace(TITLE, fields={"title": "Named here"}), answer)]).base.remote
    assert base["location"] == base_of(private.series)["location"]
    assert base["title"] == base_of(event.series)["title"]


def test_an_exception_that_a_complete_report_leaves_out_is_linked_no_more() -> None:
    event = booking(weekly(**{SECOND: content(span=span(day=8), title="Renamed")}))
    followed = booking(weekly())
    partial = linked(event, report(weekly(), overrides={}))
    assert list(advance_link(partial, followed, []).overrides) == [SECOND]
    whole = linked(event, report(weekly(), overrides={}, complete=True))
    assert list(advance_link(whole, followed, []).overrides) == []


def test_an_exception_whose_write_was_refused_stays_linked_though_a_complete_report_leaves_it_out() -> None:
    event = booking(weekly(**{SECOND: content(span=span(day=8), title="Renamed")}))
    at = linked(event, report(weekly(), overrides={}, complete=True))
    assert list(advance_link(at, event, [Refused(CANCEL, "No.")]).overrides) == [SECOND]


CLOSE = UpdateCopy(remote_id="r1", etag="e1", fields={"visibility": Visibility.PRIVATE})
OPEN = UpdateCopy(remote_id="r1", etag="e1", fields={"visibility": Visibility.PUBLIC})


def test_text_that_the_answer_withholds_is_news_when_it_shows_again() -> None:
    """Its owner opens an event again that was closed here: the provider never changed its text."""
    theirs = replace(booking(), origin=CALENDAR)
    closed = edited(theirs, visibility=Visibility.PRIVATE, title="", description="", location="")
    link = advance_link(linked(closed, UNSEEN, base=theirs), closed, [Written(CLOSE, withheld(closed.series))])
    assert link.base.remote["title"] == fingerprint_content(closed.series.content)["title"]


OPEN_SECOND = replace(CANCEL, etag="o1", change={"visibility": Visibility.PUBLIC})


@pytest.mark.parametrize(
    ("origin", "visibility"), [(CALENDAR, Visibility.PRIVATE), (APP, Visibility.PUBLIC)], ids=["imported", "booking"]
)
def test_an_occurrence_that_google_keeps_private_whatever_is_written_is_private_here_if_it_is_google_s_own(
    origin: str, visibility: Visibility
) -> None:
    """Google ignores a looser visibility of one occurrence; whoever opened the event here is told what came of it."""
    closed, opened = (content(span=span(day=8), visibility=each) for each in (Visibility.PRIVATE, Visibility.PUBLIC))
    was, event = (booking(weekly(**{SECOND: each}), origin=origin) for each in (closed, opened))
    answer = RemoteOverride("r1_2", "o2", closed)
    link = advance_link(linked(event, UNSEEN, base=was), event, [Written(OPEN_SECOND, answer)])
    asked_for = fingerprint_content(opened if origin == CALENDAR else closed)["visibility"]
    assert link.overrides[SECOND].base.remote["visibility"] == asked_for
    echo = report(content=None, etag="", overrides={SECOND: answer})
    decided = plan_event(situation(event, echo, link=link), Policy())
    after = decided.save or event
    assert isinstance(held := after.series.overrides[SECOND], Content)
    assert (held.visibility, decided.writes) == (visibility, ())
    again = plan_event(
        situation(after, echo, link=advance_link(situation(after, echo, link=link), after, [])), Policy()
    )
    assert (again.save, again.writes) == (None, ())


def test_the_visibility_of_an_occurrence_that_was_not_written_is_as_the_provider_answers() -> None:
    private = content(span=span(day=8), visibility=Visibility.PRIVATE)
    event = booking(weekly(**{SECOND: private}), origin=CALENDAR)
    moved = replace(CANCEL, etag="o1", change={"span": private.span})
    link = advance_link(linked(event, UNSEEN), event, [Written(moved, RemoteOverride("r1_2", "o2", private))])
    assert link.overrides[SECOND].base.remote == fingerprint_override(private)


def test_an_occurrence_that_took_its_visibility_is_in_step() -> None:
    opened = content(span=span(day=8), visibility=Visibility.PUBLIC)
    event = booking(weekly(**{SECOND: opened}), origin=CALENDAR)
    was = booking(weekly(**{SECOND: replace(opened, visibility=Visibility.PRIVATE)}), origin=CALENDAR)
    for answer in (opened, CANCELLED):
        written = Written(OPEN_SECOND, RemoteOverride("r1_2", "o2", answer))
        link = advance_link(linked(event, UNSEEN, base=was), event, [written])
        assert link.overrides[SECOND].base.remote == fingerprint_override(answer)


def test_text_that_shows_in_the_answer_is_news_though_an_occurrence_was_all_that_was_reported() -> None:
    closed = changed(weekly(), visibility=Visibility.PRIVATE, title="", description="", location="")
    was = replace(booking(closed), origin=CALENDAR)
    opened = edited(was, visibility=Visibility.PUBLIC)
    shows = report(changed(weekly(), visibility=Visibility.PUBLIC))
    only = report(weekly(**{SECOND: CANCELLED}), content=None, recurrence=(), etag="")
    for reported in (UNSEEN, only):
        link = advance_link(linked(opened, reported, base=was), opened, [Written(OPEN, shows)])
        assert link.base.remote["title"] == fingerprint_content(closed.content)["title"]


def test_an_occurrence_that_is_not_brought_back_stays_a_problem_whatever_else_is_written() -> None:
    was = booking(weekly())
    gone = report(weekly(**{SECOND: CANCELLED}))
    restore = UpdateOccurrence(remote_id="r1", original_start=SECOND, occurrence_id="r1_2", etag="o1", change={})
    refused = advance_link(linked(was, gone), was, [Refused(restore, "Outlook brings back nothing.")])
    event = edited(was, title="Call")
    later = advance_link(situation(event, UNSEEN, link=refused), event, [Written(TITLE, report(event.series))])
    assert later.problem == "Outlook brings back nothing."
    agreed = booking(weekly(**{SECOND: CANCELLED}))
    assert advance_link(situation(agreed, gone, link=refused), agreed, []).problem == ""


# --- what an answer to our own write shows -------------------------------------------------------------------------

MOVED, RENAMED = content(span=span(15, day=8)), content(span=span(day=8), title="Renamed there")


def shows(series: Series, **members: Any) -> RemoteEvent:
    return report(changed(series, title="Call"), etag="e2", **members)


def test_an_exception_that_only_the_answer_to_our_own_write_shows_is_news_when_it_is_reported() -> None:
    event = edited(booking(weekly(**{SECOND: MOVED})), title="Call")
    at = linked(event, UNSEEN, base=booking(weekly(**{SECOND: MOVED})))
    link = advance_link(at, event, [Written(TITLE, shows(weekly(**{SECOND: MOVED, THIRD: RENAMED})))])
    assert set(link.overrides) == {SECOND}
    assert link.overrides[SECOND].base.remote == fingerprint_override(MOVED)


def test_an_exception_that_stands_as_it_was_takes_its_version_from_the_answer() -> None:
    event = edited(booking(weekly(**{SECOND: MOVED, THIRD: CANCELLED})), title="Call")
    at = linked(event, report(content=None, overrides={THIRD: RemoteOverride("r1_3", "o1", CANCELLED)}))
    newer = {SECOND: RemoteOverride("r1_2", "o2", MOVED), THIRD: RemoteOverride("r1_3", "o3", CANCELLED)}
    link = advance_link(at, event, [Written(TITLE, shows(weekly(), overrides=newer))])
    assert [link.overrides[start].etag for start in (SECOND, THIRD)] == ["o2", "o3"]


def test_a_move_that_only_the_answer_to_our_own_write_shows_is_news_when_it_is_reported() -> None:
    event = edited(booking(), title="Call")
    at = linked(event, UNSEEN, base=booking())
    link = advance_link(at, event, [Written(TITLE, shows(changed(booking().series, span=span(15))))])
    assert link.base.remote["span"] == base_of(booking().series)["span"]


def test_an_exception_that_somebody_changed_before_our_own_write_is_news_when_it_is_reported() -> None:
    event = edited(booking(weekly(**{SECOND: MOVED})), title="Call")
    at = linked(event, UNSEEN, base=booking(weekly(**{SECOND: MOVED})))
    link = advance_link(at, event, [Written(TITLE, shows(weekly(**{SECOND: RENAMED})))])
    assert link.overrides[SECOND].base.remote == fingerprint_override(MOVED)


def test_an_exception_that_was_reported_and_merged_takes_its_version_from_the_answer() -> None:
    event = edited(booking(weekly(**{SECOND: MOVED})), title="Call")
    at = linked(event, report(weekly(**{SECOND: MOVED})), base=booking(weekly()))
    newer = {SECOND: RemoteOverride("r1_2", "o2", MOVED)}
    link = advance_link(at, event, [Written(TITLE, shows(weekly(), overrides=newer))])
    assert (link.overrides[SECOND].etag, link.overrides[SECOND].remote_id) == ("o2", "r1_2")
    again = {SECOND: RemoteOverride("r1_2", "o2", RENAMED)}
    link = advance_link(at, event, [Written(TITLE, shows(weekly(), overrides=again))])
    assert link.overrides[SECOND].etag == f"o-{SECOND}"


def test_all_that_the_answer_to_a_new_copy_shows_is_what_we_wrote() -> None:
    event = booking(weekly(**{SECOND: MOVED}))
    create = CreateCopy(key="k", tag="", series=event.series)
    known = remote_after(situation(event, UNSEEN), [Written(create, report(event.series))])
    assert known is not None
    assert set(known.overrides) == {SECOND}


def test_fields_that_a_blind_write_of_an_occurrence_left_alone_count_as_they_were() -> None:
    """Those of an exception as it was linked are the series' at the provider; its time is the occurrence's own."""
    before, event = booking(weekly()), booking(weekly(**{SECOND: MOVED}))
    at = linked(event, UNSEEN, base=before, base_there=report(changed(weekly(), show_as=ShowAs.FREE)))
    blind = replace(CANCEL, change={"title": "Visit"})
    answer = RemoteOverride("r1_2", "o2", content(span=span(16, day=8), show_as=ShowAs.BUSY, location="There"))
    held = advance_link(at, event, [Written(blind, answer)]).overrides[SECOND].base.remote
    follows = fingerprint_content(content(span=span(day=8), show_as=ShowAs.FREE))
    assert held == follows


# --- problems that last --------------------------------------------------------------------------------------------


def test_what_was_refused_stays_named_until_either_side_moves() -> None:
    event = booking(weekly(**{SECOND: MOVED}))
    at = linked(event, UNSEEN)
    assert at.link is not None
    told = replace(at, link=replace(at.link, problem="Too long."))
    assert advance_link(told, event, []).problem == "Too long."
    assert advance_link(told, edited(event, title="Call"), []).problem == ""
    other = replace(event, series=weekly(**{SECOND: RENAMED}))
    assert advance_link(told, other, []).problem == ""
    assert advance_link(told, event, [Written(TITLE, None)]).problem == ""
