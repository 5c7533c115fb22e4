"""A Google Workspace domain: what a key is worth, whom it acts for, and whose fault a refusal is."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConnectFailed, ConnectionRevoked, RetryLater
from shared.providers.base import Revocation
from shared.providers.google import delegation as adapter
from shared.providers.organizations import MailboxRefused, MailboxState, OrganizationApi, StaffAccess, Tenancy
from tests.contract.google_stage import GoogleStage
from tests.contract.organization_stages import GoogleDelegationStage

DOMAIN = Tenancy(place="example.com", access=StaffAccess.APPLICATION, tenant="example.com")


def api_of(stage: GoogleStage) -> OrganizationApi:
    api = stage.provider().organizations()
    assert api is not None
    return api


@pytest.fixture
def api(delegation: GoogleDelegationStage) -> OrganizationApi:
    return api_of(delegation)


# --- the domain and the key ----------------------------------------------------------------------------------------


def test_a_domain_is_described_without_a_call(api: OrganizationApi, delegation: GoogleDelegationStage) -> None:
    before = delegation.calls()
    found = api.discover(Tenancy(place=" Example.COM ", access=StaffAccess.APPLICATION))
    assert (found.tenant, found.version) == ("example.com", "Google Calendar API v3")
    assert found.service_address == f"{delegation.url}/calendar/v3"
    assert api.begin(found, redirect_uri="https://x.example", state="s") is None
    assert delegation.calls() == before


@pytest.mark.parametrize("place", ["", "example", "anna@example.com", "https://example.com", "gmail.com", "a b.com"])
def test_what_is_no_domain_of_an_organisation_is_refused(api: OrganizationApi, place: str) -> None:
    with pytest.raises(ConnectFailed) as caught:
        api.discover(Tenancy(place=place, access=StaffAccess.APPLICATION))
    assert caught.value.code == "tenant_malformed"


def test_a_key_is_accepted_by_its_form_and_names_the_client_id_that_the_console_asks_for(
    api: OrganizationApi, delegation: GoogleDelegationStage
) -> None:
    before = delegation.calls()
    grant = api.accept(DOMAIN, delegation.key_file())
    assert delegation.calls() == before
    assert grant.account is not None
    assert (grant.account.id, grant.account.name) == (delegation.key["client_id"], delegation.key["client_email"])
    assert api.verify(grant.secret, delegation.account_name).state is MailboxState.REACHABLE
    assert api.expires_at(grant.secret) is None
    assert api.others_reached(grant.secret, []) is None
    assert api.revoke(grant.secret) is Revocation.NOT_SUPPORTED


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "authorized_user"},
        {"private_key": ""},
        {"private_key": "-----BEGIN PRIVATE KEY-----\nnot base64\n-----END PRIVATE KEY-----\n"},
        {"client_email": None},
        {"client_id": 5},
        {"private_key_id": "  "},
    ],
)
def test_a_key_that_lacks_something_is_refused_and_never_repeated(
    api: OrganizationApi, delegation: GoogleDelegationStage, changes: Mapping[str, Any]
) -> None:
    with pytest.raises(ConnectFailed) as caught:
        api.accept(DOMAIN, json.dumps(delegation.key | changes).encode())
    assert caught.value.code == "key_malformed"
    assert "PRIVATE KEY" not in caught.value.sentence
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff\xfe", b"not json", b'"service_account"'])
def test_what_is_no_key_file_is_refused(api: OrganizationApi, text: bytes) -> None:
    with pytest.raises(ConnectFailed) as caught:
        api.accept(DOMAIN, text)
    assert caught.value.code == "key_malformed"


def test_a_key_of_another_service_account_than_the_one_named_is_refused(
    api: OrganizationApi, delegation: GoogleDelegationStage
) -> None:
    named = replace(DOMAIN, service_account=delegation.key["client_email"].upper())
    assert api.accept(named, delegation.key_file()).account is not None
    with pytest.raises(ConnectFailed) as caught:
        api.accept(replace(DOMAIN, service_account="other@project.example"), delegation.key_file())
    assert caught.value.code == "wrong_account"


def test_the_assertion_goes_to_google_whatever_address_the_key_file_names(
    api: OrganizationApi, delegation: GoogleDelegationStage
) -> None:
    elsewhere = json.dumps(delegation.key | {"token_uri": "http://127.0.0.1:9/token"}).encode()
    secret = api.accept(DOMAIN, elsewhere).secret
    assert b"127.0.0.1:9" not in secret
    assert api.verify(secret, delegation.account_name).state is MailboxState.REACHABLE


def test_a_key_does_not_show_when_it_is_printed(delegation: GoogleDelegationStage) -> None:
    assert "PRIVATE KEY" not in repr(adapter.read_key(delegation.key_file()))
    assert "PRIVATE KEY" not in repr(adapter.Delegation(delegation.secret(), delegation.settings(), "a@example.com"))


# --- whose fault it is ---------------------------------------------------------------------------------------------


def test_each_mailbox_says_what_is_wrong_with_it_and_no_other(
    api: OrganizationApi, delegation: GoogleDelegationStage
) -> None:
    for name, changes in (("off", {"calendar_service": False}), ("suspended", {"suspended": True})):
        delegation.world.add_account(f"{name}@example.com")
        delegation.control(f"accounts/{name}@example.com", method="PATCH", **changes)
    delegation.world.add_account("boss@elsewhere.example")
    secret = delegation.secret()
    addresses = ("off@example.com", "suspended@example.com", "nobody@example.com", "boss@elsewhere.example")
    found = {address: api.verify(secret, address) for address in (delegation.account_name, *addresses)}
    assert {address: one.state for address, one in found.items()} == {
        delegation.account_name: MailboxState.REACHABLE,
        "off@example.com": MailboxState.NOT_LICENSED,
        "suspended@example.com": MailboxState.NOT_FOUND,
        "nobody@example.com": MailboxState.NOT_FOUND,
        "boss@elsewhere.example": MailboxState.OUT_OF_SCOPE,
    }
    assert all((one.account is None) == bool(one.sentence) for one in found.values())
    known = found[delegation.account_name].account
    assert known is not None
    assert (known.id, known.name) == (delegation.account_name, delegation.account_name)


def test_the_case_of_an_address_makes_no_other_person(api: OrganizationApi, delegation: GoogleDelegationStage) -> None:
    found = api.verify(delegation.secret(), f" {delegation.account_name.upper()}")
    assert found.account is not None
    assert (found.account.id, found.account.name) == (delegation.account_name, delegation.account_name)


def test_a_mailbox_costs_at_most_three_calls(api: OrganizationApi, delegation: GoogleDelegationStage) -> None:
    secret = delegation.secret()
    for address in ("nobody@example.com", delegation.account_name):
        adapter._held.cache_clear()
        before = delegation.calls()
        api.verify(secret, address)
        assert delegation.calls() - before <= 3


@pytest.mark.parametrize("scopes", [[], [adapter.SCOPES[0]], [adapter.SCOPES[1]]])
def test_a_delegation_that_is_missing_or_too_narrow_is_the_organisations(
    api: OrganizationApi, delegation: GoogleDelegationStage, scopes: list[str]
) -> None:
    delegation.delegate(scopes)
    delegation.expire_access_tokens()
    with pytest.raises(ConnectionRevoked, match="Manage Domain Wide Delegation") as caught:
        api.verify(delegation.secret(), delegation.account_name)
    assert delegation.key["client_id"] in caught.value.sentence


@pytest.mark.parametrize("how", ["deleted", "switched off"])
def test_a_key_that_is_gone_is_told_from_a_person_who_is_not_there(
    api: OrganizationApi, delegation: GoogleDelegationStage, how: str
) -> None:
    path = f"service_accounts/{delegation.key['client_email']}/keys/{delegation.key['private_key_id']}"
    if how == "deleted":
        delegation.control(path, method="DELETE")
    else:
        delegation.world.service_accounts[delegation.key["client_email"]].keys[0].enabled = False
    delegation.expire_access_tokens()
    adapter._held.cache_clear()
    for address in (delegation.account_name, "nobody@example.com"):
        with pytest.raises(ConnectionRevoked, match="key"):
            api.verify(delegation.secret(), address)


def test_a_new_key_works_beside_the_old_one_and_after_it(
    api: OrganizationApi, delegation: GoogleDelegationStage
) -> None:
    account = delegation.key["client_email"]
    new = delegation.control(f"service_accounts/{account}/keys")
    secret = api.accept(DOMAIN, json.dumps(new).encode()).secret
    assert api.verify(delegation.secret(), delegation.account_name).state is MailboxState.REACHABLE
    assert api.verify(secret, delegation.account_name).state is MailboxState.REACHABLE
    delegation.control(f"service_accounts/{account}/keys/{delegation.key['private_key_id']}", method="DELETE")
    delegation.expire_access_tokens()
    assert api.verify(secret, delegation.account_name).state is MailboxState.REACHABLE


@pytest.mark.parametrize("changes", [{"suspended": True}, {"calendar_service": False}])
def test_a_person_who_is_switched_off_later_pauses_alone(
    delegation: GoogleDelegationStage, changes: Mapping[str, Any]
) -> None:
    calendars = delegation.session().calendars
    delegation.control(f"accounts/{delegation.account_name}", method="PATCH", **changes)
    with pytest.raises(MailboxRefused):
        calendars.list_calendars()
    with pytest.raises(MailboxRefused):
        delegation.session().calendars.list_calendars()


@pytest.mark.parametrize(
    ("reason", "state"),
    [("domainPolicy", MailboxState.OUT_OF_SCOPE), ("notACalendarUser", MailboxState.NOT_LICENSED)],
)
def test_what_would_end_a_persons_own_connection_ends_this_mailbox_alone(
    delegation: GoogleDelegationStage, reason: str, state: MailboxState
) -> None:
    delegation.fault(kind="refuse", status=403, reason=reason)
    with pytest.raises(MailboxRefused) as caught:
        delegation.session().calendars.list_calendars()
    assert caught.value.state is state


def test_a_scope_that_google_misses_in_its_own_token_is_the_organisations(delegation: GoogleDelegationStage) -> None:
    delegation.fault(kind="refuse", status=403, reason="insufficientPermissions")
    with pytest.raises(ConnectionRevoked):
        delegation.session().calendars.list_calendars()


@pytest.mark.parametrize("status", [429, 503])
def test_a_token_endpoint_in_trouble_is_nobodys_fault(
    api: OrganizationApi, delegation: GoogleDelegationStage, status: int
) -> None:
    delegation.expire_access_tokens()
    delegation.sign_in_trouble(status)
    with pytest.raises(RetryLater):
        api.verify(delegation.secret(), delegation.account_name)
    delegation.fault(kind="oauth_error", status=status, skip=1)
    with pytest.raises(RetryLater):
        api.verify(delegation.secret(), "nobody@example.com")


# --- quota ---------------------------------------------------------------------------------------------------------


def test_each_persons_calls_are_counted_under_a_name_of_their_own(delegation: GoogleDelegationStage) -> None:
    delegation.session().calendars.list_calendars()
    sent = [dict(one.query) for one in delegation.witness.kept if one.path.startswith("/calendar/v3")]
    assert {one["quotaUser"] for one in sent} == {delegation.mailbox}
    assert len(delegation.mailbox) <= 40


def test_the_scopes_are_letter_by_letter_those_that_administrators_are_told_to_delegate() -> None:
    told = (Path(__file__).parents[2] / "docs/organisations.md").read_text(encoding="utf-8")
    assert ",".join(adapter.SCOPES) in told
