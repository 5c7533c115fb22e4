from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import ConnectFailed
from shared.model import Owner
from shared.oauth_state import PURPOSE, connection_in, digest, make_state, verify_state
from shared.signing import Keyring

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
ANNA = Owner("demo", "anna")
RING = Keyring([b"key"], PURPOSE)


def state(owner: Owner = ANNA) -> str:
    return make_state("con_a", owner, NOW + timedelta(minutes=15), RING).text


def code_of(text: str, owner: Owner = ANNA, now: datetime = NOW) -> str:
    with pytest.raises(ConnectFailed) as failure:
        verify_state(text, owner, now, RING)
    return failure.value.code


def test_a_state_leads_to_its_connection_and_is_recognised_by_its_digest_alone():
    made = make_state("con_a", ANNA, NOW + timedelta(minutes=15), RING)
    assert connection_in(made.text) == "con_a"
    assert verify_state(made.text, ANNA, NOW, RING) == made.digest == digest(made.text)
    assert made.digest not in made.text


def test_two_states_for_the_same_sign_in_differ():
    assert state() != state()


@pytest.mark.parametrize(
    "owner", [Owner("demo", "bert"), Owner("other", "anna"), Owner("demo\0anna", ""), Owner("", "demo\0anna")]
)
def test_a_state_is_worth_nothing_for_anybody_else(owner):
    assert code_of(state(), owner) == "state_invalid"


@pytest.mark.parametrize("text", ["", ".", "...", "con_a", "con_a.x.y.z", "\u00e4.1.2.3"])
def test_a_text_that_is_no_state_is_refused_in_the_same_way(text):
    assert code_of(text) == "state_invalid"


def test_a_state_says_nothing_about_the_person():
    assert "anna" not in state()
    assert "demo" not in state()


@pytest.mark.parametrize(("minutes", "late"), [(14.9, False), (15, True), (600, True)])
def test_a_state_lives_for_a_quarter_of_an_hour(minutes, late):
    now = NOW + timedelta(minutes=minutes)
    if late:
        assert code_of(state(), now=now) == "state_expired"
    else:
        assert verify_state(state(), ANNA, now, RING)


def test_a_longer_life_cannot_be_written_into_a_state():
    parts = state().split(".")
    parts[1] = str(int(parts[1]) + 86400)
    assert code_of(".".join(parts)) == "state_invalid"
