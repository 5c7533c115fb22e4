"""An event as the fields that are merged, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from shared.calendar.recurrence import prune
from shared.model import CONTENT_FIELDS, Content, RemoteEvent, Series


def values_of(content: Content) -> dict[str, object]:
    return {name: getattr(content, name) for name in CONTENT_FIELDS}


def with_values(series: Series, values: Mapping[str, object]) -> Series:
    """The series with some of `SERIES_FIELDS` replaced."""
    own = {name: value for name, value in values.items() if name != "recurrence"}
    content = replace(series.content, **own) if own else series.content  # type: ignore[arg-type]
    recurrence = cast(tuple[str, ...], values.get("recurrence", series.recurrence))
    return Series(content, recurrence, series.overrides)


def series_of(remote: RemoteEvent) -> Series:
    """The canonical series of a report that holds the event itself."""
    if remote.content is None:
        raise ValueError("the report holds no event, only occurrences")
    overrides = {start: item.value for start, item in remote.overrides.items()} if remote.recurrence else {}
    return prune(Series(remote.content, remote.recurrence, MappingProxyType(overrides)))
