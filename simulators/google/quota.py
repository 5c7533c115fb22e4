"""What calls cost, and whose account it goes on: sliding sixty seconds for each user and for the project.

A delegated service account pays for everybody it acts for, unless each call names a `quotaUser` ("Manage quotas");
each value is a user of its own then. The project's limit holds for all of them together.
"""

from simulators.google import errors
from simulators.google.model import AccessToken
from simulators.google.world import GoogleWorld, Spent

UNITS = {"events.patch": 3}
LONGEST_QUOTA_USER = 40
_SPAN = 60.0


def spend(world: GoogleWorld, token: AccessToken, quota_user: str | None, name: str) -> None:
    """Put the call on the user's and the project's account, or refuse it on behalf of the one that is over."""
    if quota_user is not None and len(quota_user) > LONGEST_QUOTA_USER:
        raise errors.invalid(f"quotaUser must not exceed {LONGEST_QUOTA_USER} characters.", "quotaUser")
    payer = token.client_id if token.client_id in world.service_accounts else token.email
    user = quota_user or payer
    units = UNITS.get(name, 1)
    if _left(world, world.spent[user]) + units > world.settings.calls_per_minute:
        raise errors.user_rate_limit()
    if _left(world, world.project_spent) + units > world.settings.project_calls_per_minute:
        raise errors.rate_limit()
    for account in (world.spent[user], world.project_spent):
        account.calls.append((world.seconds(), units))
        account.units += units
        account.peak = max(account.peak, account.units)
    world.units[name] += units


def _left(world: GoogleWorld, account: Spent) -> int:
    """What still counts."""
    while account.calls and account.calls[0][0] <= world.seconds() - _SPAN:
        account.units -= account.calls.popleft()[1]
    return account.units
