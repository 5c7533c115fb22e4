"""Notification channels: watch a calendar or the calendar list, be told that something changed, stop.

`announce` queues one `exists` message for each live channel on a subject; the caller flushes `world.outbox` after it
has let go of the lock. Message numbers rise but leave gaps. A message says nothing of what changed.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from simulators.google import errors
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.model import Calendar, Channel
from simulators.google.push import PushRequest
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

API = "https://www.googleapis.com/calendar/v3"


def watch_events(call: Call) -> Json:
    calendar = call.calendar("freeBusyReader")
    if not calendar.watchable:
        message = "Push notifications are not supported by this resource."
        raise ApiError(400, "pushNotSupportedForRequestedResource", message, domain="calendar")
    return _watch(call, f"events:{calendar.id}", f"{API}/calendars/{quote(calendar.id, safe='')}/events?alt=json")


def watch_calendar_list(call: Call) -> Json:
    return _watch(call, f"calendarList:{call.email}", f"{API}/users/me/calendarList?alt=json")


def watch_settings(call: Call) -> Json:
    return _watch(call, f"settings:{call.email}", f"{API}/users/me/settings?alt=json")


def stop(call: Call) -> None:
    """Only the same user and client may stop a channel, and only by naming both of its ids."""
    channel = call.world.channels.get(call.body.get("id", ""))
    if (
        channel is None
        or channel.stopped
        or channel.expires_at_ms <= call.world.seconds() * 1000
        or channel.client_id != call.client_id
        # A service account's channel may be stopped on behalf of any user.
        or (channel.email != call.email and call.client_id not in call.world.service_accounts)
        or channel.resource_id != call.body.get("resourceId")
    ):
        message = f"Channel '{call.body.get('id', '')}' not found for project."
        raise ApiError(404, "notFound", message)
    channel.stopped = True


def announce(world: GoogleWorld, calendar: Calendar) -> None:
    """Something changed in this calendar."""
    _announce(world, f"events:{calendar.id}")


def announce_list(world: GoogleWorld, email: str) -> None:
    """Something changed in this person's list of calendars."""
    _announce(world, f"calendarList:{email}")


def live_channels(world: GoogleWorld, subject: str | None = None) -> list[Channel]:
    now_ms = world.seconds() * 1000
    return [
        channel
        for channel in world.channels.values()
        if not channel.stopped and channel.expires_at_ms > now_ms and subject in {None, channel.subject}
    ]


def _announce(world: GoogleWorld, subject: str) -> None:
    for channel in live_channels(world, subject):
        # Real numbers rise without being contiguous; the gap here depends on nothing random.
        channel.message_number += 1 + (sha256(f"{channel.id}{channel.message_number}".encode()).digest()[0] % 7)
        _queue(world, channel, "exists")


def _watch(call: Call, subject: str, uri: str) -> Json:
    body, world = call.body, call.world
    channel_id = _checked_id(world, body)
    if body.get("type") not in {"web_hook", "webhook"}:
        raise errors.invalid("Unknown channel type.")
    address = body.get("address") or ""
    if not address.startswith("https://"):
        raise ApiError(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address}")
    token = body.get("token")
    if token is not None and len(token) > 256:
        raise errors.invalid("The channel token is longer than 256 characters.")
    channel = Channel(
        id=channel_id,
        client_id=call.client_id,
        email=call.email,
        resource_id=sha256(f"{subject}".encode()).hexdigest()[:27],
        resource_uri=uri,
        subject=subject,
        address=address,
        token=token,
        expires_at_ms=_granted_expiry_ms(world, body),
        message_number=1,
    )
    world.channels[channel_id] = channel
    _queue(world, channel, "sync")
    reply: Json = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": uri,
        "expiration": str(channel.expires_at_ms),
    }
    return reply | ({"token": token} if token else {})


def _checked_id(world: GoogleWorld, body: Json) -> str:
    channel_id: str = body.get("id") or ""
    if not channel_id:
        raise errors.required("Required", "entity.id")
    if len(channel_id) > 64 or not all(c.isalnum() or c in "-_+/=" for c in channel_id):
        raise errors.invalid("Invalid channel id: at most 64 characters of A-Za-z0-9-_+/= are allowed.")
    if channel_id in world.channels:
        raise ApiError(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
    return channel_id


def _granted_expiry_ms(world: GoogleWorld, body: Json) -> int:
    """The stricter of what was asked and what Google allows; seven days when nothing was asked."""
    now_ms = int(world.seconds() * 1000)
    asked = [now_ms + world.settings.max_channel_seconds * 1000]
    ttl = (body.get("params") or {}).get("ttl")
    if ttl is not None:
        if not ttl.isdigit():
            raise errors.invalid("Invalid ttl.")
        asked.append(now_ms + int(ttl) * 1000)
    if body.get("expiration") is not None:
        asked.append(int(body["expiration"]))
    if len(asked) == 1:
        asked.append(now_ms + world.settings.default_channel_seconds * 1000)
    granted = min(asked)
    if granted <= now_ms:
        raise errors.invalid("The channel expiration is in the past.")
    return granted // 1000 * 1000


def _queue(world: GoogleWorld, channel: Channel, state: str) -> None:
    headers = {
        "Accept": "*/*",
        "Content-Length": "0",
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Expiration": _http_date(channel.expires_at_ms),
        "X-Goog-Message-Number": str(channel.message_number),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-State": state,
        "X-Goog-Resource-URI": channel.resource_uri,
    }
    if channel.token:
        headers["X-Goog-Channel-Token"] = channel.token
    push = PushRequest(channel.address, headers, channel.id)
    rule = next((r for r in world.push_rules if r.times != 0 and r.channel in {None, channel.id}), None)
    if rule is None:
        world.outbox.append((push, 0.0))
        return
    if rule.times is not None:
        rule.times -= 1
    if rule.mode == "double":
        world.outbox.extend([(push, 0.0), (push, 0.0)])
    elif rule.mode == "delay":
        world.outbox.append((push, rule.seconds))


def _http_date(milliseconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(milliseconds / 1000, UTC), usegmt=True)
