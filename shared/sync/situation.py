"""All that is known of one event and one calendar, as one value: what `shared.sync.plan` decides from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.model import Event, Link, OriginalStart, Owner, RemoteEvent, Removed, Series
from shared.sync.singles import WHOLE
from shared.sync.tag import write_tag


@dataclass(frozen=True, slots=True)
class Unseen:
    """The provider reported nothing: as far as is known, its side is as it was."""


UNSEEN = Unseen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that is known of one event and one calendar.

    `projected` is the app's series as the provider can hold it (None if there is no live event). `import_id` is the
    id that the event gets if it is taken into the app, `key` what a copy is created under. `held`: whether this
    calendar is to hold a copy. `writable`: whether the account may write there. `owned`: the report is of a copy that
    this app made for this event. `occurrence`: the one of `series_event` that `local` stands for, where the provider
    cannot repeat that event.
    """

    calendar_id: str
    owner: Owner
    key: str
    import_id: str
    now: datetime
    local: Event | None = None
    projected: Series | None = None
    remote: RemoteEvent | Removed | Unseen = UNSEEN
    link: Link | None = None
    held: bool = True
    writable: bool = True
    owned: bool = False
    occurrence: OriginalStart = WHOLE
    series_event: Event | None = None

    @property
    def tag(self) -> str:
        """The tag of a copy that is made in this situation."""
        return write_tag(self.event.id, self.occurrence, self.shown)

    @property
    def event(self) -> Event:
        """The app's event, where the table has made sure that there is one."""
        if self.local is None:
            raise ValueError("no event of the app in this situation")
        return self.local

    @property
    def shown(self) -> Series:
        """The app's series as the provider can hold it, where there is a live event."""
        if self.projected is None:
            raise ValueError("no projected series in this situation")
        return self.projected
