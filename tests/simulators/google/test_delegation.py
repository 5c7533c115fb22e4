"""A service account that acts for a whole domain, with Google's own library: whom, with what, by which key, at whose
expense."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from .conftest import ADA, CALENDAR, EVENTS, Google, timed

BOB = "bob@example.com"
UNAUTHORIZED = "unauthorized_client: Client is unauthorized to retrieve access tokens using this method"
SYNC = "sync@simulated.iam.gserviceaccount.com"


@pytest.fixture
def key(google: Google) -> Any:
    """The key file of a service account that the domain's administrator has let in."""
    google.world.add_account(BOB)
    google.moment = datetime.now(UTC)  # the library signs by the machine's clock
    return google.control("POST", "service_accounts", {"domain": "example.com", "scopes": [CALENDAR]})


def credentials(key: Any, subject: str | None = ADA, scope: str = CALENDAR) -> Any:
    return service_account.Credentials.from_service_account_info(key, scopes=[scope], subject=subject)


def token(key: Any, subject: str | None = ADA, scope: str = CALENDAR) -> str:
    made = credentials(key, subject, scope)
    made.refresh(Request())
    return str(made.token)


def call(google: Google, bearer: str, path: str = "users/me/calendarList", *headers: Any, **query: str) -> Any:
    sent = {"Authorization": f"Bearer {bearer}"} | dict(headers)
    return requests.get(f"{google.url}/calendar/v3/{path}", headers=sent, params=query, timeout=10)


def outcome(reply: Any) -> Any:
    return reply.status_code if reply.status_code == 200 else reply.json()["error"]["errors"][0]["reason"]


def service(google: Google, key: Any, subject: str | None = ADA) -> Any:
    return build(
        "calendar",
        "v3",
        credentials=credentials(key, subject),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": f"{google.url}/calendar/v3/"},
    )


def test_one_key_opens_the_calendar_of_each_person_of_the_domain(google: Google, key: Any) -> None:
    for person in (ADA, BOB):
        made = service(google, key, person).events().insert(calendarId="primary", body=timed("2027-03-01")).execute()
        assert made["organizer"]["email"] == person
    assert len(google.control("GET", f"calendars/{BOB}/events")["items"]) == 1


@pytest.mark.parametrize(
    ("subject", "scope", "error"),
    [
        ("ada@elsewhere.example", CALENDAR, "unauthorized_client"),
        (ADA, EVENTS, "unauthorized_client"),
        (ADA, f"{CALENDAR} {EVENTS}", "unauthorized_client"),
        ("nobody@example.com", CALENDAR, "invalid_grant"),
    ],
)
def test_delegation_ends_at_the_domain_and_the_scopes(
    google: Google, key: Any, subject: str, scope: str, error: str
) -> None:
    google.world.add_account("ada@elsewhere.example")
    with pytest.raises(RefreshError, match=error) as caught:
        token(key, subject, scope)
    assert not caught.value.retryable


def test_a_service_account_that_no_administrator_let_in_acts_for_nobody(google: Google, key: Any) -> None:
    stranger = google.control("POST", "service_accounts", {"name": "stranger"})
    with pytest.raises(RefreshError, match=UNAUTHORIZED):
        token(stranger)
    google.control("PUT", f"domains/example.com/delegations/{stranger['client_id']}", {"scopes": [EVENTS]})
    with pytest.raises(RefreshError, match="unauthorized_client"):
        token(stranger)
    assert token(stranger, scope=EVENTS)


def test_delegation_that_was_taken_back_ends_with_the_tokens_that_are_out(google: Google, key: Any) -> None:
    alive = token(key)
    google.control("DELETE", f"domains/example.com/delegations/{key['client_id']}")
    with pytest.raises(RefreshError, match="unauthorized_client"):
        token(key)
    assert outcome(call(google, alive)) == 200
    google.pass_time(hours=1)
    assert outcome(call(google, alive)) == "authError"


def test_a_suspended_person_is_out_at_once_and_comes_back(google: Google, key: Any) -> None:
    alive = token(key, BOB)
    google.control("PATCH", f"accounts/{BOB}", {"suspended": True})
    with pytest.raises(RefreshError, match="invalid_grant"):
        token(key, BOB)
    assert outcome(call(google, alive)) == "authError"
    assert token(key, ADA), "the others are not touched"
    google.control("PATCH", f"accounts/{BOB}", {"suspended": False})
    assert outcome(call(google, token(key, BOB))) == 200


def test_a_suspended_persons_own_grant_does_not_refresh_either(google: Google) -> None:
    own = google.credentials()
    google.control("PATCH", f"accounts/{ADA}", {"suspended": True})
    with pytest.raises(RefreshError, match="invalid_grant"):
        own.refresh(Request())


def test_a_person_without_the_calendar_service_gets_a_token_that_opens_nothing(google: Google, key: Any) -> None:
    google.control("PATCH", f"accounts/{BOB}", {"calendar_service": False})
    api = service(google, key, BOB)
    for refused in (api.calendarList().list(), api.events().list(calendarId="primary")):
        with pytest.raises(HttpError) as caught:
            refused.execute()
        assert (caught.value.status_code, caught.value.error_details[0]["reason"]) == (403, "notACalendarUser")


def test_two_keys_live_side_by_side_until_one_is_deleted(google: Google, key: Any) -> None:
    second = google.control("POST", f"service_accounts/{SYNC}/keys")
    assert second["private_key_id"] != key["private_key_id"]
    alive = token(key)
    assert token(second)
    google.control("DELETE", f"service_accounts/{SYNC}/keys/{key['private_key_id']}")
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        token(key)
    assert token(second)
    assert outcome(call(google, alive)) == 200, "tokens outlive the key they were made with"


def test_a_disabled_key_is_refused_until_it_is_enabled_again(google: Google, key: Any) -> None:
    at = f"service_accounts/{SYNC}/keys/{key['private_key_id']}"
    google.control("PATCH", at, {"enabled": False})
    with pytest.raises(RefreshError, match="invalid_grant"):
        token(key)
    google.control("PATCH", at, {"enabled": True})
    assert token(key)


def test_a_key_under_the_name_of_another_one_is_refused(google: Google, key: Any) -> None:
    second = google.control("POST", f"service_accounts/{SYNC}/keys")
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        token(key | {"private_key_id": second["private_key_id"]})


def test_without_a_subject_the_service_account_looks_into_its_own_empty_calendar(google: Google, key: Any) -> None:
    """Nothing fails: whoever forgets the subject syncs nobody's events."""
    # Refreshed by hand: before a call the library would ask a real address for its regions, having no subject.
    itself = token(key, None)
    listed = call(google, itself).json()["items"]
    assert [one["id"] for one in listed] == [SYNC]
    with_guests = timed("2027-03-01", attendees=[{"email": ADA}])
    url = f"{google.url}/calendar/v3/calendars/primary/events"
    sent = {"Authorization": f"Bearer {itself}"}
    assert outcome(requests.post(url, headers=sent, json=with_guests, timeout=10)) == "forbiddenForServiceAccounts"


def test_the_service_account_pays_for_everybody_unless_it_names_a_quota_user(google: Google, key: Any) -> None:
    google.control("POST", "settings", {"calls_per_minute": 2})
    ada, bob = token(key, ADA), token(key, BOB)
    assert [outcome(call(google, one)) for one in (ada, bob, bob)] == [200, 200, "userRateLimitExceeded"]
    by_name = [outcome(call(google, bob, quotaUser=name)) for name in ("bob", "bob", "bob", "ada")]
    assert by_name == [200, 200, "userRateLimitExceeded", 200]
    assert outcome(call(google, ada, "users/me/calendarList", ("X-Goog-Quota-User", "eve"))) == 200
    counted = google.control("GET", "calls")
    assert counted["peak_units_by_user"] == {SYNC: 2, "bob": 2, "ada": 1, "eve": 1}
    assert counted["peak_units"] == 6


def test_all_users_together_stay_below_the_projects_limit(google: Google, key: Any) -> None:
    google.control("POST", "settings", {"project_calls_per_minute": 2})
    ada = token(key)
    found = [outcome(call(google, ada, quotaUser=name)) for name in ("a", "b", "c")]
    assert found == [200, 200, "rateLimitExceeded"]
    google.pass_time(seconds=61)
    assert outcome(call(google, ada, quotaUser="c")) == 200


def test_a_quota_user_has_forty_characters_at_most(google: Google, key: Any) -> None:
    ada = token(key)
    assert outcome(call(google, ada, quotaUser="x" * 40)) == 200
    assert outcome(call(google, ada, quotaUser="x" * 41)) == "invalid"
