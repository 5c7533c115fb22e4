"""Subscriptions: create with handshake, list, read, renew, reauthorise, delete.

The handshakes run while nobody holds the lock, since the endpoint may take its ten seconds; `create` is therefore in
two parts, and `graph` calls `prepare`, then `shake_hands`, then `finish`.
"""

import re
from urllib.parse import quote

from simulators.common.wire import Json
from simulators.microsoft import access, errors, notifications, zones
from simulators.microsoft.call import Call
from simulators.microsoft.errors import GraphError
from simulators.microsoft.model import Account, Subscription
from simulators.microsoft.push import PushRequest
from simulators.microsoft.world import MicrosoftWorld

_RESOURCE = re.compile(
    r"^/?(?:me|users(?:/|\(')(?P<user>[^/']+)(?:'\))?)/"
    r"(?:(?:calendars(?:/|\(')(?P<calendar>[^/']+)(?:'\))?|calendar)/)?events/?$",
    re.IGNORECASE,
)
_CREATE = frozenset(
    {
        *("changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime"),
        *("clientState", "latestSupportedTlsVersion", "includeResourceData"),
    }
)
_BOTH_SECONDS = 600.0
ANSWER_SECONDS = 10.0


def prepare(call: Call) -> Subscription:
    """Check everything that needs no endpoint."""
    world, body = call.world, _body(call, _CREATE)
    for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise GraphError(400, "InvalidRequest", f"Subscription property '{name}' is required.")
    kinds = body["changeType"].split(",")
    if len(set(kinds)) != len(kinds) or not set(kinds) <= {"created", "updated", "deleted"}:
        raise GraphError(400, "InvalidRequest", f"changeType '{body['changeType']}' is not supported.")
    if body.get("includeResourceData"):
        raise GraphError(400, "InvalidRequest", "Resource data needs a certificate; the simulator has none.")
    _check_addresses(body)
    state = body.get("clientState")
    if state is not None and (not isinstance(state, str) or len(state) > 128):
        raise GraphError(400, "InvalidRequest", "clientState must not exceed 128 characters.")
    mailbox, calendar = _target(call, body["resource"])
    made = Subscription(
        id=world.guid(),
        client_id=call.client_id,
        email=call.actor,
        tenant=call.tenant,
        mailbox=mailbox,
        calendar=calendar,
        resource=body["resource"],
        change_types=kinds,
        notification_url=body["notificationUrl"],
        lifecycle_url=body.get("lifecycleNotificationUrl"),
        client_state=state,
        expires_at=_granted(world, body["expirationDateTime"]),
        immutable_ids=call.immutable,
    )
    _check_room(world, made)
    return made


def shake_hands(world: MicrosoftWorld, made: Subscription) -> None:
    """Both addresses must answer 200, text/plain, with the decoded token, within ten seconds."""
    for url in dict.fromkeys(u for u in (made.notification_url, made.lifecycle_url) if u):
        token = f"Validation: Testing client application reachability for subscription Request-Id: {made.id} +%2B"
        joint = "&" if "?" in url else "?"
        push = PushRequest(
            url=f"{url}{joint}validationToken={quote(token, safe='')}",
            kind="handshake",
            headers={"Content-Type": "text/plain; charset=utf-8", "Content-Length": "0"},
            subscriptions=(made.id,),
        )
        world.calls["subscriptions.handshake"] += 1
        reply = world.send_push(push)
        if reply.seconds > ANSWER_SECONDS:
            raise _invalid("Subscription validation request timed out.")
        if reply.status != 200:
            raise _invalid(
                "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation "
                f"request. It said {reply.status}."
            )
        if not reply.content_type.lower().startswith("text/plain"):
            raise _invalid(f"The response to the validation request must be text/plain, not {reply.content_type}.")
        if reply.body.decode(errors="replace") != token:
            raise _invalid("The response to the validation request does not hold the decoded validation token.")


def finish(call: Call, made: Subscription) -> Json:
    _check_room(call.world, made)
    call.world.subscriptions[made.id] = made
    return shown(call, made)


def list_all(call: Call) -> Json:
    mine = [s for s in notifications.live(call.world) if _is_mine(call, s)]
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#subscriptions", "value": [shown(call, s) for s in mine]}


def get(call: Call) -> Json:
    return shown(call, _found(call))


def renew(call: Call) -> Json:
    world, found = call.world, _found(call)
    body = _body(call, frozenset({"expirationDateTime", "notificationUrl"}))
    if "expirationDateTime" not in body:
        raise GraphError(400, "InvalidRequest", "Only expirationDateTime and notificationUrl can be changed.")
    _check_apart(world, found.reauthorized_at)
    found.expires_at = _granted(world, body["expirationDateTime"])
    found.notification_url = body.get("notificationUrl", found.notification_url)
    found.renewed_at = world.seconds()
    return shown(call, found)


def reauthorize(call: Call) -> None:
    found = _found(call)
    _check_apart(call.world, found.renewed_at)
    found.reauthorized_at = call.world.seconds()


def delete(call: Call) -> None:
    found = _found(call)
    del call.world.subscriptions[found.id]


def shown(call: Call, s: Subscription) -> Json:
    return {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#subscriptions/$entity",
        "id": s.id,
        "resource": s.resource,
        "applicationId": s.client_id,
        "changeType": ",".join(s.change_types),
        "clientState": s.client_state,
        "notificationUrl": s.notification_url,
        "lifecycleNotificationUrl": s.lifecycle_url,
        "expirationDateTime": zones.plain_stamp(s.expires_at),
        "creatorId": call.world.accounts[s.email].oid if s.email in call.world.accounts else s.client_id,
        "latestSupportedTlsVersion": "v1_2",
        "includeResourceData": None,
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationQueryOptions": None,
        "notificationUrlAppId": None,
    }


def _body(call: Call, known: frozenset[str]) -> Json:
    if not isinstance(call.body, dict):
        raise errors.bad_body("A JSON object is wanted.")
    unknown = {name for name in call.body if "@odata." not in name} - known
    if unknown:
        raise GraphError(400, "InvalidRequest", f"Not a property that can be set: {', '.join(sorted(unknown))}")
    found: Json = call.body
    return found


def _check_addresses(body: Json) -> None:
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        url = body.get(name)
        if url is not None and not (isinstance(url, str) and url.startswith("https://")):
            raise GraphError(400, "InvalidRequest", f"{name} must be an https address.")


def _target(call: Call, resource: str) -> tuple[str, str | None]:
    """(mailbox, calendar or None) of a resource; 403 for a person who asks for somebody else's."""
    found = _RESOURCE.match(resource)
    if found is None:
        raise GraphError(400, "InvalidRequest", f"Resource '{resource}' cannot be subscribed to.")
    world, user = call.world, found["user"]
    account = call.mailbox if user is None else world.account_of(user)
    if account is None:
        raise GraphError(404, "ResourceNotFound", f"Resource '{user}' does not exist.")
    if user is None and call.actor is None:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    if call.actor is not None and account.email != call.actor:
        raise errors.access_denied("A delegated token cannot subscribe to another mailbox.")
    if call.actor is None:
        _check_app(call, account)
    access.check_mailbox(world, account)
    if found["calendar"] is None:
        return account.email, None
    if found["calendar"] in account.shared:
        raise errors.access_denied("A delegated token cannot subscribe to a shared calendar.")
    calendar = world.calendars.get(found["calendar"])
    if calendar is None or calendar.owner != account.email or calendar.deleted:
        raise errors.not_found()
    if calendar.kind == "holiday" or world.settings.calendar_subscriptions == "refuse":
        raise GraphError(400, "ExtensionError", "Operation: Create; Exception: [Status Code: BadRequest]")
    return account.email, calendar.id


def _check_app(call: Call, account: Account) -> None:
    """The app must reach the mailbox that the body names, by what the setting says is good enough for it."""
    if account.tenant != call.tenant:
        raise errors.access_denied()
    access.check_app(call.world, call.client_id, call.tenant, call.scopes, account, "read")
    if call.world.settings.rbac_subscriptions == "refused" and not access.enough("read", call.scopes):
        raise errors.access_denied()


def _granted(world: MicrosoftWorld, text: object) -> float:
    """Too little is raised in silence; too much is refused or cut, by setting."""
    settings, now = world.settings, world.seconds()
    wanted = zones.instant(text, "expirationDateTime")
    if wanted <= now:
        raise GraphError(400, "InvalidRequest", "Subscription expiration must be in the future.")
    longest = now + settings.subscription_max_minutes * 60
    # A little more is let pass: clocks differ.
    if wanted > longest + 60 and settings.long_subscriptions == "refuse":
        raise GraphError(
            400,
            "ValidationError",
            f"Subscription expiration can only be {settings.subscription_max_minutes} minutes in the future.",
        )
    return max(min(wanted, longest), now + settings.subscription_min_minutes * 60)


def _check_room(world: MicrosoftWorld, made: Subscription) -> None:
    there = [s for s in notifications.live(world) if s.mailbox == made.mailbox]
    if len(there) >= world.settings.subscriptions_per_mailbox:
        raise GraphError(403, "ExtensionError", "The limit of subscriptions for this mailbox has been reached.")
    for other in there if world.settings.duplicate_subscriptions == "refuse" else ():
        same = (other.client_id, other.email, other.calendar) == (made.client_id, made.email, made.calendar)
        if same and sorted(other.change_types) == sorted(made.change_types):
            raise GraphError(409, "ExtensionError", "A subscription for this resource and changeType exists already.")


def _check_apart(world: MicrosoftWorld, last: float) -> None:
    """Renewing and reauthorising within ten minutes spoils the subscription; here it is refused."""
    if world.seconds() - last < _BOTH_SECONDS:
        raise GraphError(409, "Conflict", "PATCH and reauthorize must be ten minutes apart.")


def _is_mine(call: Call, s: Subscription) -> bool:
    return s.client_id == call.client_id and s.tenant == call.tenant and s.email == call.actor


def _found(call: Call) -> Subscription:
    found = call.world.subscriptions.get(call.path["subscriptionId"])
    if found is None or found.expires_at <= call.world.seconds() or not _is_mine(call, found):
        raise GraphError(404, "ResourceNotFound", "The object was not found.")
    return found


def _invalid(message: str) -> GraphError:
    return GraphError(400, "ValidationError", message)
