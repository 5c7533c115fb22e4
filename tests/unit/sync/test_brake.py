"""The brake: what one sync may take over before somebody says yes."""

from __future__ import annotations

import pytest

from shared.sync.actions import EventPlan, Rule
from shared.sync.brake import CREATIONS, DELETIONS, Tally, too_much


def plans(rule: Rule, count: int) -> list[EventPlan]:
    return [EventPlan(event_id=f"e{number}", rule=rule) for number in range(count)]


@pytest.mark.parametrize(
    ("deleted", "linked", "held"),
    [(26, 77, True), (26, 78, False), (25, 25, False), (26, 26, True), (300, 300, True), (300, 901, False)],
)
def test_a_mass_deletion_is_held_only_beyond_25_events_and_beyond_a_third(
    deleted: int, linked: int, held: bool
) -> None:
    assert bool(too_much(Tally(deleted=deleted), linked)) is held


@pytest.mark.parametrize(("created", "linked", "held"), [(501, 500, True), (501, 501, False), (500, 0, False)])
def test_a_calendar_that_more_than_doubles_at_once_is_held(created: int, linked: int, held: bool) -> None:
    assert bool(too_much(Tally(created=created), linked)) is held


def test_what_the_host_app_deletes_and_books_and_what_a_switch_withdraws_is_not_counted() -> None:
    asked_for = [Rule.DELETE_REMOTE, Rule.WITHDRAW, Rule.EXPORT, Rule.PUSH, Rule.FORGET, Rule.ADOPT]
    decided = [plan for rule in asked_for for plan in plans(rule, 600)]
    assert Tally().with_plans(decided) == Tally()


def test_pages_of_one_sync_are_counted_together_so_that_many_small_ones_do_not_slip_through() -> None:
    tally = Tally()
    for _ in range(3):
        tally = tally.with_plans(plans(Rule.DELETE_LOCAL, 10))
    assert tally == Tally(deleted=30)
    assert tally.may_be_much
    assert not Tally(deleted=DELETIONS, created=CREATIONS).may_be_much


def test_the_copies_of_one_event_are_one_deletion() -> None:
    assert Tally().with_plans([*plans(Rule.DELETE_LOCAL, 1), *plans(Rule.DELETE_LOCAL, 1)]) == Tally(deleted=1)


def test_what_appeared_is_counted_page_by_page_whether_new_or_back_again() -> None:
    tally = Tally(deleted=1, created=5).with_plans([*plans(Rule.IMPORT, 2), EventPlan(event_id="x", rule=Rule.REVIVE)])
    assert tally == Tally(deleted=1, created=8)


def test_the_person_is_told_how_many_and_what_to_do() -> None:
    assert too_much(Tally(deleted=26), 77) == (
        "At least 26 of 77 events were deleted in the connected calendar at once. The sync was stopped before as "
        "many go here: go on if that was meant, or look again."
    )
    assert too_much(Tally(created=501), 3) == (
        "At least 501 events appeared in the connected calendar at once, which had 3. The sync was stopped before "
        "it takes over as many: go on if that was meant, or look again."
    )
