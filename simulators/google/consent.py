"""The page on which a person chooses an account and ticks what the app may do.

`page` draws it as a plain form that works without scripts; `error_page` is what Google shows instead of redirecting
when the client or its redirect address is wrong; `fault_in` says which.
"""

from collections.abc import Mapping

from flask import render_template_string

from simulators.google import grants
from simulators.google.wire import Response
from simulators.google.world import GoogleWorld

SENTENCES = {
    "https://www.googleapis.com/auth/calendar": "See, edit, share and delete all the calendars you can access",
    "https://www.googleapis.com/auth/calendar.events": "View and edit events on all your calendars",
    "https://www.googleapis.com/auth/calendar.readonly": "See and download any calendar you can access",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly": "See the list of calendars you are subscribed to",
    "https://www.googleapis.com/auth/calendar.freebusy": "View your availability in your calendars",
    "https://www.googleapis.com/auth/calendar.settings.readonly": "View your calendar settings",
}

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; background: Canvas; color: CanvasText; }
main { width: min(28rem, 92vw); padding: 2rem; border: 1px solid GrayText; border-radius: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
fieldset { border: 0; padding: 0; margin: 1.25rem 0; }
legend { font-weight: 600; padding: 0; margin-bottom: .5rem; }
label { display: flex; gap: .75rem; padding: .5rem; border-radius: .5rem; align-items: start; }
label:hover { background: color-mix(in srgb, CanvasText 8%, Canvas); }
small { color: GrayText; }
.row { display: flex; gap: .75rem; justify-content: end; }
button { font: inherit; padding: .6rem 1.4rem; border-radius: 2rem; border: 1px solid #0b57d0; }
button { background: none; color: inherit; }
button.go { background: #0b57d0; color: white; }
button:focus-visible, input:focus-visible { outline: 3px solid #7cacf8; outline-offset: 2px; }
"""

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">

<title>Sign in - simulated Google accounts</title><style>{{ style }}</style></head><body><main>
<small>Simulated Google: nothing here is real</small>
<h1>{{ client }} wants to access your Google Account</h1>
<form method="post">
<fieldset><legend>Choose an account</legend>
{% for account in accounts %}<label><input type="radio" name="account" value="{{ account.email }}" required
{{ "checked" if account.email == chosen }}><span>{{ account.name }}<br><small>{{ account.email }}</small></span></label>
{% else %}<p>This simulator has no accounts yet.</p>{% endfor %}</fieldset>
{% if scopes %}<fieldset><legend>Select what {{ client }} can access</legend>
{% for scope, sentence, ticked in scopes %}<label><input type="checkbox" name="granted" value="{{ scope }}"
{{ "checked" if ticked }}><span>{{ sentence }}</span></label>{% endfor %}</fieldset>{% endif %}
<div class="row"><button name="decision" value="deny" formnovalidate>Deny</button>
<button class="go" name="decision" value="allow">Allow</button></div>
</form></main></body></html>"""

_ERROR = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Access blocked</title>
<style>{{ style }}</style></head><body><main><h1>Access blocked: this app's request is invalid</h1>
<p>{{ text }}</p><p><small>{{ title }}</small></p></main></body></html>"""


def fault_in(world: GoogleWorld, asked: Mapping[str, str]) -> tuple[str, str] | None:
    """What must never be answered by a redirect: (title, sentence)."""
    client = world.clients.get(asked.get("client_id", ""))
    if client is None:
        return "Error 401: invalid_client", "The OAuth client was not found."
    if asked.get("redirect_uri") not in client.redirect_uris:
        text = f"The redirect URI {asked.get('redirect_uri', '')} is not registered for this client."
        return "Error 400: redirect_uri_mismatch", text
    if asked.get("response_type") != "code":
        return "Error 400: unsupported_response_type", "response_type must be code."
    if not asked.get("scope", "").split():
        return "Error 400: invalid_request", "Missing required parameter: scope"
    return None


def page(world: GoogleWorld, asked: Mapping[str, str]) -> Response:
    hint = asked.get("login_hint", "")
    chosen = next((a.email for a in world.accounts.values() if hint in {a.email, a.sub}), None)
    if chosen is None and len(world.accounts) == 1:
        chosen = next(iter(world.accounts))
    unticked = world.accounts[chosen].unticked if chosen else []
    scopes = [
        (scope, SENTENCES.get(scope, scope), scope not in unticked)
        for scope in asked["scope"].split()
        if scope not in grants.SIGN_IN
    ]
    text = render_template_string(
        _PAGE,
        style=_STYLE,
        client=asked["client_id"].split(".")[0],
        accounts=[a for a in world.accounts.values() if not a.service and not a.suspended],
        chosen=chosen,
        scopes=scopes,
    )
    return Response(200, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, text.encode())


def error_page(title: str, text: str) -> Response:
    page_text = render_template_string(_ERROR, style=_STYLE, title=title, text=text)
    status = 401 if "401" in title else 400
    return Response(status, {"Content-Type": "text/html; charset=utf-8"}, page_text.encode())
