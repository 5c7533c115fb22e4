"""What a plan's writes become at the provider: each call in full, what is refused, and what an earlier attempt left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.errors import EventRejected, RetryLater, SyncError, VersionConflict
from shared.model import CANCELLED, Attendee, RemoteEvent, RemoteOverride, Series
from shared.providers.base import CopyChange, CopyDeletion, NewCopy, OccurrenceChange
from shared.sync.actions import (
    CreateCopy,
    DeleteCopy,
    DeleteStray,
    EventPlan,
    Rule,
    UpdateCopy,
    UpdateOccurrence,
    Write,
)
from shared.sync.apply import AlreadyThere, apply_plan, apply_together, stands_alone
from shared.sync.links import Refused, Written
from tests.unit.sync.memory import SECOND, THIRD, content, span, weekly
from tests.unit.sync.situations import bare, changed, report

CREATE = CreateCopy(key="k", tag="b1", series=weekly())
UPDATE = UpdateCopy(remote_id="r1", etag="e1", fields={"title": "New"})
CHANGE = UpdateOccurrence(remote_id="r1", original_start=SECOND, occurrence_id="o1", etag="e2", change={"title": "One"})
CANCEL = replace(CHANGE, original_start=THIRD, occurrence_id="", etag="", change=CANCELLED)
DELETE = DeleteCopy(remote_id="r1", etag="e3")
STRAY = DeleteStray(key="k")
NO = EventRejected("Too long.", code="too_long")


@dataclass
class Recorder:
    """Notes every call and answers with what it was given, or raises it."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def _answer(self, name: str, *arguments: Any) -> Any:
        self.calls.append((name, *arguments))
        answer = self.answers.get(name)
        if isinstance(answer, SyncError):
            raise answer
        return answer

    def create(self, calendar: str, copy: NewCopy) -> Any:
        return self._answer("create", calendar, copy)

    def update(self, calendar: str, change: CopyChange) -> Any:
        return self._answer("update", calendar, change)

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> Any:
        return self._answer("update_occurrence", calendar, change)

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        self._answer("delete", calendar, remote_id, etag)

    def find_copy(self, calendar: str, key: str) -> Any:
        return self._answer("find_copy", calendar, key)

    def write_all(self, calendar: str, writes: Sequence[Any]) -> Any:
        self.calls.append(("write_all", calendar, list(writes)))
        return self.answers["write_all"]


def planned(*writes: Write) -> EventPlan:
    return EventPlan(event_id="b1", rule=Rule.MERGE, writes=writes)


def applied(api: Recorder, *writes: Write) -> list[Any]:
    return apply_plan(planned(*writes), api, "cal")  # type: ignore[arg-type]


made = replace(report(weekly()), remote_id="r9", etag="e9")


# --- the calls -----------------------------------------------------------------------------------------------------


def test_a_change_is_sent_with_its_precondition_and_nothing_but_its_fields() -> None:
    api = Recorder({"update": made})
    assert applied(api, UPDATE) == [Written(UPDATE, made)]
    assert api.calls == [("update", "cal", CopyChange(remote_id="r1", etag="e1", fields={"title": "New"}))]


def test_an_occurrence_is_sent_under_the_name_and_version_that_are_known_of_it() -> None:
    answer = RemoteOverride("o1", "e3", content())
    api = Recorder({"update_occurrence": answer})
    assert applied(api, CHANGE) == [Written(CHANGE, answer)]
    (call,) = api.calls
    assert call == (
        "update_occurrence",
        "cal",
        OccurrenceChange(remote_id="r1", original_start=SECOND, occurrence_id="o1", etag="e2", change={"title": "One"}),
    )


def test_a_copy_is_deleted_at_the_version_that_was_seen() -> None:
    api = Recorder()
    assert applied(api, DELETE) == [Written(DELETE, None)]
    assert api.calls == [("delete", "cal", "r1", "e3")]


def test_a_stray_is_deleted_whatever_its_version_and_only_if_there_is_one() -> None:
    found, none = Recorder({"find_copy": "r7"}), Recorder()
    assert applied(found, STRAY) == applied(none, STRAY) == [Written(STRAY, None)]
    assert found.calls == [("find_copy", "cal", "k"), ("delete", "cal", "r7", "")]
    assert none.calls == [("find_copy", "cal", "k")]


def test_the_occurrences_of_a_copy_that_was_just_made_go_to_that_copy() -> None:
    api = Recorder({"create": made})
    below = replace(CHANGE, remote_id="", occurrence_id="", etag="")
    outcomes = applied(api, CREATE, below, replace(CANCEL, remote_id=""))
    assert [outcome.answer for outcome in outcomes] == [made, None, None]
    assert api.calls[0] == ("create", "cal", NewCopy(tag="b1", key="k", series=weekly()))
    assert [call[2].remote_id for call in api.calls[1:]] == ["r9", "r9"]
    assert api.calls[2][2].change is CANCELLED


def test_an_occurrence_of_another_series_is_not_written_into_the_copy_that_was_changed_before_it() -> None:
    api = Recorder({"update": made})
    below = replace(CHANGE, remote_id="")
    assert applied(api, UPDATE, below) == [Written(UPDATE, made), Refused(below, "The series itself was refused.")]
    assert [call[0] for call in api.calls] == ["update"]


# --- refusals ------------------------------------------------------------------------------------------------------


def test_a_refused_write_says_why_and_its_neighbours_go_on() -> None:
    api = Recorder({"update": NO})
    assert applied(api, UPDATE, CANCEL, DELETE) == [
        Refused(UPDATE, "Too long."),
        Written(CANCEL, None),
        Written(DELETE, None),
    ]


def test_where_the_series_was_refused_its_occurrences_are_not_even_tried() -> None:
    api = Recorder({"create": NO})
    first, second = replace(CHANGE, remote_id=""), replace(CANCEL, remote_id="")
    assert applied(api, CREATE, first, second, STRAY) == [
        Refused(CREATE, "Too long."),
        Refused(first, "The series itself was refused."),
        Refused(second, "The series itself was refused."),
        Written(STRAY, None),
    ]
    assert [call[0] for call in api.calls] == ["create", "find_copy"]


@pytest.mark.parametrize("error", [VersionConflict("Moved on."), RetryLater("Busy.", delay=5)])
def test_what_concerns_more_than_one_event_stops_everything(error: SyncError) -> None:
    with pytest.raises(type(error)):
        applied(Recorder({"update": error}), UPDATE, DELETE)


# --- a copy that an earlier attempt left ------------------------------------------------------------------------------


def left(series: Series, **members: Any) -> RemoteEvent:
    return replace(report(series), remote_id="r9", etag="e9", **members)


def test_a_copy_that_is_as_it_should_be_is_not_written_again() -> None:
    api = Recorder({"create": left(weekly())})
    assert applied(api, CREATE) == [Written(CREATE, left(weekly()))]
    assert [call[0] for call in api.calls] == ["create"]


@pytest.mark.parametrize(
    "series",
    [
        changed(weekly(), title="As it was then"),
        changed(weekly(), location="Room 9"),
        replace(weekly(), recurrence=("RRULE:FREQ=DAILY;COUNT=2",)),
    ],
)
def test_a_copy_that_was_left_behind_and_differs_is_not_written_over(series: Series) -> None:
    api = Recorder({"create": left(series)})
    with pytest.raises(AlreadyThere) as found:
        applied(api, CREATE)
    assert found.value.remote == left(series)
    assert len(api.calls) == 1


def test_text_that_comes_back_withheld_is_written_once_more_as_far_as_there_is_any() -> None:
    series = changed(weekly(), location="")
    api = Recorder({"create": left(Series(bare(series.content), series.recurrence), withheld=True), "update": made})
    applied(api, replace(CREATE, series=series))
    assert api.calls[1][2].fields == {"title": "Visit"}


def test_what_the_answer_leaves_out_is_not_taken_for_a_difference() -> None:
    api = Recorder({"create": left(weekly(), content=None)})
    (outcome,) = applied(api, CREATE)
    assert outcome == Written(CREATE, left(weekly(), content=None))
    assert len(api.calls) == 1


# --- several events at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writes", "alone"),
    [
        ((CREATE,), True),
        ((UPDATE,), True),
        ((DELETE,), True),
        ((CHANGE,), False),
        ((STRAY,), False),
        ((CREATE, CHANGE), False),
        ((), False),
    ],
)
def test_only_a_single_write_of_a_whole_event_goes_together_with_others(writes: tuple[Write, ...], alone: bool) -> None:
    assert stands_alone(planned(*writes)) is alone


def together(api: Recorder, *writes: Write) -> list[Any]:
    return apply_together([planned(write) for write in writes], api, "cal")  # type: ignore[arg-type]


def test_writes_that_go_together_are_sent_as_they_would_be_alone() -> None:
    api = Recorder({"write_all": [made, made, None]})
    assert together(api, CREATE, UPDATE, DELETE) == [
        [Written(CREATE, made)],
        [Written(UPDATE, made)],
        [Written(DELETE, None)],
    ]
    ((_, calendar, asked),) = api.calls
    assert calendar == "cal"
    assert asked == [
        NewCopy(tag="b1", key="k", series=weekly()),
        CopyChange(remote_id="r1", etag="e1", fields={"title": "New"}),
        CopyDeletion(remote_id="r1", etag="e3"),
    ]


def test_of_writes_that_go_together_one_that_fails_harms_no_other() -> None:
    moved, busy = VersionConflict("Moved on."), RetryLater("Busy.", delay=5)
    api = Recorder({"write_all": [NO, moved, busy, None]})
    assert together(api, UPDATE, UPDATE, UPDATE, DELETE) == [
        [Refused(UPDATE, "Too long.")],
        moved,
        busy,
        [Written(DELETE, None)],
    ]


def test_a_copy_left_behind_is_not_written_over_when_it_went_together_with_others_either() -> None:
    old = left(changed(weekly(), title="As it was then"))
    api = Recorder({"write_all": [old]})
    (found,) = together(api, CREATE)
    assert isinstance(found, AlreadyThere)
    assert found.remote == old
    assert len(api.calls) == 1


def test_a_write_that_does_not_stand_alone_is_never_sent_together() -> None:
    with pytest.raises(ValueError, match=r"^this write does not stand alone$"):
        together(Recorder({"write_all": [None]}), CHANGE)


def test_an_answer_that_is_missing_is_an_error_and_not_a_write_without_outcome() -> None:
    with pytest.raises(ValueError, match="shorter"):
        together(Recorder({"write_all": [made]}), UPDATE, DELETE)


# --- times that the provider refuses -------------------------------------------------------------------------------

MOVE = UpdateCopy(remote_id="r1", etag="e1", fields={"title": "New", "span": span(10), "recurrence": ()})
TIMES, REST = {"span": span(10), "recurrence": ()}, {"title": "New"}


@dataclass
class Refusing(Recorder):
    """Refuses updates, one after the other as it is told."""

    sentences: list[str] = field(default_factory=list)

    def update(self, calendar: str, change: CopyChange) -> Any:
        self.calls.append(("update", calendar, change))
        sentence = self.sentences.pop(0)
        if sentence:
            raise EventRejected(sentence, code="no")
        return made


def test_where_other_times_are_refused_the_rest_of_an_edit_is_written() -> None:
    api = Refusing(sentences=["No such times.", ""])
    rest, times = replace(MOVE, fields=REST), replace(MOVE, fields=TIMES)
    assert applied(api, MOVE) == [Written(rest, made), Refused(times, "No such times.")]
    assert [(call[1], call[2].fields, call[2].etag) for call in api.calls] == [
        ("cal", MOVE.fields, "e1"),
        ("cal", REST, "e1"),
    ]
    answers = Refusing({"write_all": [EventRejected("No such times.", code="no")]}, sentences=[""])
    assert together(answers, MOVE) == [[Written(rest, made), Refused(times, "No such times.")]]
    assert answers.calls[1] == ("update", "cal", CopyChange(remote_id="r1", etag="e1", fields=REST))


def test_where_the_rest_is_refused_too_each_says_its_own_reason() -> None:
    rest, times = replace(MOVE, fields=REST), replace(MOVE, fields=TIMES)
    api = Refusing(sentences=["No such times.", "Too long."])
    assert applied(api, MOVE) == [Refused(rest, "Too long."), Refused(times, "No such times.")]


@pytest.mark.parametrize("fields", [REST, TIMES])
def test_an_edit_of_times_alone_or_of_none_is_tried_once(fields: dict[str, object]) -> None:
    write, api = replace(MOVE, fields=fields), Refusing(sentences=["No."])
    assert applied(api, write) == [Refused(write, "No.")]
    assert len(api.calls) == 1


def test_text_that_comes_back_withheld_is_written_into_the_copy_that_was_found_at_its_version() -> None:
    hidden = left(Series(bare(weekly().content), weekly().recurrence), withheld=True)
    everything = changed(weekly(), description="Papers", attendees=(Attendee("a@example.com"),))
    api = Recorder({"write_all": [hidden], "update": made})
    assert together(api, replace(CREATE, series=everything)) == [[Written(replace(CREATE, series=everything), made)]]
    _, calendar, change = api.calls[1]
    assert (calendar, change.remote_id, change.etag) == ("cal", "r9", "e9")
    assert set(change.fields) == {"title", "description", "location", "attendees"}
