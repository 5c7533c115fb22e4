"""Who is calling, from the claims that the JWT authorizer has checked, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import FieldError, Problem, invalid, not_found
from shared.events import Writer
from shared.model import Connection, Owner

HOST_SCOPE = "lockstep.host"
LONGEST_USER_ID = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """`user_id` is the token's `sub`; `is_host`: the host app's backend, which may act for any user of its `org`."""

    org: str
    user_id: str
    is_admin: bool
    is_host: bool

    def owner(self, named: object) -> Owner:
        """Whose things are meant. Only the host app's backend names a user, and it has to."""
        if self.is_host:
            if not isinstance(named, str) or not named:
                raise invalid([FieldError("user_id", "Say for which user: add user_id.")])
            if len(named) > LONGEST_USER_ID or not named.isprintable():
                raise invalid(
                    [FieldError("user_id", f"A user's id has at most {LONGEST_USER_ID} printable characters.")]
                )
            return Owner(self.org, named)
        if named not in (None, "", self.user_id):
            raise not_found()
        return Owner(self.org, self.user_id)

    def may_use(self, connection: Connection | None) -> Connection:
        """The connection, if it is the caller's, or of the backend's organisation; else the same 404 as for none."""
        if connection is None or connection.owner.org != self.org or connection.is_organization:
            raise not_found()
        if not self.is_host and connection.owner.user_id != self.user_id:
            raise not_found()
        return connection

    def must_administer(self) -> None:
        """An organisation and its staff are for its admins and for the host app's backend."""
        if not (self.is_host or self.is_admin):
            raise not_found()

    def must_operate(self) -> None:
        """Jobs and deliveries are for the host app's backend and for admins."""
        if not (self.is_host or self.is_admin):
            raise not_found()

    @property
    def writer(self) -> Writer:
        return Writer("host app" if self.is_host else f"user {self.user_id}", self.is_host)


def caller_of(claims: Mapping[str, object]) -> Caller:
    """Raises `Problem` (401) if the token names nobody."""
    user_id = claims.get("sub")
    if not isinstance(user_id, str) or not user_id:
        raise Problem(401, "no_subject", "The token names no user (`sub`). Sign in again.")
    org = claims.get("org")
    return Caller(
        org=org if isinstance(org, str) and org else "default",
        user_id=user_id,
        is_admin="admin" in _words(claims.get("roles")),
        is_host=HOST_SCOPE in _words(claims.get("scope")),
    )


def _words(claim: object) -> list[str]:
    """A claim of several words: a list, or as API Gateway writes lists (`[a b]`), or words with spaces or commas."""
    if isinstance(claim, list):
        return [str(item) for item in claim]
    return str(claim or "").strip("[]").replace(",", " ").replace('"', " ").split()
