"""Who may do what on Graph: rights of tokens, mailboxes that an app reaches, calendars that a person was let into.

An app reaches a mailbox by its application permissions, which an access policy can narrow, **or** by an assignment of
RBAC for Applications: the two add up ("independent of the unscoped grants in Microsoft Entra ID", Graph:
auth-limit-mailbox-access; Exchange: application-rbac). So an assignment with a scope narrows nothing as long as the
application permission is there.
"""

from typing import Literal

from simulators.microsoft import errors
from simulators.microsoft.errors import GraphError
from simulators.microsoft.model import CALENDAR_ROLES, AccessToken, Account, Assignment, Calendar, Tenant
from simulators.microsoft.world import MicrosoftWorld

Right = Literal["read", "write", "mailbox", "user", "users", "organization", "none"]
MAILBOX_RIGHTS = frozenset({"read", "write", "mailbox"})
APPLICATION_ROLES = {
    "Application Calendars.Read": ["Calendars.Read"],
    "Application Calendars.ReadWrite": ["Calendars.ReadWrite"],
    "Application MailboxSettings.Read": ["MailboxSettings.Read"],
    "Application MailboxSettings.ReadWrite": ["MailboxSettings.ReadWrite"],
    "Application Exchange Full Access": ["Calendars.ReadWrite", "MailboxSettings.ReadWrite"],
}
"""Those of Exchange's application roles that matter here, and the Graph permissions each stands for."""
_EVERYBODY = ("User.Read.All", "User.ReadWrite.All", "User.ReadBasic.All", "Directory.")


def check(world: MicrosoftWorld, right: Right, token: AccessToken, mailbox: Account) -> None:
    """Refuse a call that the token gives no right to, or whose mailbox is out of reach or not there."""
    if right in MAILBOX_RIGHTS:
        if token.email is None:
            check_app(world, token.client_id, token.tenant, token.scopes, mailbox, right)
        elif not enough(right, token.scopes):
            raise errors.access_denied()
        else:
            check_mailbox(world, world.accounts[token.email])  # somebody without a mailbox uses nobody's
        check_mailbox(world, mailbox)
    elif not _directory(right, token, mailbox):
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def check_app(
    world: MicrosoftWorld, client_id: str, tenant_id: str, roles: list[str], mailbox: Account, right: Right
) -> None:
    """Refuse an app that reaches a mailbox neither by its roles nor by an assignment."""
    tenant = world.tenants[tenant_id]
    nowhere = mailbox.email not in world.accounts  # a call that names its mailbox only in the body
    if by_assignment(world, tenant, client_id, None if nowhere else mailbox, right):
        return
    if not enough(right, roles):
        raise errors.access_denied()
    only = tenant.mailboxes.get(client_id)
    if not nowhere and only is not None and mailbox.email not in only:
        raise errors.access_denied("Access to OData is disabled.")


def by_assignment(world: MicrosoftWorld, tenant: Tenant, client_id: str, mailbox: Account | None, right: Right) -> bool:
    """Whether an assignment in force gives the right: on this mailbox, or for None on any."""
    now = world.seconds()
    return any(
        _in_force(one, now)
        and enough(right, APPLICATION_ROLES[one.role])
        and (mailbox is None or one.mailboxes is None or mailbox.email in one.mailboxes)
        for one in tenant.assignments.get(client_id, [])
    )


def assign(
    world: MicrosoftWorld, tenant: Tenant, client_id: str, given: list[tuple[str, list[str] | None]]
) -> list[Assignment]:
    """Replace an app's assignments by these (role, mailboxes); Exchange goes by the old ones for a while."""
    if unknown := {role for role, _ in given} - set(APPLICATION_ROLES):
        raise ValueError(f"unknown role {', '.join(unknown)}; known: {', '.join(APPLICATION_ROLES)}")
    turn = world.seconds() + world.settings.rbac_delay_seconds
    old = [one for one in tenant.assignments.get(client_id, []) if one.until is None or one.until > world.seconds()]
    kept = [one for one in old if one.until is None and (one.role, one.mailboxes) in given]
    for one in old:
        if one not in kept and one.until is None:
            one.until = turn
    known = [(one.role, one.mailboxes) for one in kept]
    fresh = [Assignment(role, boxes, since=turn) for role, boxes in given if (role, boxes) not in known]
    tenant.assignments[client_id] = [*old, *fresh]
    return tenant.assignments[client_id]


def check_mailbox(world: MicrosoftWorld, mailbox: Account) -> None:
    """Refuse a user without a licence for Exchange Online, a guest for example."""
    if mailbox.licensed:
        return
    code = world.settings.no_mailbox_code
    message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
    raise GraphError(404, code, message if code.startswith("Mailbox") else "Resource could not be discovered.")


def enough(right: Right, held: list[str]) -> bool:
    match right:
        case "read":
            return any(one.startswith("Calendars.") for one in held)
        case "write":
            return any(one.startswith("Calendars.ReadWrite") for one in held)
        case "mailbox":
            return any(one.startswith("MailboxSettings.Read") for one in held)
    return False


def _directory(right: Right, token: AccessToken, mailbox: Account) -> bool:
    """Microsoft's permission tables of `user-get`, `user-list` and `organization-list`."""
    held = tuple(token.scopes)
    if right == "none":
        return True
    if right == "organization":
        own = token.email is not None and any(one.startswith("User.Read") for one in held)
        return own or any(one.startswith(("Organization.Read", "Directory.Read")) for one in held)
    if right == "user" and token.email is not None and token.email == mailbox.email:
        return any(one.startswith(("User.Read", "Directory.Read")) for one in held)
    return any(one.startswith(_EVERYBODY) for one in held)


def _in_force(one: Assignment, now: float) -> bool:
    return one.since <= now and (one.until is None or now < one.until)


def role_of(world: MicrosoftWorld, calendar: Calendar, email: str) -> str | None:
    """The most that the owner has let somebody do with a calendar (`calendarRoleType`); None for nothing."""
    listed = [role for held, role in world.accounts[email].shared.values() if held == calendar.id]
    given = [*listed, calendar.permissions.get(email, "none")]
    most = max(given, key=CALENDAR_ROLES.index)
    return None if most == "none" else most


def may_write(role: str | None) -> bool:
    """Whether somebody may add events; an author (`custom`) may not touch what others have added."""
    return role == "owner" or (role is not None and CALENDAR_ROLES.index(role) >= CALENDAR_ROLES.index("custom"))


def no_permission(world: MicrosoftWorld) -> GraphError:
    """Seen as 404 where the scope is there and the owner's permission is not, as 403 at times."""
    return errors.not_found() if world.settings.no_permission_status == 404 else errors.access_denied()
