"""What is stored of a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.model import CANCELLED, Event, Link, OnExternal, Policy, Removed, Series
from shared.store.events import Record
from shared.sync.actions import CreateCopy, DeleteCopy, EventPlan, Rule, UpdateCopy
from shared.sync.links import Outcome, Refused, Written
from shared.sync.plan import plan_event
from shared.sync.recording import READ_ONLY, REFUSED, record_of, written_singly
from shared.sync.singles import as_single
from shared.sync.situation import UNSEEN, Situation
from tests.unit.sync.memory import CALENDAR, FIRST, SECOND, booking, content, weekly
from tests.unit.sync.situations import changed, edited, link_of, linked, report, situation

GONE = Removed("r1")
CREATE = CreateCopy(key="k", tag="b1", series=booking().series)
DELETE = DeleteCopy(remote_id="r1", etag="e1")


def record(
    at: Situation, outcomes: list[Outcome] | None = None, policy: Policy | None = None, **members: Any
) -> Record | None:
    decided = plan_event(at, policy or Policy())
    given = {"run": "", "quiet": False, "others": (), "stored": at.link, **members}
    return record_of(at, decided, outcomes or [], **given)


def dead() -> Event:
    return replace(booking(), deleted=True)


def link(**members: Any) -> Link:
    return replace(link_of(booking()), **members)


def test_nothing_to_say_is_not_written() -> None:
    assert record(linked(booking(), UNSEEN)) is None
    assert record(linked(booking(), report(booking().series))) is None


def test_an_event_its_link_its_history_its_notice_and_its_marks_go_together() -> None:
    at = linked(booking(), report(changed(booking().series, title="there"), etag="e2"))
    written = record(at, others=("con_2.cal",))
    assert written is not None
    assert written.event is not None
    assert (written.event.version, written.event.series.content.title) == (2, "there")
    assert written.link is not None
    assert (written.link.etag, written.unlink) == ("e2", "")
    assert len(written.history) == 1
    assert [notice.type for notice in written.notices] == ["event.updated"]
    assert written.marks == ("con_2.cal",)


def test_what_the_person_made_is_not_spread_to_other_calendars() -> None:
    written = record(situation(None, report()), others=("con_2.cal",))
    assert written is not None
    assert [notice.type for notice in written.notices] == ["event.created"]
    assert written.marks == ()


def test_a_first_sync_is_quiet_but_keeps_its_history() -> None:
    written = record(situation(None, report()), quiet=True)
    assert written is not None
    assert (written.notices, len(written.history)) == ((), 1)


def test_a_push_writes_its_link_and_tells_nobody() -> None:
    event = edited(booking(), title="Call")
    at = linked(event, UNSEEN, base=booking())
    (write,) = plan_event(at, Policy()).writes
    written = record(at, [Written(write, report(event.series, etag="e2"))])
    assert written is not None
    assert (written.event, written.history, written.notices, written.marks) == (None, (), (), ())
    assert written.link is not None
    assert written.link.etag == "e2"


def test_a_copy_that_was_refused_is_remembered_with_the_reason() -> None:
    written = record(situation(booking(), UNSEEN), [Refused(CREATE, "Not here.")])
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.problem) == (f"{REFUSED}b1", "Not here.")


def test_a_refused_copy_that_comes_about_after_all_replaces_its_stand_in() -> None:
    stand_in = link(remote_id=f"{REFUSED}b1", problem="Not here.")
    written = record(situation(booking(), UNSEEN), [Written(CREATE, report())], stored=stand_in)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.problem, written.unlink) == ("r1", "", f"{REFUSED}b1")


def test_a_copy_made_anew_gets_a_link_of_its_own_and_the_old_one_goes() -> None:
    policy = Policy(on_external_delete=OnExternal.RESTORE)
    anew = replace(report(etag="n1"), remote_id="r2")
    written = record(linked(booking(), GONE), [Written(CREATE, anew)], policy)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.etag, written.unlink) == ("r2", "n1", "r1")
    assert written.event is None
    assert len(written.history) == 1


def test_a_copy_that_may_not_be_made_anew_does_not_keep_the_link_of_the_one_that_is_gone() -> None:
    event = booking(weekly(**{SECOND: CANCELLED}))
    policy = Policy(on_external_delete=OnExternal.RESTORE)
    written = record(linked(event, GONE), [Refused(CREATE, "Deleted too often.")], policy)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.overrides, written.unlink) == (f"{REFUSED}b1", {}, "r1")


def test_a_deletion_there_ends_the_link_with_the_event() -> None:
    written = record(linked(booking(), GONE))
    assert written is not None
    assert written.event is not None
    assert (written.event.deleted, written.link, written.unlink) == (True, None, "r1")
    assert [notice.type for notice in written.notices] == ["event.deleted"]


def test_a_link_outlives_a_deletion_that_was_refused() -> None:
    at = linked(dead(), UNSEEN, base=booking())
    written = record(at, [Refused(DELETE, "Not yours.")])
    assert written is not None
    assert written.link is not None
    assert (written.link.problem, written.unlink) == ("Not yours.", "")
    done = record(at, [Written(DELETE, None)])
    assert done is not None
    assert (done.link, done.unlink, done.calendar_id) == (None, "r1", CALENDAR)


def test_a_snapshot_marks_what_it_saw_even_where_nothing_changed() -> None:
    seen = record(linked(booking(), report(booking().series)), run="run-1")
    assert seen is not None
    assert seen.link == link(seen="run-1")
    at = linked(booking(), report(booking().series))
    assert record(replace(at, link=link(seen="run-1")), run="run-1") is None


def test_a_snapshot_does_not_bring_back_a_link_that_was_just_dropped() -> None:
    written = record(linked(dead(), report(), base=booking()), [Written(DELETE, None)], run="run-1")
    assert written is not None
    assert (written.link, written.unlink) == (None, "r1")


def test_a_snapshot_makes_no_link_for_a_copy_whose_link_another_worker_has_dropped() -> None:
    """The link of the situation is the one that the copy's tag gives; the store has none."""
    at = linked(dead(), report(booking().series, tag="b1"))
    assert record(at, [Written(DELETE, None)], run="run_2", stored=None) is None


def test_a_plan_without_anything_is_recorded_as_nothing() -> None:
    at = situation(booking(), UNSEEN)
    plan = EventPlan(event_id="b1", rule=plan_event(replace(at, held=False), Policy()).rule)
    assert record_of(at, plan, [], run="", quiet=False, others=(), stored=None) is None


def test_a_deletion_that_a_read_only_calendar_keeps_back_is_the_links_problem_until_it_can_be_done() -> None:
    kept = record(linked(dead(), UNSEEN, writable=False))
    assert kept is not None
    assert kept.link is not None
    assert (kept.link.problem, kept.link.remote_id, kept.unlink) == (READ_ONLY, "r1", "")


def test_an_event_that_is_written_singly_says_so_in_its_history() -> None:
    noted = written_singly(booking(), CALENDAR, "the rule counts hours", datetime(2027, 3, 1, tzinfo=UTC))
    (entry,) = noted.history
    assert (noted.owner, noted.event_id, noted.calendar_id) == (booking().owner, "b1", CALENDAR)
    assert (entry.at, entry.actor, entry.rule) == (datetime(2027, 3, 1, tzinfo=UTC), CALENDAR, Rule.EXPORT)
    assert entry.sentence == (
        "The connected calendar has no way to repeat an event like this one: the rule counts hours. Each occurrence "
        "until 30 August 2028 is written there as an event of its own, and later ones as their time comes near."
    )


def test_a_record_is_of_the_event_that_was_decided_about() -> None:
    taken = record(situation(None, report()))
    assert taken is not None
    assert (taken.owner, taken.event_id, taken.calendar_id) == (booking().owner, "evt_1", CALENDAR)


def test_the_first_reason_for_a_deletion_that_was_refused_is_kept() -> None:
    at = linked(dead(), UNSEEN)
    found = record(at, [Refused(DELETE, "It is locked.")])
    assert found is not None
    assert found.link is not None
    assert found.link.problem == "It is locked."


def test_an_edit_that_a_read_only_calendar_keeps_back_is_still_to_be_written_once_it_may_be() -> None:
    event = edited(booking(), title="New title")
    found = record(linked(event, UNSEEN, base=booking(), writable=False))
    assert found is not None
    assert found.link is not None
    assert found.link.problem == READ_ONLY
    again = plan_event(replace(linked(event, UNSEEN), link=found.link), Policy())
    assert [type(write) for write in again.writes] == [UpdateCopy]


def test_a_write_keeps_what_the_link_knew_of_occurrences_that_it_did_not_concern() -> None:
    event = booking(weekly(**{SECOND: CANCELLED}))
    now = edited(event, title="New title")
    write = UpdateCopy(remote_id="r1", etag="e1", fields={"title": "New title"})
    found = record(linked(now, UNSEEN, base=event), [Written(write, report(now.series, overrides={}, etag="e2"))])
    assert found is not None
    assert found.link is not None
    assert set(found.link.overrides) == {SECOND}


def test_what_became_of_a_single_is_recorded_as_an_occurrence_of_its_series() -> None:
    series = booking(Series(content(), ("RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=6",)))
    single = as_single(series, FIRST)
    at = replace(linked(single, report(changed(single.series, title="Theirs"))), occurrence=FIRST, series_event=series)
    found = record(at)
    assert found is not None
    assert found.event is not None
    assert found.event.series == replace(series.series, overrides={FIRST: content(title="Theirs")})
    assert found.history[0].fields == (f"occurrence {FIRST}: title",)
    unchanged = record(replace(at, remote=report(single.series, etag="e2")))
    assert unchanged is not None
    assert unchanged.event is None


def test_a_single_that_was_refused_is_remembered_under_its_own_name() -> None:
    series = booking(Series(content(), ("RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=6",)))
    at = replace(situation(as_single(series, FIRST), UNSEEN), occurrence=FIRST, series_event=series)
    found = record(at, [Refused(CREATE, "No.")])
    assert found is not None
    assert found.link is not None
    assert found.link.remote_id == f"{REFUSED}b1 {FIRST}"


def test_a_deletion_without_a_link_unlinks_nothing() -> None:
    assert record(situation(dead(), report(tag="b1"), owned=True), [Written(DELETE, None)]) is None
