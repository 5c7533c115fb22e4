import warnings
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth.transport.requests
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.oauth2 import id_token
from google_auth_oauthlib.flow import Flow
from googleapiclient.errors import HttpError
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from .conftest import ADA, CALENDAR, CALLBACK, EVENTS, Google

SCOPES = ["openid", "email", EVENTS, "https://www.googleapis.com/auth/calendar.calendarlist.readonly"]


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")


def make_flow(google: Google, **more: Any) -> Flow:
    config = {
        "web": {
            "client_id": "client",
            "client_secret": "secret",
            "auth_uri": f"{google.url}/o/oauth2/v2/auth",
            "token_uri": f"{google.url}/token",
        }
    }
    return Flow.from_client_config(config, SCOPES, redirect_uri=CALLBACK, autogenerate_code_verifier=True, **more)


def consent(url: str, **form: Any) -> dict[str, str]:
    """Press a button on the consent page; the query of the redirect."""
    wanted = {"account": ADA, "decision": "allow", "scopes": "all"} | form
    answer = requests.post(url, data=wanted, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def connect(google: Google, *, prompt: str | None = "consent", **form: Any) -> Flow:
    flow = make_flow(google)
    url, state = flow.authorization_url(access_type="offline", **({"prompt": prompt} if prompt else {}))
    back = consent(url, **form)
    assert back["state"] == state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flow.fetch_token(code=back["code"])
    return flow


def test_the_whole_code_flow_works_with_googles_own_library(google: Google) -> None:
    # With a key set google-auth allows no clock skew at all, whatever it is told: this test needs the real time.
    google.moment = datetime.now(UTC)
    flow = connect(google)
    assert flow.credentials.refresh_token
    assert EVENTS in flow.credentials.granted_scopes
    claims = id_token.verify_token(
        flow.credentials.id_token,
        google_request(),
        audience="client",
        certs_url=f"{google.url}/oauth2/v3/certs",
    )
    assert claims["iss"] == "https://accounts.google.com"
    assert claims["email"] == ADA
    assert claims["sub"] == google.world.accounts[ADA].sub


def google_request() -> Any:
    return google.auth.transport.requests.Request()


def test_a_code_used_twice_is_refused(google: Google) -> None:
    flow = make_flow(google)
    url, _ = flow.authorization_url()
    code = consent(url)["code"]
    flow.fetch_token(code=code)
    with pytest.raises(InvalidGrantError):
        flow.fetch_token(code=code)


def test_a_code_dies_after_ten_minutes(google: Google) -> None:
    flow = make_flow(google)
    code = consent(flow.authorization_url()[0])["code"]
    google.pass_time(minutes=11)
    with pytest.raises(InvalidGrantError):
        flow.fetch_token(code=code)


def test_a_stolen_code_is_worth_nothing_without_the_verifier(google: Google) -> None:
    url, _ = make_flow(google).authorization_url()
    code = consent(url)["code"]
    thief = make_flow(google)
    thief.authorization_url()
    with pytest.raises(InvalidGrantError):
        thief.fetch_token(code=code)


def test_a_wrong_client_secret_is_refused(google: Google) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": google.tokens()["refresh_token"]}
    form |= {"client_id": "client", "client_secret": "wrong"}
    answer = requests.post(f"{google.url}/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unknown_redirect_address_gets_a_page_and_never_a_redirect(google: Google) -> None:
    query = {"client_id": "client", "redirect_uri": CALLBACK + "/", "response_type": "code", "scope": EVENTS}
    answer = requests.get(f"{google.url}/o/oauth2/v2/auth", params=query, allow_redirects=False, timeout=10)
    assert answer.status_code == 400
    assert "redirect_uri_mismatch" in answer.text


def test_the_page_offers_accounts_and_a_tick_for_each_scope_but_sign_in(google: Google) -> None:
    google.world.add_account("bob@example.com")
    url, _ = make_flow(google).authorization_url(login_hint="bob@example.com")
    page = requests.get(url, timeout=10).text
    assert 'value="bob@example.com" required\nchecked' in page
    assert page.count('type="checkbox"') == 2
    assert "openid" not in page


def test_denying_comes_back_with_access_denied_and_the_state(google: Google) -> None:
    url, state = make_flow(google).authorization_url()
    assert consent(url, decision="deny") == {"error": "access_denied", "state": state}


def test_a_scope_without_its_tick_is_missing_from_the_grant(google: Google) -> None:
    flow = connect(google, scopes="", granted=[SCOPES[3]])
    assert EVENTS not in flow.credentials.granted_scopes
    assert "https://www.googleapis.com/auth/userinfo.email" in flow.credentials.granted_scopes


def test_a_person_who_takes_the_tick_off_does_so_for_scripts_as_well(google: Google) -> None:
    google.control("POST", f"accounts/{ADA}/unticked", {"scopes": [EVENTS]})
    assert EVENTS not in connect(google).credentials.granted_scopes


def test_only_the_first_grant_brings_a_refresh_token_unless_consent_is_forced(google: Google) -> None:
    assert connect(google, prompt=None).credentials.refresh_token
    assert not connect(google, prompt=None).credentials.refresh_token
    assert connect(google, prompt="consent").credentials.refresh_token


def test_the_101st_refresh_token_kills_the_first_in_silence(google: Google) -> None:
    first = google.credentials()
    for _ in range(99):
        google.tokens()
    first.refresh(google_request())
    google.tokens()
    with pytest.raises(RefreshError, match="invalid_grant"):
        first.refresh(google_request())


def test_an_access_token_expires_after_an_hour(google: Google) -> None:
    token = google.tokens()["access_token"]
    url = f"{google.url}/calendar/v3/users/me/calendarList"
    assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code == 200
    google.pass_time(hours=1)
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_revoking_an_access_token_also_kills_its_refresh_token(google: Google) -> None:
    credentials = google.credentials()
    credentials.refresh(google_request())
    answer = requests.post(f"{google.url}/revoke", data={"token": credentials.token}, timeout=10)
    assert answer.status_code == 200
    with pytest.raises(RefreshError) as caught:
        credentials.refresh(google_request())
    assert caught.value.args[1] == {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    assert not caught.value.retryable


def test_revoking_an_unknown_token_says_so(google: Google) -> None:
    answer = requests.post(f"{google.url}/revoke", data={"token": "nonsense"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_token")


def test_a_user_who_removes_the_app_makes_the_next_refresh_fail(google: Google) -> None:
    credentials = google.credentials()
    assert google.control("POST", "revoke", {"email": ADA}) == {"revoked_clients": ["client"]}
    with pytest.raises(RefreshError, match="invalid_grant"):
        credentials.refresh(google_request())


def test_an_idle_refresh_token_dies_after_six_months_and_a_used_one_lives(google: Google) -> None:
    used, idle = google.credentials(), google.credentials()
    for _ in range(3):
        google.pass_time(days=100)
        used.refresh(google_request())
    with pytest.raises(RefreshError):
        idle.refresh(google_request())


def test_calendar_events_alone_cannot_list_calendars_or_query_busy_time(google: Google) -> None:
    service = google.service(scopes=(EVENTS,))
    service.events().list(calendarId="primary").execute()
    query = {"timeMin": "2027-01-01T00:00:00Z", "timeMax": "2027-01-02T00:00:00Z", "items": [{"id": ADA}]}
    for call in (service.calendarList().list(), service.freebusy().query(body=query)):
        with pytest.raises(HttpError) as caught:
            call.execute()
        assert caught.value.status_code == 403
        assert caught.value.error_details[0]["reason"] == "insufficientPermissions"


def test_the_configuration_document_points_at_this_server(google: Google) -> None:
    found = requests.get(f"{google.url}/.well-known/openid-configuration", timeout=10).json()
    assert found["token_endpoint"] == f"{google.url}/token"
    assert CALENDAR not in found["scopes_supported"]
