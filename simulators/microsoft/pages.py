"""The simulated sign-in pages: account chooser with consent, and Microsoft's error page."""

from collections.abc import Mapping
from datetime import datetime

from flask import render_template_string

from simulators.common.wire import Response
from simulators.microsoft import tokens
from simulators.microsoft.errors import AadError
from simulators.microsoft.model import Account, App

SENTENCES = {
    "Calendars.ReadWrite": "Have full access to your calendars",
    "Calendars.Read": "Read your calendars",
    "Calendars.ReadWrite.Shared": "Read and write to your and shared calendars",
    "MailboxSettings.Read": "Read your mailbox settings",
    "User.Read": "Sign you in and read your profile",
    "offline_access": "Maintain access to data you have given it access to",
}

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; background: Canvas; color: CanvasText; }
main { width: min(27rem, 92vw); padding: 2rem; border: 1px solid GrayText; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
fieldset { border: 0; padding: 0; margin: 1.25rem 0; }
legend { font-weight: 600; padding: 0; margin-bottom: .5rem; }
label { display: flex; gap: .75rem; padding: .5rem; align-items: start; }
label:hover { background: color-mix(in srgb, CanvasText 8%, Canvas); }
small { color: GrayText; }
.row { display: flex; gap: .75rem; justify-content: end; }
button { font: inherit; padding: .5rem 1.6rem; border: 1px solid #0067b8; background: none; color: inherit; }
button.go { background: #0067b8; color: white; }
button:focus-visible, input:focus-visible { outline: 3px solid #50a7e8; outline-offset: 2px; }
"""

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in - simulated Microsoft account</title><style>{{ style }}</style></head><body><main>
<small>Simulated Microsoft: nothing here is real</small>
<h1>{{ "Permissions requested: review for your organization" if admin else "Pick an account" }}</h1>
<form method="post">
<fieldset><legend>{{ app }} would like to continue as</legend>
{% for account in accounts %}<label><input type="radio" name="account" value="{{ account.email }}" required
{{ "checked" if account.email == chosen }}><span>{{ account.name }}<br><small>{{ account.email }}
{{ "(personal)" if account.personal }}{{ "(administrator)" if account.admin }}</small></span></label>
{% else %}<p>This simulator has no account that may sign in here.</p>{% endfor %}</fieldset>
<p>This app would like to:</p><ul>{% for sentence in wishes %}<li>{{ sentence }}</li>{% endfor %}</ul>
<div class="row"><button name="decision" value="deny" formnovalidate>Cancel</button>
<button class="go" name="decision" value="allow">Accept</button></div>
</form></main></body></html>"""

_ERROR = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title>
<style>{{ style }}</style></head><body><main><h1>Sorry, but we’re having trouble signing you in.</h1>
<p>{{ text }}</p></main></body></html>"""

_POSTING = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body onload="document.forms[0].submit()"><form method="post" action="{{ target }}">
{% for name, value in members.items() %}<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<noscript><button>Continue</button></noscript></form></body></html>"""


def chooser(app: App, accounts: list[Account], asked: Mapping[str, str], *, admin: bool = False) -> Response:
    hint = asked.get("login_hint", "").lower()
    chosen = next((a.email for a in accounts if hint in {a.email.lower(), a.oid}), None)
    if chosen is None and len(accounts) == 1 and asked.get("prompt") != "select_account":
        chosen = accounts[0].email
    wishes = [
        SENTENCES.get(scope, scope)
        for scope in tokens.plain(asked["scope"].split())
        if scope not in {"openid", "profile", "email"}
    ]
    text = render_template_string(
        _PAGE, style=_STYLE, app=app.name, accounts=accounts, chosen=chosen, wishes=wishes, admin=admin
    )
    return Response(200, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, text.encode())


def posting_form(target: str, members: Mapping[str, str]) -> Response:
    text = render_template_string(_POSTING, target=target, members=members)
    return Response(200, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, text.encode())


def error_page(refusal: AadError, now: datetime) -> Response:
    text = refusal.body(now)["error_description"]
    shown = render_template_string(_ERROR, style=_STYLE, text=text)
    return Response(400, {"Content-Type": "text/html; charset=utf-8"}, shown.encode())
