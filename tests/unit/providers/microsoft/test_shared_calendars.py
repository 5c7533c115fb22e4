"""Calendars that others share with the account, and what becomes of a grant that covers only its own."""

import json
from typing import Any

import pytest

from shared.errors import CalendarGone, ConnectionRevoked, NotWatchable
from shared.model import Access, Content, RemoteEvent, Series
from shared.providers.base import CopyChange, Grant, NewCopy, Session
from shared.providers.microsoft.grant import CALENDARS_SCOPE, SCOPES
from tests.contract.microsoft_stage import MicrosoftStage
from tests.unit.providers.microsoft.test_batch import catch_up, span

BOSS = "boss@example.com"


def connect(stage: MicrosoftStage, **changes: Any) -> Grant:
    authorizer = stage.provider().authorizer()
    begun = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    return authorizer.complete(begun.flow, stage.consent(begun.authorization_url, **changes))


def shared_by(stage: MicrosoftStage, role: Any = "write") -> str:
    """The id, in our account's list, of a calendar that somebody else owns."""
    owner = stage.world.add_account(BOSS, "Boss")
    return stage.world.share_calendar(stage.world.default_calendar(owner.email).id, stage.account_name, role)


def titles_of(session: Session, calendar: str) -> list[str]:
    changes, _ = catch_up(session.calendars, calendar)
    return [one.content.title for one in changes if isinstance(one, RemoteEvent) and one.content]


@pytest.mark.parametrize(("role", "access"), [("write", Access.WRITER), ("read", Access.READER)])
def test_a_calendar_that_somebody_shares_is_listed_as_what_one_may_do_with_it(
    microsoft: MicrosoftStage, role: Any, access: Access
) -> None:
    alias = shared_by(microsoft, role)
    listed = microsoft.session(secret=connect(microsoft).secret).calendars.list_calendars()
    assert {one.remote_id: (one.access, one.primary) for one in listed} == {
        microsoft.main: (Access.OWNER, True),
        alias: (access, False),
    }


def test_a_shared_calendar_is_read_and_written_like_ones_own_but_cannot_be_watched(microsoft: MicrosoftStage) -> None:
    alias = shared_by(microsoft)
    session = microsoft.session(secret=connect(microsoft).secret)
    api = session.calendars
    copies = [NewCopy(tag=name, key=name, series=Series(Content(span=span(), title=name))) for name in "abc"]
    made = [one for one in api.write_all(alias, copies) if isinstance(one, RemoteEvent)]
    assert [one.title for one in microsoft.events(BOSS)] == ["a", "b", "c"]
    assert sorted(titles_of(session, alias)) == ["a", "b", "c"]
    api.update(alias, CopyChange(remote_id=made[0].remote_id, etag=made[0].etag, fields={"title": "A"}))
    api.delete(alias, made[1].remote_id, made[1].etag)
    assert sorted(one.title for one in microsoft.events(BOSS)) == ["A", "c"]
    assert api.find_copy(alias, "c") == made[2].remote_id
    assert session.push is not None
    with pytest.raises(NotWatchable):
        session.push.subscribe(alias, subscription_id="s", address="https://hooks.example.com/x", token="t")


def test_a_grant_without_the_right_to_shared_calendars_still_connects_and_syncs_its_own(
    microsoft: MicrosoftStage,
) -> None:
    alias = shared_by(microsoft)
    grant = connect(microsoft, leave_out=("Calendars.ReadWrite.Shared", "MailboxSettings.Read"))
    session = microsoft.session(secret=grant.secret)
    assert titles_of(session, microsoft.main) == []
    assert {one.zone for one in session.calendars.list_calendars()} == {"UTC"}
    with pytest.raises(CalendarGone):
        titles_of(session, alias)


def test_a_personal_account_whose_token_comes_without_shared_calendars_connects(microsoft: MicrosoftStage) -> None:
    microsoft.world.add_account("eve@outlook.example", "Eve", kind="personal")
    microsoft.account_name = "eve@outlook.example"
    try:
        grant = connect(microsoft)
        session = microsoft.session(secret=grant.secret)
        assert [one.primary for one in session.calendars.list_calendars()] == [True]
        session = microsoft.session(secret=_aged(grant.secret))
        assert [one.primary for one in session.calendars.list_calendars()] == [True]
    finally:
        del microsoft.account_name


def test_the_mailboxs_zone_is_that_of_its_calendars(microsoft: MicrosoftStage) -> None:
    (listed,) = microsoft.session(secret=connect(microsoft).secret).calendars.list_calendars()
    assert listed.zone == "Europe/Berlin"


# --- what is asked for again ---------------------------------------------------------------------------------------


def _aged(secret: bytes) -> bytes:
    """A secret whose access token has expired, as the one of a calendar that was quiet for a day has."""
    fields = json.loads(secret)
    for entry in fields["msal"]["AccessToken"].values():
        entry["expires_on"] = entry["extended_expires_on"] = "1000000000"
    return json.dumps(fields).encode()


def test_a_connection_made_before_more_was_asked_for_is_not_ended_by_its_next_refresh(
    microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks at a refresh for more than was granted is told `invalid_grant`, consent missing."""
    with monkeypatch.context() as earlier:
        earlier.setattr("shared.providers.microsoft.auth.SCOPES", (CALENDARS_SCOPE, "User.Read"))
        secret = connect(microsoft).secret
    assert titles_of(microsoft.session(secret=_aged(secret)), microsoft.main) == []


@pytest.mark.parametrize("form", ["echo", "url"])
@pytest.mark.parametrize("withheld", [(), ("Calendars.ReadWrite.Shared",)])
def test_a_token_that_is_still_good_is_used_by_the_next_job_too(
    microsoft: MicrosoftStage, form: Any, withheld: tuple[str, ...]
) -> None:
    microsoft.world.settings.scope_form = form
    grant = connect(microsoft, leave_out=withheld)
    before = microsoft.world.calls["oauth.token"]
    for _ in range(3):
        titles_of(microsoft.session(secret=grant.secret), microsoft.main)
    assert microsoft.world.calls["oauth.token"] == before


@pytest.mark.parametrize("form", ["echo", "url"])
def test_a_refresh_that_fails_does_not_forget_what_was_granted(microsoft: MicrosoftStage, form: Any) -> None:
    microsoft.world.settings.scope_form = form
    alias = shared_by(microsoft)
    session = microsoft.session(secret=_aged(connect(microsoft).secret))
    microsoft.sign_in_trouble(503)
    with pytest.raises(Exception, match="pause"):
        titles_of(session, alias)
    kept = session.calendars.secret()
    assert kept is not None
    later = microsoft.session(secret=kept)
    assert titles_of(later, alias) == []
    assert set(json.loads(later.calendars.secret() or b"")["scopes"].split()) >= {
        scope if form == "echo" else f"https://graph.microsoft.com/{scope}" for scope in SCOPES
    }


def test_a_refresh_that_comes_back_without_calendars_ends_the_connection(microsoft: MicrosoftStage) -> None:
    secret = _aged(connect(microsoft).secret)
    microsoft.world.settings.withheld_scopes = [CALENDARS_SCOPE]
    with pytest.raises(ConnectionRevoked) as caught:
        titles_of(microsoft.session(secret=secret), microsoft.main)
    assert caught.value.code == "scope_missing"
