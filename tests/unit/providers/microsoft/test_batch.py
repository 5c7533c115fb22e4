"""Many calls in one request: never more than four at a time, no neighbour harmed, nothing written twice."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import CalendarGone, ConnectionRevoked, EventRejected, Paced, RetryLater, SyncError, VersionConflict
from shared.model import Change, Complete, Content, RemoteEvent, Removed, Series, Span, Unreadable, ZonedTime
from shared.providers.base import After, Answer, CalendarApi, CopyChange, CopyDeletion, CopyWrite, FromStart, NewCopy
from shared.providers.microsoft import wire
from shared.providers.single_writes import write_one_by_one
from tests.contract.microsoft_stage import CLIENT, MicrosoftStage

START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
WEEKLY = ("RRULE:FREQ=WEEKLY;COUNT=8",)
SECOND, THIRD = "20270308T080000Z", "20270315T080000Z"


def span(first: int = 9, *, day: int = 1) -> Span:
    start, end = (ZonedTime(datetime(2027, 3, day, hour), "Europe/Berlin") for hour in (first, first + 1))
    return Span(start, end)


def new(name: str, *, lines: tuple[str, ...] = ()) -> NewCopy:
    return NewCopy(tag=f"event-{name}", key=f"key-{name}", series=Series(Content(span=span(), title=name), lines))


def many(count: int) -> list[CopyWrite]:
    return [new(f"{number:03}") for number in range(count)]


def renaming(made: list[RemoteEvent]) -> list[CopyWrite]:
    return [CopyChange(remote_id=one.remote_id, etag=one.etag, fields={"title": "Renamed"}) for one in made]


def deletion(made: list[RemoteEvent]) -> list[CopyWrite]:
    return [CopyDeletion(remote_id=one.remote_id, etag=one.etag) for one in made]


def events(answers: list[Answer]) -> list[RemoteEvent]:
    assert all(isinstance(one, RemoteEvent) for one in answers), answers
    return [one for one in answers if isinstance(one, RemoteEvent)]


def kinds(answers: list[Answer]) -> list[str]:
    return [type(one).__name__ for one in answers]


def titles(stage: MicrosoftStage) -> list[str]:
    return sorted(one.title for one in stage.events(stage.main))


def cost(stage: MicrosoftStage, act: Callable[[], object]) -> int:
    before = stage.calls()
    act()
    return stage.calls() - before


def peak(stage: MicrosoftStage) -> int:
    return stage.world.peaks[f"{CLIENT.client_id} {stage.account_name}"]


def refused(stage: MicrosoftStage) -> int:
    return stage.world.call_statuses[429]


def catch_up(api: CalendarApi, calendar: str, cursor: str = "") -> tuple[list[Change], str]:
    changes: list[Change] = []
    page = api.fetch_page(calendar, After(cursor) if cursor else START)
    while True:
        changes.extend(page.changes)
        if isinstance(page.next, Complete):
            return changes, page.next.cursor
        page = api.fetch_page(calendar, After(page.next.cursor))


@pytest.fixture(params=["at_once", "four_at_a_time"])
def either(request: pytest.FixtureRequest, microsoft: MicrosoftStage) -> MicrosoftStage:
    """Graph as people saw it hand over steps without order, and as its page says."""
    microsoft.world.settings.batch_unordered = request.param
    microsoft.world.settings.empty_pages = "never"
    return microsoft


# --- reading a page ------------------------------------------------------------------------------------------------


def test_a_page_full_of_series_costs_a_request_for_twenty_of_them(
    calendars: CalendarApi, either: MicrosoftStage
) -> None:
    ids = {either.add_event(either.main, f"Yoga {n}", span(), recurrence=list(WEEKLY)) for n in range(45)}
    pages = -(-45 * 9 // 250)
    found: list[Change] = []
    assert cost(either, lambda: found.extend(catch_up(calendars, either.main)[0])) <= pages + 4
    assert {one.remote_id for one in found if isinstance(one, RemoteEvent) and one.recurrence == WEEKLY} == ids
    assert refused(either) == 0
    assert peak(either) <= 4


def test_events_that_are_gone_are_asked_for_four_at_a_time(calendars: CalendarApi, either: MicrosoftStage) -> None:
    ids = [either.add_event(either.main, "x", span()) for _ in range(10)]
    _, cursor = catch_up(calendars, either.main)
    for remote_id in ids:
        either.delete(either.main, remote_id)
    found: list[Change] = []
    assert cost(either, lambda: found.extend(catch_up(calendars, either.main, cursor)[0])) == 1 + 3
    assert set(found) == {Removed(remote_id) for remote_id in ids}
    assert refused(either) == 0
    assert peak(either) == 4


def test_a_copy_that_vanishes_while_a_page_is_read_keeps_no_other_from_being_read(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = events(calendars.write_all(microsoft.main, many(7)))
    microsoft.fault(kind="not_found", match="events.get", skip=2)
    found, _ = catch_up(microsoft.session().calendars, microsoft.main)
    assert [type(one).__name__ for one in found].count("RemoteEvent") == 6
    gone = {one.remote_id for one in found if isinstance(one, Removed)}
    assert len(gone) == 1
    assert {one.remote_id for one in found} == {one.remote_id for one in made}


def test_one_record_that_cannot_be_read_is_named_and_its_neighbours_are_read(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    calendars.write_all(microsoft.main, many(7))
    microsoft.fault(kind="refuse", match="events.get", skip=2, status=400, code="ErrorInvalidProperty")
    found, _ = catch_up(microsoft.session().calendars, microsoft.main)
    assert sorted(type(one).__name__ for one in found) == ["RemoteEvent"] * 6 + ["Unreadable"]
    assert all(one.remote_id for one in found if isinstance(one, Unreadable))


def test_a_page_waits_as_long_as_one_of_its_events_is_told_to_and_asks_nothing_more(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    calendars.write_all(microsoft.main, many(45))
    microsoft.world.settings.empty_pages = "never"
    microsoft.fault(kind="too_many_requests", match="events.get", skip=3, retry_after=42)
    microsoft.control("calls", method="DELETE")
    with pytest.raises(RetryLater) as caught:
        calendars.fetch_page(microsoft.main, START)
    assert caught.value.delay == 42
    assert microsoft.calls() == 2
    assert microsoft.world.steps["events.get"] == 4


@pytest.mark.parametrize("skip", [0, 3])
def test_a_claims_challenge_to_one_step_asks_for_a_sign_in(
    calendars: CalendarApi, microsoft: MicrosoftStage, skip: int
) -> None:
    calendars.write_all(microsoft.main, many(5))
    microsoft.fault(kind="claims_challenge", match="events.get", skip=skip)
    with pytest.raises(ConnectionRevoked) as caught:
        catch_up(microsoft.session().calendars, microsoft.main)
    assert caught.value.code == "sign_in_again"


def test_a_step_whose_token_was_refused_is_signed_anew_once(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    calendars.write_all(microsoft.main, many(7))
    microsoft.fault(kind="unauthorized", match="events.get", skip=2)
    before = microsoft.world.calls["oauth.token"]
    found, _ = catch_up(microsoft.session().calendars, microsoft.main)
    assert [type(one).__name__ for one in found] == ["RemoteEvent"] * 7
    assert microsoft.world.calls["oauth.token"] == before + 1
    microsoft.fault(kind="unauthorized", match="events.get", times=2)
    with pytest.raises(RetryLater) as caught:
        catch_up(microsoft.session().calendars, microsoft.main)
    assert caught.value.code == "token_refused"


def test_an_occurrence_that_is_called_removed_brings_its_series_once(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.world.settings.deleted_occurrence = "removed"
    ids = [microsoft.add_event(microsoft.main, f"Yoga {n}", span(), recurrence=list(WEEKLY)) for n in range(3)]
    _, cursor = catch_up(calendars, microsoft.main)
    for remote_id in ids:
        microsoft.cancel_occurrence(microsoft.main, remote_id, SECOND)
        microsoft.cancel_occurrence(microsoft.main, remote_id, THIRD)
    found, _ = catch_up(calendars, microsoft.main, cursor)
    series = [one for one in found if isinstance(one, RemoteEvent)]
    assert {one.remote_id for one in series} == set(ids)
    assert all(set(one.overrides) == {SECOND, THIRD} for one in series)


# --- writing -------------------------------------------------------------------------------------------------------


def test_twenty_copies_are_made_in_one_request_and_nothing_runs_at_the_same_time(
    calendars: CalendarApi, either: MicrosoftStage
) -> None:
    writes = many(45)
    answers: list[Answer] = []
    assert cost(either, lambda: answers.extend(calendars.write_all(either.main, writes))) == 3
    assert [one.content.title for one in events(answers) if one.content] == [f"{n:03}" for n in range(45)]
    assert [one.tag for one in events(answers)] == [f"event-{n:03}" for n in range(45)]
    assert (refused(either), peak(either)) == (0, 1)


def test_twenty_changes_cost_two_requests_one_to_look_and_one_to_write(
    calendars: CalendarApi, either: MicrosoftStage
) -> None:
    made = events(calendars.write_all(either.main, many(40)))
    changed: list[Answer] = []
    assert cost(either, lambda: changed.extend(calendars.write_all(either.main, renaming(made)))) == 4
    assert [one.remote_id for one in events(changed)] == [one.remote_id for one in made]
    assert titles(either) == ["Renamed"] * 40
    gone: list[Answer] = []
    assert cost(either, lambda: gone.extend(calendars.write_all(either.main, deletion(events(changed))))) == 4
    assert gone == [None] * 40
    assert (titles(either), refused(either)) == ([], 0)


def test_writing_together_says_what_writing_one_by_one_says(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    def rounds(write: Callable[[list[CopyWrite]], list[Answer]], prefix: str) -> list[list[Any]]:
        made = events(
            write(
                [
                    new(f"{prefix}plain"),
                    new(f"{prefix}series", lines=WEEKLY),
                    new(f"{prefix}without", lines=(*WEEKLY, f"EXDATE:{SECOND},{THIRD}")),
                    new(f"{prefix}becomes"),
                ]
            )
        )
        longer = ("RRULE:FREQ=WEEKLY;COUNT=12", f"EXDATE:{SECOND}")
        fields: list[dict[str, object]] = [
            {"title": "Renamed", "span": span(11)},
            {"recurrence": longer},
            {},
            {"recurrence": (*WEEKLY, f"EXDATE:{THIRD}")},
        ]
        changed = write(
            [
                CopyChange(remote_id=one.remote_id, etag=one.etag, fields=values)
                for one, values in zip(made, fields, strict=True)
            ]
        )
        stale = write(renaming(made))
        gone = write([*deletion(events(changed)), *deletion(made[:1])])
        return [
            [(one.recurrence, one.content and one.content.span, dict(one.overrides)) for one in made],
            [
                (one.recurrence, one.content and one.content.span, (one.tag or "").removeprefix(f"event-{prefix}"))
                for one in events(changed)
            ],
            kinds(stale),
            kinds(gone),
        ]

    one_by_one = rounds(lambda writes: write_one_by_one(calendars, microsoft.main, writes), "a")
    together = rounds(lambda writes: calendars.write_all(microsoft.main, writes), "b")
    assert together == one_by_one


def test_one_that_is_refused_stops_none_of_those_after_it_and_nothing_is_made_twice(
    calendars: CalendarApi, either: MicrosoftStage
) -> None:
    either.fault(kind="refuse", match="events.create", skip=3, status=400, code="ErrorInvalidRequest")
    answers = calendars.write_all(either.main, many(25))
    assert kinds(answers) == ["RemoteEvent"] * 3 + ["EventRejected"] + ["RemoteEvent"] * 21
    assert titles(either) == [f"{n:03}" for n in range(25) if n != 3]
    assert (either.world.steps["events.create"], refused(either)) == (25, 0)


def test_every_one_refused_costs_no_more_than_six_requests_for_twenty(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="refuse", match="events.create", times=None, status=400, code="ErrorInvalidRequest")
    answers: list[Answer] = []
    assert cost(microsoft, lambda: answers.extend(calendars.write_all(microsoft.main, many(20)))) == 6
    assert kinds(answers) == ["EventRejected"] * 20


def test_a_server_in_trouble_with_one_event_does_not_keep_the_others_back(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="refuse", match="events.create", skip=1, status=500, code="ErrorInternalServerError")
    answers = calendars.write_all(microsoft.main, many(5))
    assert kinds(answers) == ["RemoteEvent", "RetryLater", "RemoteEvent", "RemoteEvent", "RemoteEvent"]


def test_a_pause_that_is_asked_for_in_the_middle_is_kept_by_all_that_follow(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="too_many_requests", match="events.create", skip=5, retry_after=42)
    answers = calendars.write_all(microsoft.main, many(45))
    assert kinds(answers) == ["RemoteEvent"] * 5 + ["RetryLater"] * 40
    assert {one.delay for one in answers if isinstance(one, RetryLater)} == {42.0}
    assert microsoft.world.calls["batch"] == 1
    assert kinds(calendars.write_all(microsoft.main, many(45))) == ["RemoteEvent"] * 45
    assert len(titles(microsoft)) == 45


def test_the_same_key_twice_makes_one_copy_in_one_go_and_in_two(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    first = events(calendars.write_all(microsoft.main, [new("a"), new("b"), new("a")]))
    assert first[0].remote_id == first[2].remote_id != first[1].remote_id
    again = events(microsoft.session().calendars.write_all(microsoft.main, [new("b"), new("a")]))
    assert [one.remote_id for one in again] == [first[1].remote_id, first[0].remote_id]
    assert titles(microsoft) == ["a", "b"]


@pytest.mark.parametrize("kind", ["cut_after", "garbage_after", "fields_missing"])
def test_a_batch_that_went_through_unheard_is_done_again_without_a_second_copy(
    calendars: CalendarApi, microsoft: MicrosoftStage, kind: str
) -> None:
    microsoft.fault(kind=kind, match="batch")
    answers = calendars.write_all(microsoft.main, many(30))
    assert kinds(answers) == ["RetryLater"] * 30
    assert len(titles(microsoft)) == 20
    made = events(microsoft.session().calendars.write_all(microsoft.main, many(30)))
    assert len({one.remote_id for one in made}) == 30
    assert titles(microsoft) == [f"{n:03}" for n in range(30)]
    microsoft.fault(kind=kind, match="batch", skip=2)
    assert kinds(calendars.write_all(microsoft.main, deletion(made))) == ["RetryLater"] * 30
    assert calendars.write_all(microsoft.main, deletion(made)) == [None] * 30
    assert titles(microsoft) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "cut_before"}, RetryLater),
        ({"kind": "server_error"}, RetryLater),
        ({"kind": "too_many_requests", "retry_after": 7}, RetryLater),
        ({"kind": "refuse", "status": 400, "code": "BadRequest"}, RetryLater),
        ({"kind": "claims_challenge"}, ConnectionRevoked),
        ({"kind": "unauthorized", "times": 2}, RetryLater),
    ],
)
def test_what_befalls_a_batch_as_a_whole_is_the_answer_to_all_that_was_not_done(
    calendars: CalendarApi, microsoft: MicrosoftStage, fault: dict[str, Any], error: type[SyncError]
) -> None:
    microsoft.fault(match="batch", skip=1, **fault)
    answers = calendars.write_all(microsoft.main, many(45))
    assert all(isinstance(one, RemoteEvent) for one in answers[:20])
    assert all(type(one) is error for one in answers[20:])
    assert len(titles(microsoft)) == 20


def test_a_change_made_there_in_the_meantime_is_not_overwritten_and_hinders_nobody(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = events(calendars.write_all(microsoft.main, many(6)))
    microsoft.retitle(microsoft.main, made[1].remote_id, "Theirs")
    microsoft.delete(microsoft.main, made[4].remote_id)
    answers = calendars.write_all(microsoft.main, renaming(made))
    assert [type(one) for one in answers] == [
        *(RemoteEvent, VersionConflict, RemoteEvent),
        *(RemoteEvent, VersionConflict, RemoteEvent),
    ]
    assert titles(microsoft) == ["Renamed"] * 4 + ["Theirs"]


def test_deleting_what_is_gone_already_is_fine_and_what_changed_stays(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = events(calendars.write_all(microsoft.main, many(4)))
    microsoft.delete(microsoft.main, made[0].remote_id)
    microsoft.retitle(microsoft.main, made[2].remote_id, "Theirs")
    writes = [*deletion(made[:3]), CopyDeletion(remote_id=made[3].remote_id, etag="")]
    answers = calendars.write_all(microsoft.main, writes)
    assert kinds(answers) == ["NoneType", "NoneType", "VersionConflict", "NoneType"]
    assert titles(microsoft) == ["Theirs"]


def test_a_calendar_that_is_gone_is_asked_once_and_not_once_for_each_write(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    other = microsoft.add_calendar("Other")
    microsoft.lose_calendar(other)
    answers: list[Answer] = []
    assert cost(microsoft, lambda: answers.extend(calendars.write_all(other, many(45)))) == 1
    assert {type(one) for one in answers} == {CalendarGone}


def test_a_rule_that_outlook_cannot_hold_is_refused_before_anything_is_sent_for_it(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    answers = calendars.write_all(microsoft.main, [new("a"), new("b", lines=("RRULE:FREQ=HOURLY",)), new("c")])
    assert [type(one) for one in answers] == [RemoteEvent, EventRejected, RemoteEvent]


def test_each_step_counts_against_our_own_pace(microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_CALLS_A_MINUTE", 30)
    answers = microsoft.session().calendars.write_all(microsoft.main, many(45))
    assert kinds(answers) == ["RemoteEvent"] * 20 + ["Paced"] * 25
    assert {type(one) for one in answers[20:]} == {Paced}
    assert len(titles(microsoft)) == 20


def test_nothing_to_write_costs_nothing(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    assert cost(microsoft, lambda: calendars.write_all(microsoft.main, [])) == 0
