"""Situations to decide about: an event of the app, what the provider reports, and the link of two sides in step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.model import TEXT_FIELDS, Content, Event, Link, RemoteEvent, RemoteOverride, Series
from shared.sync.links import advance_link
from shared.sync.situation import Situation
from tests.unit.sync.memory import CALENDAR, OWNER, at, booking

EARLIER, LATER = at(-10), at(10)
"""Before and after the app's event was last edited (`at(0)`)."""

NOW = at(1000)


def report(series: Series | None = None, **members: Any) -> RemoteEvent:
    """What the provider reports: by default the event and all of its occurrences that differ."""
    held = series or booking().series
    overrides = {key: RemoteOverride(f"r1_{key}", f"o-{key}", value) for key, value in held.overrides.items()}
    given = {"etag": "e1", "updated_at": LATER, "content": held.content, "recurrence": held.recurrence, **members}
    return RemoteEvent(remote_id="r1", **{"overrides": overrides, **given})


def withheld(series: Series, **members: Any) -> RemoteEvent:
    """The same without any text, as a private event is reported."""
    overrides = {k: bare(v) if isinstance(v, Content) else v for k, v in series.overrides.items()}
    return report(Series(bare(series.content), series.recurrence, overrides), withheld=True, **members)


def bare(content: Content) -> Content:
    without_text = Content(span=content.span)
    return replace(content, **{name: getattr(without_text, name) for name in TEXT_FIELDS})


def link_of(event: Event, remote: RemoteEvent | None = None) -> Link:
    """The link of two sides that are in step."""
    return advance_link(situation(event, remote or report(event.series)), event, [])


def linked(event: Event, remote: Any, **members: Any) -> Situation:
    """`event` and `remote` differ from what both sides held when they were in step, as `base` (an event) says."""
    base = members.pop("base", event)
    held = members.pop("base_there", None)
    return situation(event, remote, link=link_of(base, held), **members)


def situation(event: Event | None, remote: Any, **members: Any) -> Situation:
    live = event is not None and not event.deleted
    given = {"calendar_id": CALENDAR, "owner": OWNER, "key": "k", "import_id": "evt_1", "now": NOW}
    projected = event.series if event and live else None
    return Situation(**{**given, "local": event, "projected": projected, "remote": remote, **members})


def edited(event: Event, **fields: Any) -> Event:
    """The event with fields of its content changed since."""
    return replace(event, series=replace(event.series, content=replace(event.series.content, **fields)))


def changed(series: Series, **fields: Any) -> Series:
    return replace(series, content=replace(series.content, **fields))
