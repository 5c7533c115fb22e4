"""What either side has changed since both were in step."""

from __future__ import annotations

from collections.abc import Mapping

from shared.model import APP, TEXT_FIELDS, Cancelled, Content, Event, Link, Override, RemoteEvent
from shared.sync.fingerprint import FOLLOWS, fingerprint_override, fingerprint_series, fingerprint_value, plain_value
from shared.sync.situation import Situation
from shared.sync.values import values_of


def unseen_edit(at: Situation, remote: RemoteEvent) -> Mapping[str, object]:
    """What the provider's side has changed since both were in step, as history keeps it: field → value. Without a link
    it is what differs from the app's event."""
    link, event = at.link, at.event
    base = link.base.remote if link else fingerprint_series(event.series.content, event.series.recurrence)
    found: dict[str, object] = {}
    if remote.content is not None:
        now = {**values_of(remote.content), "recurrence": remote.recurrence}
        unread = TEXT_FIELDS if remote.withheld and event.origin == APP else ()
        read = {name: value for name, value in now.items() if name not in unread}
        found = {name: plain_value(value) for name, value in read.items() if fingerprint_value(value) != base.get(name)}
    for start, item in remote.overrides.items():
        held = link.overrides[start].base.remote if link and start in link.overrides else FOLLOWS
        if fingerprint_override(item.value) != held:
            found[f"occurrence {start}"] = history_value(item.value)
    return found


def unsent_edit(event: Event, link: Link) -> Mapping[str, object]:
    """What the app's side has changed since both were in step, as history keeps it."""
    series = event.series
    now = {**values_of(series.content), "recurrence": series.recurrence}
    base = link.base.local
    found = {name: plain_value(value) for name, value in now.items() if fingerprint_value(value) != base.get(name)}
    for start in sorted(set(series.overrides) | set(link.overrides)):
        override = series.overrides.get(start)
        held = link.overrides[start].base.local if start in link.overrides else FOLLOWS
        if fingerprint_override(override) != held:
            found[f"occurrence {start}"] = history_value(override)
    return found


def history_value(value: Override | None) -> object:
    """An occurrence as history keeps it."""
    match value:
        case Content():
            return {name: plain_value(item) for name, item in values_of(value).items()}
        case Cancelled():
            return "cancelled"
        case None:
            return "as the series"


def differs_from_base(remote: RemoteEvent, link: Link) -> bool:
    """Whether the report differs from what the provider held when both sides were last in step."""
    if remote.content is not None and fingerprint_series(remote.content, remote.recurrence) != link.base.remote:
        return True
    return any(
        start not in link.overrides or fingerprint_override(item.value) != link.overrides[start].base.remote
        for start, item in remote.overrides.items()
    )


def is_newer(remote: RemoteEvent, link: Link) -> bool:
    """Whether only a version moved on: worth recording, so that the next write's precondition holds."""
    if remote.content is not None and remote.etag != link.etag:
        return True
    return any(item.etag != link.overrides[start].etag for start, item in remote.overrides.items())


def shown_already(at: Situation, remote: RemoteEvent | None) -> bool:
    """Whether the app's side has changed into what the provider shows anyway, which is not written, and is in step from
    now on."""
    return remote is not None and at.link is not None and bool(unsent_edit(at.event, at.link))
