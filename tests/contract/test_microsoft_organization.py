"""A Microsoft 365 tenant: whose it is, who signed in for it, and what is said of each mailbox."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.errors import CalendarGone, ConnectFailed, ConnectionRevoked, NotWatchable, RetryLater
from shared.model import Access, Change, Complete, Privacy, Span, Visibility, ZonedTime
from shared.providers.base import (
    After,
    Begun,
    Certificate,
    ClientSecret,
    FromStart,
    GrantIncomplete,
    Password,
    Position,
    Revocation,
)
from shared.providers.microsoft import MicrosoftProvider, app_grant
from shared.providers.microsoft.app_grant import encode_application
from shared.providers.microsoft.grant import SCOPES
from shared.providers.organizations import (
    Mailbox,
    MailboxRefused,
    MailboxState,
    OrganizationApi,
    OrganizationGrant,
    StaffAccess,
    Tenancy,
)
from tests.contract.microsoft_stage import CLIENT, MicrosoftStage
from tests.contract.organization_stages import SERVICE_ACCOUNT, MicrosoftApplicationStage, MicrosoftDelegatedStage

ADMIN = "admin@example.com"
START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
SPAN = Span(
    ZonedTime(datetime(2027, 3, 1, 9), "Europe/Berlin"),  # noqa: DTZ001
    ZonedTime(datetime(2027, 3, 1, 10), "Europe/Berlin"),  # noqa: DTZ001
)


def api_of(stage: MicrosoftStage, client: ClientSecret = CLIENT) -> OrganizationApi:
    return MicrosoftProvider(stage.settings(), client).organizations()


@pytest.fixture
def api(microsoft: MicrosoftStage) -> OrganizationApi:
    app_grant._held.cache_clear()
    microsoft.world.add_account(ADMIN, "Admin", admin=True)
    return api_of(microsoft)


def tenancy_of(api: OrganizationApi, *, access: StaffAccess = StaffAccess.APPLICATION, named: str = "") -> Tenancy:
    return api.discover(Tenancy(place="example.com", access=access, service_account=named))


def begun(api: OrganizationApi, stage: MicrosoftStage, tenancy: Tenancy) -> Begun:
    started = api.begin(tenancy, redirect_uri=stage.redirect_uri, state="state-1")
    assert started is not None
    return started


def authorised(api: OrganizationApi, stage: MicrosoftStage, tenancy: Tenancy, who: str = ADMIN) -> OrganizationGrant:
    """Through every page, as one person."""
    page: Begun | OrganizationGrant = begun(api, stage, tenancy)
    while isinstance(page, Begun):
        page = api.complete(tenancy, page.flow, stage.consent(page.authorization_url, account=who))
    return page


def failed(
    api: OrganizationApi, stage: MicrosoftStage, tenancy: Tenancy, who: str = ADMIN, **how: Any
) -> ConnectFailed:
    started = begun(api, stage, tenancy)
    with pytest.raises(ConnectFailed) as caught:
        api.complete(tenancy, started.flow, stage.consent(started.authorization_url, account=who, **how))
    assert caught.value.sentence
    return caught.value


# --- the tenant ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["example.com", " Example.COM ", "id"])
def test_a_tenant_is_found_by_its_id_or_any_of_its_domains(
    api: OrganizationApi, microsoft: MicrosoftStage, place: str
) -> None:
    tenant = microsoft.world.accounts[ADMIN].tenant
    found = api.discover(Tenancy(place=tenant.upper() if place == "id" else place, access=StaffAccess.DELEGATED))
    assert (found.tenant, found.cloud) == (tenant, "worldwide")
    assert found.service_address == f"{microsoft.url}/v1.0"
    assert found.version == "Microsoft Graph v1.0"


@pytest.mark.parametrize(
    "place",
    [
        "",
        "common",
        "organizations",
        "consumers",
        "anna@example.com",
        "https://example.com",
        "a/../b",
        "example",
        "x" * 300,
    ],
)
def test_what_names_no_tenant_is_refused_before_a_call(
    api: OrganizationApi, microsoft: MicrosoftStage, place: str
) -> None:
    before = len(microsoft.witness.kept)
    with pytest.raises(ConnectFailed) as caught:
        api.discover(Tenancy(place=place, access=StaffAccess.APPLICATION))
    assert caught.value.code == "tenant_malformed"
    assert len(microsoft.witness.kept) == before


@pytest.mark.parametrize("place", ["nowhere.example", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"])
def test_a_tenant_that_does_not_exist_is_said_to_be_unknown(api: OrganizationApi, place: str) -> None:
    with pytest.raises(ConnectFailed) as caught:
        api.discover(Tenancy(place=place, access=StaffAccess.APPLICATION))
    assert caught.value.code == "tenant_unknown"


def test_the_tenant_of_personal_accounts_is_no_organisation(api: OrganizationApi) -> None:
    with pytest.raises(ConnectFailed) as caught:
        api.discover(Tenancy(place="9188040d-6c67-4c5b-b112-36a304b66dad", access=StaffAccess.DELEGATED))
    assert caught.value.code == "tenant_malformed"


@pytest.mark.parametrize(
    ("cloud", "called", "host"),
    [
        ("us_government", "us_government", "graph.microsoft.us"),
        ("us_defense", "us_government", "dod-graph.microsoft.us"),
        ("china", "china", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_a_tenant_of_another_cloud_is_shown_with_its_address_and_not_authorised_from_here(
    api: OrganizationApi, microsoft: MicrosoftStage, cloud: str, called: str, host: str
) -> None:
    microsoft.control("tenants", domain="agency.example", cloud=cloud)
    found = api.discover(Tenancy(place="agency.example", access=StaffAccess.APPLICATION))
    assert (found.cloud, found.service_address) == (called, f"https://{host}/v1.0")
    with pytest.raises(ConnectFailed, match="MICROSOFT_LOGIN_URL") as caught:
        api.begin(found, redirect_uri=microsoft.redirect_uri, state="s")
    assert caught.value.code == "other_cloud"


def test_metadata_cannot_lead_an_access_token_to_a_foreign_host(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    """Of its own cloud a stand-in for Graph stays in use; any other address is compared with Microsoft's own."""
    microsoft.world.settings.msgraph_host = "graph.attacker.example"
    assert tenancy_of(api).service_address == f"{microsoft.url}/v1.0"
    real = replace(microsoft.settings(), microsoft_graph_url="https://graph.microsoft.com")
    with pytest.raises(ConnectFailed, match="none of Microsoft's"):
        MicrosoftProvider(real, CLIENT).organizations().discover(
            Tenancy(place="example.com", access=StaffAccess.APPLICATION)
        )


def test_a_provider_in_trouble_does_not_make_a_tenant_unknown(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    unreachable = MicrosoftProvider(microsoft.settings(reachable=False), CLIENT).organizations()
    with pytest.raises(RetryLater):
        unreachable.discover(Tenancy(place="example.com", access=StaffAccess.APPLICATION))


# --- application access: consent -----------------------------------------------------------------------------------


def test_a_consent_and_a_sign_in_of_the_tenant_give_the_apps_own_access(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    tenancy = tenancy_of(api)
    asked = parse_qs(urlsplit(begun(api, microsoft, tenancy).authorization_url).query)
    assert asked["scope"] == ["https://graph.microsoft.com/.default"]
    grant = authorised(api, microsoft, tenancy)
    assert grant.account is None
    assert json.loads(grant.secret) == {"application": tenancy.tenant}
    assert api.verify(grant.secret, microsoft.account_name) == Mailbox(
        MailboxState.REACHABLE, account_of(microsoft, microsoft.account_name)
    )


def account_of(stage: MicrosoftStage, address: str) -> Any:
    """As the person's own sign-in gives it."""
    authorizer = stage.provider().authorizer()
    started = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    return authorizer.complete(started.flow, stage.consent(started.authorization_url, account=address)).account


def test_an_answer_that_anybody_can_write_proves_no_consent(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    tenancy = tenancy_of(api)
    forged = {"admin_consent": "True", "tenant": tenancy.tenant, "state": "state-1"}
    page = api.complete(tenancy, begun(api, microsoft, tenancy).flow, forged)
    assert isinstance(page, Begun)
    with pytest.raises(ConnectFailed) as caught:
        api.complete(tenancy, page.flow, microsoft.consent(page.authorization_url, account=ADMIN))
    assert caught.value.code == "consent_missing"


def test_the_tenant_of_another_organisation_that_has_let_the_app_in_cannot_be_taken(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    """The app gets a token wherever it was let in, so whoever asks has to be of that tenant."""
    authorised(api, microsoft, tenancy_of(api))
    microsoft.world.add_account("boss@rival.example", admin=True)
    theirs = tenancy_of(api)
    page = begun(api, microsoft, theirs)
    assert f"/{theirs.tenant}/oauth2/" in page.authorization_url
    elsewhere = page.authorization_url.replace(theirs.tenant, "common")
    with pytest.raises(ConnectFailed):
        api.complete(theirs, page.flow, microsoft.consent(elsewhere, account="boss@rival.example"))


def test_authorising_again_does_not_bring_back_a_permission_that_was_taken_away(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    tenancy = tenancy_of(api)
    authorised(api, microsoft, tenancy)
    narrowed = {CLIENT.client_id: ["Organization.Read.All"]}
    microsoft.control(f"tenants/{tenancy.tenant}", method="PATCH", roles=narrowed)
    assert "/adminconsent" not in begun(api, microsoft, tenancy).authorization_url
    grant = authorised(api, microsoft, tenancy)
    assert microsoft.world.tenants[tenancy.tenant].roles == narrowed
    assert api.verify(grant.secret, microsoft.account_name).state is MailboxState.OUT_OF_SCOPE


def test_a_consent_that_was_open_elsewhere_leads_to_the_sign_in_and_to_nothing_more(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    authorised(api, microsoft, tenancy_of(api))
    tenancy = tenancy_of(api)
    late = api.complete(tenancy, begun(api, microsoft, tenancy).flow, {"admin_consent": "True"})
    assert isinstance(late, Begun)
    query = microsoft.consent(late.authorization_url, account=ADMIN)
    assert isinstance(api.complete(tenancy, late.flow, query), OrganizationGrant)


def test_a_directory_that_cannot_be_asked_at_the_beginning_leads_to_the_consent(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="server_error", match="oauth.token")
    assert "/adminconsent" in begun(api, microsoft, tenancy_of(api)).authorization_url


def test_a_guest_does_not_speak_for_the_tenant_they_visit(
    api: OrganizationApi, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenancy = tenancy_of(api)
    page = api.complete(
        tenancy,
        begun(api, microsoft, tenancy).flow,
        microsoft.consent(begun(api, microsoft, tenancy).authorization_url, account=ADMIN),
    )
    assert isinstance(page, Begun)
    query = microsoft.consent(page.authorization_url, account=ADMIN)
    at_home = json.dumps({"uid": "guest", "utid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"})
    info = base64.urlsafe_b64encode(at_home.encode()).decode().rstrip("=")
    monkeypatch.setattr("simulators.microsoft.tokens.client_info", lambda _: info)
    with pytest.raises(ConnectFailed) as caught:
        api.complete(tenancy, page.flow, query)
    assert caught.value.code == "wrong_tenant"


def test_a_consent_that_names_another_tenant_is_refused(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    microsoft.world.settings.consent_answers_tenant = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    assert failed(api, microsoft, tenancy_of(api)).code == "wrong_tenant"


def test_a_consent_that_was_refused_says_admin_consent_all_the_same_and_is_not_believed(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    assert failed(api, microsoft, tenancy_of(api), allow=False).code == "consent_denied"


def test_somebody_who_is_no_administrator_is_told_so(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    assert failed(api, microsoft, tenancy_of(api), microsoft.account_name).code == "admin_consent_required"


def test_a_pause_while_the_consent_is_proved_spends_no_code(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    tenancy = tenancy_of(api)
    started = begun(api, microsoft, tenancy)
    page = api.complete(tenancy, started.flow, microsoft.consent(started.authorization_url, account=ADMIN))
    assert isinstance(page, Begun)
    query = microsoft.consent(page.authorization_url, account=ADMIN)
    for match in ("oauth.token", "organization.list"):
        microsoft.fault(kind="server_error", match=match)
        with pytest.raises(RetryLater):
            api.complete(tenancy, page.flow, query)
    assert isinstance(api.complete(tenancy, page.flow, query), OrganizationGrant)


# --- application access: credentials -------------------------------------------------------------------------------


def consented(stage: MicrosoftStage) -> bytes:
    tenant = stage.world.accounts[ADMIN].tenant
    roles = {CLIENT.client_id: ["Calendars.ReadWrite", "User.Read.All"]}
    stage.control(f"tenants/{tenant}", method="PATCH", roles=roles)
    return encode_application(tenant)


def certificate(days: int = 90) -> Certificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lockstep")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(made.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


def test_an_expired_secret_gives_way_to_the_next_one_without_a_gap(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    secret = consented(microsoft)
    microsoft.control(f"clients/{CLIENT.client_id}", method="PATCH", secret_expired=True)
    microsoft.control(f"clients/{CLIENT.client_id}/secrets", value="the-second-one")
    both = replace(CLIENT, credentials=(Password("the-second-one"),))
    assert api_of(microsoft, both).verify(secret, microsoft.account_name).state is MailboxState.REACHABLE
    asked = oauth_calls(microsoft)
    microsoft.expire_access_tokens()
    assert api_of(microsoft, both).verify(secret, microsoft.account_name).state is MailboxState.REACHABLE
    assert oauth_calls(microsoft) == asked + 1, "the one that was accepted last comes first"


def oauth_calls(stage: MicrosoftStage) -> int:
    return int(stage.control("calls", method="GET")["by_method"].get("oauth.token", 0))


def test_a_certificate_signs_and_one_that_microsoft_does_not_know_gives_way(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    secret, known, unknown = consented(microsoft), certificate(), certificate()
    microsoft.control(f"clients/{CLIENT.client_id}/certificates", certificate=known.certificate)
    signed = ClientSecret(CLIENT.client_id, credentials=(unknown, known))
    assert api_of(microsoft, signed).verify(secret, microsoft.account_name).state is MailboxState.REACHABLE


def test_a_person_signs_in_while_the_secret_is_replaced(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    microsoft.control(f"clients/{CLIENT.client_id}", method="PATCH", secret="no longer this one")
    microsoft.control(f"clients/{CLIENT.client_id}/secrets", value="the-second-one")
    both = replace(CLIENT, credentials=(Password("the-second-one"),))
    provider = MicrosoftProvider(microsoft.settings(), both)
    started = provider.authorizer().begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    grant = provider.authorizer().complete(started.flow, microsoft.consent(started.authorization_url))
    microsoft.expire_access_tokens()
    session = provider.open(grant.secret, quota_user="m", privacy=Privacy.FULL)
    assert session.calendars.list_calendars()


@pytest.mark.parametrize(
    "credentials",
    [(), (Password("wrong"),), (Certificate("no certificate", "no key"),)],
    ids=["none", "wrong", "rubbish"],
)
def test_credentials_that_are_all_refused_are_the_operators_to_replace_and_end_no_authorisation(
    api: OrganizationApi, microsoft: MicrosoftStage, credentials: tuple[Any, ...]
) -> None:
    secret = consented(microsoft)
    with pytest.raises(RetryLater) as caught:
        api_of(microsoft, ClientSecret(CLIENT.client_id, credentials=credentials)).verify(secret, "a@example.com")
    assert (caught.value.code, caught.value.park) == ("client", True)


def test_the_end_that_is_warned_of_is_that_of_the_last_live_credential(microsoft: MicrosoftStage) -> None:
    now = datetime.now(UTC)
    near, far = now + timedelta(days=7), now + timedelta(days=80)
    past = Password("old", now - timedelta(days=1))
    cases: list[tuple[tuple[Any, ...], datetime | None]] = [
        ((), None),
        ((past,), past.expires_at),
        ((past, Password("c")), None),
        ((past, Password("a", near)), near),
        ((Password("a", near), Password("b", far), Password("c")), far),
    ]
    for credentials, end in cases:
        assert api_of(microsoft, ClientSecret("id", credentials=credentials)).expires_at(b"{}") == end
    signed = api_of(microsoft, ClientSecret("id", credentials=(certificate(30), Password("a", near)))).expires_at(b"{}")
    assert signed is not None
    assert timedelta(days=29) < signed - now < timedelta(days=31)


# --- application access: mailboxes ---------------------------------------------------------------------------------


def test_each_mailbox_says_what_is_wrong_with_it_and_no_other(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    secret = consented(microsoft)
    tenant = microsoft.world.accounts[ADMIN].tenant
    microsoft.world.add_account("guest@example.com", licensed=False)
    microsoft.world.add_account("boss@example.com")
    microsoft.world.add_account("stranger@elsewhere.example")
    scoped = {CLIENT.client_id: [microsoft.account_name, "guest@example.com"]}
    microsoft.control(f"tenants/{tenant}", method="PATCH", mailboxes=scoped)
    found = {
        address: api.verify(secret, address)
        for address in (
            *(microsoft.account_name.upper(), "guest@example.com", "boss@example.com", "nobody@example.com"),
            "stranger@elsewhere.example",
        )
    }
    assert {address: one.state for address, one in found.items()} == {
        microsoft.account_name.upper(): MailboxState.REACHABLE,
        "guest@example.com": MailboxState.NOT_LICENSED,
        "boss@example.com": MailboxState.OUT_OF_SCOPE,
        "nobody@example.com": MailboxState.NOT_FOUND,
        "stranger@elsewhere.example": MailboxState.NOT_FOUND,
    }
    assert all((one.account is None) == bool(one.sentence) for one in found.values())


@pytest.mark.parametrize("code", ["MailboxNotEnabledForRESTAPI", "ResourceNotFound"])
def test_somebody_without_a_licence_is_told_from_somebody_who_is_not_there(
    api: OrganizationApi, microsoft: MicrosoftStage, code: Any
) -> None:
    microsoft.world.settings.no_mailbox_code = code
    microsoft.world.add_account("guest@example.com", licensed=False)
    assert api.verify(consented(microsoft), "guest@example.com").state is MailboxState.NOT_LICENSED


def test_an_assignment_alone_reaches_a_mailbox_and_the_address_stands_for_a_person_nobody_may_look_up(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    tenant = microsoft.world.accounts[ADMIN].tenant
    microsoft.control(f"tenants/{tenant}/principals/{CLIENT.client_id}", method="PUT")
    given = [{"role": "Application Calendars.ReadWrite", "mailboxes": [microsoft.account_name]}]
    microsoft.control(f"tenants/{tenant}/assignments/{CLIENT.client_id}", method="PUT", assignments=given)
    secret = encode_application(tenant)
    found = api.verify(secret, microsoft.account_name)
    assert found.state is MailboxState.REACHABLE
    assert found.account is not None
    assert (found.account.id, found.account.name) == (microsoft.account_name, microsoft.account_name)
    assert api.verify(secret, ADMIN).state is MailboxState.OUT_OF_SCOPE
    assert api.others_reached(secret, [microsoft.account_name]) is None, "the directory may not be read"


def test_a_mailbox_costs_at_most_three_calls(api: OrganizationApi, microsoft: MicrosoftStage) -> None:
    secret = consented(microsoft)
    before = len(microsoft.witness.kept)
    api.verify(secret, microsoft.account_name)
    calls = [one for one in microsoft.witness.kept[before:] if ".well-known" not in one.path]
    assert len(calls) <= 3


def test_mailboxes_that_nobody_enabled_and_that_are_reached_all_the_same_are_named(
    api: OrganizationApi, microsoft: MicrosoftStage
) -> None:
    secret = consented(microsoft)
    others = [f"other-{number}@example.com" for number in range(4)]
    for address in others:
        microsoft.world.add_account(address)
    microsoft.world.add_account("guest@example.com", licensed=False)
    enabled = [microsoft.account_name.upper(), ADMIN]
    assert api.others_reached(secret, enabled) == tuple(others)
    found = api.others_reached(secret, enabled, at_most=2)
    assert found is not None
    assert len(found) == 2
    tenant = microsoft.world.accounts[ADMIN].tenant
    microsoft.control(f"tenants/{tenant}", method="PATCH", mailboxes={CLIENT.client_id: [microsoft.account_name]})
    assert api.others_reached(secret, enabled) == ()


def test_a_consent_that_was_withdrawn_ends_the_organisations_access_and_is_no_mailboxes_fault(
    application: MicrosoftApplicationStage,
) -> None:
    api, secret = api_of(application), application.secret()
    application.withdraw_consent()
    with pytest.raises(ConnectionRevoked):
        api.verify(secret, application.account_name)
    with pytest.raises(ConnectionRevoked):
        api.others_reached(secret, [])
    assert api.revoke(secret) is Revocation.NOT_SUPPORTED


def test_many_mailboxes_share_one_token_of_the_app(application: MicrosoftApplicationStage) -> None:
    api, secret = api_of(application), application.secret()
    before = oauth_calls(application)
    for number in range(5):
        application.world.add_account(f"staff-{number}@example.com")
        assert api.verify(secret, f"staff-{number}@example.com").state is MailboxState.REACHABLE
    assert oauth_calls(application) == before


@pytest.mark.parametrize("subscriptions", ["allowed", "refused"])
def test_an_assignment_that_does_not_let_the_app_subscribe_means_polling(
    application: MicrosoftApplicationStage, subscriptions: Any
) -> None:
    application.world.settings.rbac_subscriptions = subscriptions
    application.control(f"tenants/{application.tenant}", method="PATCH", roles={CLIENT.client_id: []})
    given = [{"role": "Application Calendars.ReadWrite", "mailboxes": [application.account_name]}]
    path = f"tenants/{application.tenant}/assignments/{CLIENT.client_id}"
    application.control(path, method="PUT", assignments=given)
    application.expire_access_tokens()
    session = application.session()
    assert session.push is not None
    assert session.calendars.list_calendars()
    asked = {"subscription_id": "s-1", "address": "https://hooks.example.com/w", "token": "t"}
    if subscriptions == "allowed":
        assert session.push.subscribe(application.main, **asked).resource_id
    else:
        with pytest.raises(NotWatchable):
            session.push.subscribe(application.main, **asked)


def test_a_mailbox_that_is_taken_out_of_scope_later_pauses_itself_alone(
    application: MicrosoftApplicationStage,
) -> None:
    session = application.session()
    application.control(f"tenants/{application.tenant}", method="PATCH", mailboxes={CLIENT.client_id: []})
    for act in (session.calendars.list_calendars, lambda: session.calendars.fetch_page(application.main, START)):
        with pytest.raises(MailboxRefused) as caught:
            act()
        assert caught.value.state is MailboxState.OUT_OF_SCOPE


def test_a_licence_that_is_taken_away_pauses_the_person_and_revokes_nothing(
    application: MicrosoftApplicationStage,
) -> None:
    session = application.session()
    application.control(f"accounts/{application.account_name}", method="PATCH", licensed=False)
    with pytest.raises(MailboxRefused) as caught:
        session.calendars.fetch_page(application.main, START)
    assert caught.value.state is MailboxState.NOT_LICENSED


# --- the delegated service account ---------------------------------------------------------------------------------


def service(api: OrganizationApi, named: str = SERVICE_ACCOUNT) -> Tenancy:
    return tenancy_of(api, access=StaffAccess.DELEGATED, named=named)


def test_the_service_account_signs_in_anew_with_the_shared_permission(delegated: MicrosoftDelegatedStage) -> None:
    api = api_of(delegated)
    tenancy = service(api)
    asked = parse_qs(urlsplit(begun(api, delegated, tenancy).authorization_url).query)
    assert (asked["prompt"], asked["login_hint"]) == (["login"], [SERVICE_ACCOUNT])
    assert "Calendars.ReadWrite.Shared" in asked["scope"][0].split()
    grant = authorised(api, delegated, tenancy, SERVICE_ACCOUNT)
    assert grant.account == account_of(delegated, SERVICE_ACCOUNT)
    found = api.verify(grant.secret, delegated.account_name)
    assert found.state is MailboxState.REACHABLE
    assert delegated.session(secret=grant.secret).calendars.list_calendars()


def test_the_permissions_are_those_that_administrators_are_told_to_consent_to() -> None:
    told = (Path(__file__).parents[2] / "docs/organisations.md").read_text(encoding="utf-8")
    assert all(f"https://graph.microsoft.com/{scope}" in told for scope in SCOPES)


@pytest.mark.parametrize("named", [SERVICE_ACCOUNT.upper(), f" {SERVICE_ACCOUNT}"])
def test_the_case_of_an_address_makes_no_other_account(delegated: MicrosoftDelegatedStage, named: str) -> None:
    api = api_of(delegated)
    assert authorised(api, delegated, service(api, named), SERVICE_ACCOUNT).account is not None


def test_another_account_is_refused_by_name_and_nothing_of_it_is_kept(delegated: MicrosoftDelegatedStage) -> None:
    api = api_of(delegated)
    failure = failed(api, delegated, service(api), delegated.account_name)
    assert failure.code == "wrong_account"
    assert delegated.account_name in failure.sentence
    assert SERVICE_ACCOUNT in failure.sentence
    assert "private window" in failure.sentence
    assert not isinstance(failure, GrantIncomplete)


def test_a_service_account_without_a_mailbox_is_told_before_staff_find_out(delegated: MicrosoftDelegatedStage) -> None:
    delegated.control(f"accounts/{SERVICE_ACCOUNT}", method="PATCH", licensed=False)
    api = api_of(delegated)
    failure = failed(api, delegated, service(api), SERVICE_ACCOUNT)
    assert (failure.code, "licence" in failure.sentence) == ("no_calendar_service", True)


def test_a_pause_after_the_service_account_signed_in_asks_for_another_sign_in_at_most(
    delegated: MicrosoftDelegatedStage,
) -> None:
    api = api_of(delegated)
    delegated.fault(kind="server_error", match="calendars.get")
    assert authorised(api, delegated, service(api), SERVICE_ACCOUNT).account is not None
    delegated.fault(kind="server_error", match="users.get")
    assert failed(api, delegated, service(api, "alias@example.com"), SERVICE_ACCOUNT).code == "provider_error"


def test_a_service_account_that_lost_its_mailbox_is_not_taken_for_staff_who_did(
    delegated: MicrosoftDelegatedStage,
) -> None:
    secret = delegated.secret()
    delegated.control(f"accounts/{delegated.account_name}", method="PATCH", licensed=False)
    assert api_of(delegated).verify(secret, delegated.account_name).state is MailboxState.NOT_LICENSED
    delegated.control(f"accounts/{SERVICE_ACCOUNT}", method="PATCH", licensed=False)
    with pytest.raises(ConnectionRevoked, match="service account"):
        api_of(delegated).verify(secret, delegated.account_name)


def test_a_sign_in_without_the_shared_permission_is_incomplete(delegated: MicrosoftDelegatedStage) -> None:
    api = api_of(delegated)
    left_out = ("Calendars.ReadWrite.Shared",)
    failure = failed(api, delegated, service(api), SERVICE_ACCOUNT, leave_out=left_out)
    assert (failure.code, isinstance(failure, GrantIncomplete)) == ("scope_missing", True)


@pytest.mark.parametrize(
    ("role", "state", "access"),
    [
        ("none", MailboxState.NO_RIGHTS, None),
        ("freeBusyRead", MailboxState.READ_ONLY, Access.READER),
        ("read", MailboxState.READ_ONLY, Access.READER),
        ("custom", MailboxState.REACHABLE, Access.WRITER),
        ("write", MailboxState.REACHABLE, Access.WRITER),
    ],
)
@pytest.mark.parametrize("status", [403, 404])
def test_what_the_service_account_lacks_is_said_for_each_person(
    delegated: MicrosoftDelegatedStage, role: str, state: MailboxState, access: Access | None, status: Any
) -> None:
    delegated.world.settings.no_permission_status = status
    delegated.share(delegated.main, "none")
    delegated.share(delegated.main, role)
    found = api_of(delegated).verify(delegated.secret(), delegated.account_name)
    assert (found.state, found.account is not None) == (state, access is not None)
    if access is not None:
        (calendar,) = delegated.session().calendars.list_calendars()
        assert (calendar.access, calendar.primary, calendar.remote_id) == (access, True, delegated.main)


def test_rights_that_are_taken_back_pause_that_person_alone(delegated: MicrosoftDelegatedStage) -> None:
    delegated.world.add_account("berta@example.com")
    delegated.share(delegated.world.default_calendar("berta@example.com").id, "write")
    secret = delegated.secret()
    session = delegated.session(secret=secret)
    delegated.share(delegated.main, "none")
    with pytest.raises(CalendarGone) as caught:
        session.calendars.fetch_page(delegated.main, START)
    assert isinstance(caught.value, MailboxRefused)
    assert caught.value.state is MailboxState.NO_RIGHTS
    assert api_of(delegated).verify(secret, "berta@example.com").state is MailboxState.REACHABLE


def test_nobody_is_watched_with_a_service_accounts_token_and_nothing_is_asked(
    delegated: MicrosoftDelegatedStage,
) -> None:
    push = delegated.session().push
    assert push is not None
    before = delegated.calls()
    with pytest.raises(NotWatchable, match="every few minutes"):
        push.subscribe(delegated.main, subscription_id="s-1", address="https://hooks.example.com/w", token="t")
    assert delegated.calls() == before


def test_a_service_account_that_is_staff_itself_uses_its_own_calendar_as_anybody_does(
    delegated: MicrosoftDelegatedStage,
) -> None:
    opened = delegated.provider().open(
        delegated.secret(), quota_user="m", privacy=Privacy.FULL, mailbox=SERVICE_ACCOUNT.upper()
    )
    own, found = opened.calendars.list_calendars()[0], api_of(delegated).verify(delegated.secret(), SERVICE_ACCOUNT)
    assert found.state is MailboxState.REACHABLE
    assert own.access is Access.OWNER
    assert opened.push is not None
    asked = {"subscription_id": "s-1", "address": "https://hooks.example.com/w", "token": "t"}
    assert opened.push.subscribe(own.remote_id, **asked).resource_id


def test_the_text_of_a_private_event_does_not_reach_a_service_account(delegated: MicrosoftDelegatedStage) -> None:
    delegated.add_event(delegated.main, "biopsy", SPAN, visibility=Visibility.PRIVATE, description="at noon")
    calendars = delegated.session().calendars
    position: Position = START
    found: list[Change] = []
    while True:
        page = calendars.fetch_page(delegated.main, position)
        found.extend(page.changes)
        if isinstance(page.next, Complete):
            break
        position = After(page.next.cursor)
    assert found
    assert "biopsy" not in repr(found)
    assert "noon" not in repr(found)


def test_a_renewed_token_of_the_service_account_is_the_organisations_to_keep(
    delegated: MicrosoftDelegatedStage,
) -> None:
    api = api_of(delegated)
    grant = authorised(api, delegated, service(api), SERVICE_ACCOUNT)
    delegated.expire_access_tokens()
    session = delegated.session(secret=grant.secret)
    session.calendars.list_calendars()
    renewed = session.calendars.secret()
    assert renewed is not None
    assert json.loads(renewed)["tenant"] == json.loads(grant.secret)["tenant"]
    assert api.others_reached(renewed, []) is None
