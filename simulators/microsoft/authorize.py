"""What a person sees: the account chooser with consent, and the administrator's consent for a whole tenant.

GET shows a plain form that works without scripts; POST to the same address takes `account` and `decision` (`allow`,
`deny`). Errors in app or redirect address are pages, never redirects.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

from simulators.common.wire import Request, Response
from simulators.microsoft import identity, pages, tokens
from simulators.microsoft.errors import AadError
from simulators.microsoft.model import Account, App, Code
from simulators.microsoft.world import MicrosoftWorld

CODE_SECONDS = 600


def authorize(world: MicrosoftWorld, name: str, request: Request) -> Response:
    asked = {k: v[0] for k, v in request.query.items()}
    with world.lock:
        world.calls["oauth.authorize"] += 1
        try:
            app = _app_of(world, name, asked)
            if asked.get("response_type") != "code":
                raise AadError(700054, error="unsupported_response_type")
            if not asked.get("scope", "").split():
                raise AadError(90014, "scope")
        except AadError as refusal:
            return pages.error_page(refusal, world.now())
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return _refused(world, asked, AadError(90014, "code_challenge_method"))
        if asked.get("prompt") == "none":
            return _refused(world, asked, AadError(50058))
        if request.method == "GET":
            return pages.chooser(app, _admitted(world, name), asked)
        form = parse_qs(request.body.decode(), keep_blank_values=True)
        return _decided(world, name, app, asked, form)


def admin_consent(world: MicrosoftWorld, name: str, request: Request) -> Response:
    """`/{tenant}/v2.0/adminconsent`: everything the app asks for, for everybody of the tenant."""
    asked = {k: v[0] for k, v in request.query.items()}
    with world.lock:
        world.calls["oauth.adminconsent"] += 1
        try:
            app = _app_of(world, name, asked)
            if name.lower() == "common" or not asked.get("scope"):
                raise AadError(90014, "scope" if asked.get("scope") is None else "tenant")
        except AadError as refusal:
            return pages.error_page(refusal, world.now())
        people = [a for a in _admitted(world, name) if not a.personal]
        if request.method == "GET":
            return pages.chooser(app, people, asked, admin=True)
        form = parse_qs(request.body.decode(), keep_blank_values=True)
        return _consented(world, app, people, asked, form)


def _app_of(world: MicrosoftWorld, name: str, asked: Mapping[str, str]) -> App:
    identity.check_cloud(world, identity.find_tenant(world, name))
    app = world.apps.get(asked.get("client_id", ""))
    if app is None:
        raise AadError(700016, asked.get("client_id", ""), name)
    if asked.get("redirect_uri") not in app.redirect_uris:
        raise AadError(50011, asked.get("redirect_uri", ""), app.id)
    identity.check_audience(app, name)
    return app


def _admitted(world: MicrosoftWorld, name: str) -> list[Account]:
    return [a for a in world.accounts.values() if identity.admits(world, name, a)]


def _decided(
    world: MicrosoftWorld, name: str, app: App, asked: Mapping[str, str], form: Mapping[str, list[str]]
) -> Response:
    if form.get("decision", [""])[0] != "allow":
        return _refused(world, asked, AadError(65004), error_subcode="cancel")
    account = world.accounts.get(form.get("account", [""])[0])
    if account is None or not identity.admits(world, name, account):
        return pages.error_page(AadError(50020, form.get("account", [""])[0], name), world.now())
    if not account.enabled:
        return pages.error_page(AadError(50057), world.now())
    fault = world.faults.take("oauth.authorize", "", account.email, group="oauth")
    if fault is not None:
        return _refused(world, asked, AadError(fault.number, app.id, error=fault.error))
    scopes = asked["scope"].split()
    blocked = not world.tenants[account.tenant].users_may_consent and not account.admin
    if blocked and not tokens.consented(world, app.id, account, scopes):
        settings = world.settings
        return _refused(
            world, asked, AadError(settings.blocked_consent_code, app.id, error=settings.blocked_consent_error)
        )
    tokens.sign_in(world, app.id, account, scopes)
    code = Code(
        value=world.secret("0.AV", 90),
        client_id=app.id,
        email=account.email,
        redirect_uri=asked["redirect_uri"],
        scopes=tokens.plain(scopes),
        challenge=asked.get("code_challenge"),
        nonce=asked.get("nonce"),
        expires_at=world.seconds() + CODE_SECONDS,
    )
    world.codes[code.value] = code
    answer = {"code": code.value, "session_state": world.guid()}
    if asked.get("client_info") == "1":
        answer["client_info"] = tokens.client_info(account)
    return _back(asked, answer)


def _consented(
    world: MicrosoftWorld, app: App, people: list[Account], asked: Mapping[str, str], form: Mapping[str, list[str]]
) -> Response:
    account = next((a for a in people if a.email == form.get("account", [""])[0]), None)
    if form.get("decision", [""])[0] != "allow":
        # Microsoft says admin_consent=True even here; only `error` tells.
        return _refused(world, asked, AadError(65004), admin_consent="True")
    if account is None or not account.admin:
        return _refused(world, asked, AadError(90094, app.id, error="access_denied"), admin_consent="True")
    tenant = world.tenants[account.tenant]
    scopes = tokens.plain(asked["scope"].split())
    if ".default" in scopes:
        tenant.roles[app.id] = sorted({*tenant.roles.get(app.id, []), *app.required_roles})
        scopes = [*scopes, *app.required_scopes]
    tenant.consents[app.id] = sorted({*tenant.consents.get(app.id, []), *scopes} - tokens.SIGN_IN - {".default"})
    tenant.principals = sorted({*tenant.principals, app.id})
    named = world.settings.consent_answers_tenant or tenant.id
    return _back(asked, {"admin_consent": "True", "tenant": named, "scope": asked["scope"]})


def _refused(world: MicrosoftWorld, asked: Mapping[str, str], refusal: AadError, **more: str) -> Response:
    body = refusal.body(world.now())
    answer = {"error": body["error"], "error_description": body["error_description"], "error_uri": body["error_uri"]}
    return _back(asked, answer | more)


def _back(asked: Mapping[str, str], answer: dict[str, str]) -> Response:
    """By redirect, or for `response_mode=form_post` by a form that the browser posts."""
    state = {"state": asked["state"]} if "state" in asked else {}
    if asked.get("response_mode") == "form_post":
        return pages.posting_form(asked["redirect_uri"], answer | state)
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    location = asked["redirect_uri"] + joint + urlencode(answer | state)
    return Response(302, {"Location": location, "Cache-Control": "no-store"})
