"""Who allowed which client what: refresh tokens, access tokens, and how they die.

`issue_refresh` keeps at most 100 live ones for an account and client, the oldest dies in silence. `revoke_grant` ends
everything one account gave to one client.
"""

from simulators.google.model import AccessToken, Grant, RefreshToken
from simulators.google.world import GoogleWorld

MAX_REFRESH_TOKENS = 100
ACCESS_SECONDS = 3599
_LONG = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}
SIGN_IN = frozenset({"openid", "email", "profile", *_LONG.values()})


def full_names(scopes: list[str]) -> list[str]:
    """Scopes as a token answer names them: `email` and `profile` come back as addresses, in an order of their own."""
    return sorted({_LONG.get(scope, scope) for scope in scopes}, reverse=True)


def grant_of(world: GoogleWorld, client_id: str, email: str) -> Grant | None:
    return world.grants.get((client_id, email))


def add_scopes(world: GoogleWorld, client_id: str, email: str, scopes: list[str]) -> Grant:
    grant = world.grants.setdefault((client_id, email), Grant(client_id, email))
    grant.scopes = sorted(set(grant.scopes) | set(scopes))
    return grant


def issue_refresh(world: GoogleWorld, grant: Grant, scopes: list[str]) -> RefreshToken:
    now = world.seconds()
    token = RefreshToken(world.secret("1//0", 60), grant.client_id, grant.email, scopes, now, now)
    world.refresh_tokens[token.value] = token
    grant.refresh_tokens.append(token.value)
    while len(grant.refresh_tokens) > MAX_REFRESH_TOKENS:
        world.refresh_tokens.pop(grant.refresh_tokens.pop(0), None)
    return token


def issue_access(world: GoogleWorld, grant: Grant, scopes: list[str]) -> AccessToken:
    expires = world.seconds() + ACCESS_SECONDS
    token = AccessToken(world.secret("ya29.", 80), grant.client_id, grant.email, scopes, expires)
    world.access_tokens[token.value] = token
    now = world.seconds()
    live = [t for t in grant.access_tokens if t in world.access_tokens and world.access_tokens[t].expires_at > now]
    for dead in set(grant.access_tokens) - set(live):
        world.access_tokens.pop(dead, None)
    grant.access_tokens = [*live, token.value]
    return token


def live_refresh(world: GoogleWorld, value: str, client_id: str) -> RefreshToken | None:
    """The token, if it still lives: not revoked, not too old, not idle for too long."""
    token = world.refresh_tokens.get(value)
    if token is None or token.client_id != client_id or token.email not in world.accounts:
        return None
    if world.accounts[token.email].suspended:
        return None
    now, settings = world.seconds(), world.settings
    too_old = settings.refresh_token_days is not None and now - token.issued_at > settings.refresh_token_days * 86_400
    if too_old or now - token.used_at > settings.refresh_token_idle_days * 86_400:
        return None
    token.used_at = now
    return token


def revoke_grant(world: GoogleWorld, client_id: str, email: str) -> bool:
    grant = world.grants.pop((client_id, email), None)
    if grant is None:
        return False
    for value in grant.refresh_tokens:
        world.refresh_tokens.pop(value, None)
    for value in grant.access_tokens:
        world.access_tokens.pop(value, None)
    return True
