"""What the story has led people to expect: who wrote which text where, and who deleted what.

Every text that is written is a token of its own (`t7.`), so that it can be looked for anywhere. A text has done its
duty once somebody who saw it wrote another in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.keys import import_id
from shared.model import APP, Owner

if TYPE_CHECKING:
    from tests.machine.world import World

OWNER = Owner("demo", "anna")
"""The one user of the story."""


@dataclass
class Text:
    token: str
    side: str
    """`app`, or a provider."""
    event_id: str
    """The app's event, "" for one that was written at a provider."""
    remote_id: str
    unit: str
    """The original start of the occurrence, "" for the event as a whole."""
    field: str
    overwritten: bool = False
    excused: bool = False


@dataclass
class Model:
    texts: dict[str, Text] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    """Ids of the app's own events."""
    deleted: set[str] = field(default_factory=set)
    """Events of which somebody's deletion must stand."""
    let_go: set[str] = field(default_factory=set)
    """Events that may be gone: somebody deleted them, or a copy of them, at some time."""
    let_go_there: set[tuple[str, str]] = field(default_factory=set)
    """(provider, remote id) of what somebody deleted there."""
    edited: set[tuple[str, str]] = field(default_factory=set)
    """(`app` or a provider, id there) of whatever somebody edited or deleted there."""
    restores: bool = False
    """Whether external changes were ever to be put back."""
    problems: Counter[str] = field(default_factory=Counter)
    """Why providers refused writes for good."""
    count: int = 0

    def token(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def wrote(self, text: Text, before: str) -> None:
        """A text was written where the writer saw `before`."""
        self.texts[text.token] = text
        self.saw(before, text.unit)

    def saw(self, before: str, unit: str) -> None:
        """Somebody who saw `before` took it away."""
        for token in tokens_in(before):
            known = self.texts.get(token)
            if known is not None and bool(known.unit) == bool(unit):
                known.overwritten = True

    def dropped(self, text: str, single: str = "") -> None:
        """Somebody who saw an occurrence with this text did away with it; `single` is its own id if it stood alone."""
        for token in tokens_in(text):
            known = self.texts.get(token)
            if known is not None and (known.unit or (single and known.remote_id == single)):
                known.overwritten = True

    def event_of(self, world: World, side: str, remote_id: str) -> str:
        """The app's event for a provider's, whichever connection it was linked by."""
        for (calendar_id, linked), event_id in world.tables.ever_linked.items():
            if linked == remote_id and self._is_of(world, calendar_id, side):
                return event_id
        if side not in world.sides:
            return ""
        there = world.sides[side]
        return import_id(OWNER, side, there.known_as, there.calendar, remote_id)

    @staticmethod
    def _is_of(world: World, calendar_id: str, side: str) -> bool:
        connection = world.tables.connections.get(calendar_id.partition(".")[0])
        return connection is None or connection.provider == side

    def edited_elsewhere(self, world: World, side: str, event_id: str) -> bool:
        """Whether anybody but a person at that provider has edited the event."""
        return any(
            event_id == (there if where == APP else self.event_of(world, where, there))
            for where, there in self.edited
            if where != side
        )

    def may_be_gone(self, world: World) -> set[str]:
        there = {self.event_of(world, side, remote_id) for side, remote_id in self.let_go_there}
        return self.let_go | there | self.deleted


def tokens_in(text: str) -> Iterator[str]:
    """`t7.` among whatever else stands there."""
    for word in text.replace("\n", " ").split():
        for part in word.split("."):
            if part[:1] == "t" and part[1:].isdecimal():
                yield part
