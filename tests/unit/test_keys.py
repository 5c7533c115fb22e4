from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared import keys
from shared.model import Account, Owner, connection_of, mailbox_of

ANNA, ACCOUNT = Owner("demo", "anna"), Account("1", "anna@example.com")
texts = st.text(max_size=30)


@given(st.lists(texts, min_size=1, max_size=5), st.lists(texts, min_size=1, max_size=5))
def test_two_different_things_never_run_together_into_one_key(one, other):
    assert (keys._digest(*one) == keys._digest(*other)) == (one == other)


def test_an_id_that_is_computed_is_the_same_for_every_attempt_and_every_connection():
    assert keys.copy_key(ANNA, "google", ACCOUNT, "c", "b1") == keys.copy_key(ANNA, "google", ACCOUNT, "c", "b1")
    renamed = Account("1", "anna.new@example.com")
    assert keys.import_id(ANNA, "google", ACCOUNT, "c", "r") == keys.import_id(ANNA, "google", renamed, "c", "r")


def test_ids_of_one_kind_are_never_taken_for_those_of_another():
    parts = (ANNA, "google", ACCOUNT, "c", "x")
    assert keys._digest("import") != keys._digest("copy")
    assert keys.import_id(*parts).removeprefix("evt_") not in keys.copy_key(*parts)


def test_remote_ids_that_differ_by_case_or_a_dash_are_different_events():
    ids = {keys.import_id(ANNA, "google", ACCOUNT, "c", remote) for remote in ("a_B", "a_b", "a-b", "A_B")}
    assert len(ids) == 4


def test_a_calendars_id_leads_to_its_mailbox_and_its_connection_without_a_look_up():
    connection = keys.new_connection_id()
    calendar = keys.calendar_id(connection, "anna@example.com")
    assert (mailbox_of(calendar), connection_of(calendar)) == (connection, connection)


def test_an_organisation_and_its_people_have_the_same_ids_whenever_they_are_set_up():
    organization = keys.organization_id("demo", "google")
    assert organization == keys.organization_id("demo", "google")
    assert len({organization, keys.organization_id("demo", "microsoft"), keys.organization_id("dem", "ogoogle")}) == 3
    ada = keys.staff_id(organization, "ada")
    assert ada == keys.staff_id(organization, "ada")
    assert ada != keys.staff_id(keys.organization_id("demo", "microsoft"), "ada")
    assert keys.mailbox_place(organization, "Ada@X.example") == keys.mailbox_place(organization, "ada@x.example")
    assert keys.mailbox_place(organization, "ada@x.example") != keys.mailbox_place("org_other", "ada@x.example")


def test_an_id_that_must_not_be_guessed_is_never_given_twice_and_stands_in_any_path():
    made = [
        make() for make in (keys.new_connection_id, keys.new_event_id, keys.new_subscription_id) for _ in range(200)
    ]
    assert len(set(made)) == 600
    assert all(re.fullmatch("[a-z0-9_-]{24,64}", one) for one in made)


def test_notices_sort_by_time_and_a_repeated_one_keeps_its_id():
    at = datetime(2027, 3, 1, tzinfo=UTC)
    first = keys.message_id(at, "a")
    assert first == keys.message_id(at, "a") != keys.message_id(at, "b")
    later = [keys.message_id(at + timedelta(milliseconds=step), "z") for step in (1, 10**6, 10**10)]
    assert sorted([*later, first]) == [first, *later]


def test_a_quota_name_tells_nothing_of_the_connection_and_fits_googles_bound():
    connection = keys.new_connection_id()
    assert len(keys.quota_user(connection)) <= 40
    assert connection.removeprefix("con_") not in keys.quota_user(connection)
