"""The merge of an event that both sides hold: the event as a whole, then occurrence by occurrence.

Each override of a series is a unit of its own, keyed by original start, so two people who change two occurrences
never meet. Whether an occurrence is cancelled is decided before its fields are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shared.calendar.recurrence import is_occurrence, occurrence_content, prune
from shared.model import (
    APP,
    CANCELLED,
    CONTENT_FIELDS,
    TEXT_FIELDS,
    WITHHELD,
    Base,
    Cancelled,
    Content,
    Event,
    Fingerprint,
    HistoryEntry,
    Link,
    OnExternal,
    OriginalStart,
    Override,
    OverrideLink,
    Policy,
    Privacy,
    RemoteEvent,
    RemoteOverride,
    Series,
)
from shared.sync.actions import EventPlan, NextLink, Rule, UpdateCopy, UpdateOccurrence, Write
from shared.sync.conflict import Merge, Wins, merge_fields
from shared.sync.edits import differs_from_base, history_value, is_newer, shown_already
from shared.sync.fingerprint import (
    CANCELLED_FINGERPRINT,
    FOLLOWS,
    fingerprint_content,
    fingerprint_fields,
    fingerprint_override,
    fingerprint_series,
    fingerprint_value,
    plain_value,
)
from shared.sync.guests import join, keep_guests
from shared.sync.situation import Situation
from shared.sync.values import values_of, with_values


def merge_event(at: Situation, policy: Policy, rule: Rule) -> EventPlan:
    """Merge what the provider reported (or nothing, when only the app's side changed) into a live event.

    `rule` names the row of the table; the plan says ECHO instead if neither side differs from the merge base.
    """
    event = at.event
    remote = _with_dropped(at.remote, at.link) if isinstance(at.remote, RemoteEvent) else None
    merge = _Merge(at, event, remote, _winner(at, policy), _text_is_unknown(at, policy))
    merge.whole()
    taken = with_values(event.series, merge.values)
    for start in sorted(_starts(at, event, remote)):
        if is_occurrence(taken, start):
            merge.occurrence(start)
        else:
            merge.vanished(start)
    merged = prune(replace(taken, overrides=MappingProxyType(merge.overrides)))
    series = _withholding(event, merged)
    takes_over = rule is Rule.ADOPT and event.origin != APP
    save = next_event(at, series) if takes_over or series != event.series else None
    wanted = tuple(merge.writes)
    writes, kept_back = (wanted, ()) if at.writable else ((), wanted)
    if save is None and not writes and rule is not Rule.ADOPT:
        rule = Rule.ECHO if remote else Rule.NOTHING
    redact = save is not None and (series != merged or _turned_private(event, remote, series))
    if redact:
        merge.lost.clear()
    stale = remote is not None and (at.link is None or differs_from_base(remote, at.link) or is_newer(remote, at.link))
    return EventPlan(
        event_id=event.id,
        rule=rule,
        writes=writes,
        kept_back=kept_back,
        save=save,
        link=NextLink.ADVANCE if wanted or save or stale or shown_already(at, remote) else NextLink.KEEP,
        history=(_entry(at, rule, merge),) if save or merge.lost else (),
        redact=redact,
    )


@dataclass(slots=True)
class _Merge:
    """One merge in the making: the walk over the units fills the lists below."""

    at: Situation
    event: Event
    remote: RemoteEvent | None
    wins: Wins
    text_is_unknown: bool
    writes: list[Write] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    values_there: dict[str, object] = field(default_factory=dict)
    overrides: dict[OriginalStart, Override] = field(init=False)
    taken: list[str] = field(default_factory=list)
    lost: dict[str, object] = field(default_factory=dict)
    moved_on: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.overrides = dict(self.event.series.overrides)

    def whole(self) -> None:
        """The event without its overrides."""
        local, shown, remote = self.event.series, self.at.shown, self.remote
        reported: dict[str, object] = {}
        if remote is not None and remote.content is not None:
            reported = {**self._reported(remote.content), "recurrence": remote.recurrence}
        base = self.at.link.base if self.at.link else self._withheld_base(local.content)
        merged = merge_fields(
            local={**values_of(local.content), "recurrence": local.recurrence},
            projected={**values_of(shown.content), "recurrence": shown.recurrence},
            remote=reported,
            base=base,
            wins=self.wins,
        )
        if self.wins is not Wins.RESTORE:
            merged = keep_guests(merged, local.content, shown.content, reported, base)
        if self.at.occurrence:
            merged = _without_repeating(merged)
        self.values.update(merged.to_local)
        self.values_there.update({name: reported[name] for name in merged.to_local})
        if self.at.link and _starts(self.at, self.event, remote):
            now = fingerprint_series(local.content, local.recurrence)
            self.moved_on = {name for name in now if now[name] != self.at.link.base.local.get(name)}
            self.moved_on.update(merged.to_local)
        self.taken.extend(merged.to_local)
        self.lost.update(merged.lost)
        if merged.to_remote:
            etag = remote.etag if remote and remote.content else self.at.link.etag if self.at.link else ""
            self.writes.append(UpdateCopy(remote_id=self._remote_id, etag=etag, fields=merged.to_remote))

    def occurrence(self, start: OriginalStart) -> None:
        """One occurrence: cancelled or not first, then the fields of two contents."""
        mine, shown = self.event.series.overrides.get(start), self.at.shown.overrides.get(start)
        theirs = self.remote.overrides.get(start) if self.remote else None
        linked = self.at.link.overrides.get(start) if self.at.link else None
        if isinstance(mine, Content) and isinstance(shown, Content) and theirs is None and linked is None:
            mine = self.overrides[start] = _following(mine, self.event.series.content, self.values)
            shown = _following(shown, self.at.shown.content, self.values_there)
        changed_here = fingerprint_override(mine) != (linked.base.local if linked else {})
        if self._has_no_place_there(start, theirs):
            self._put_back(start, shown, theirs, linked)
        elif theirs is None:
            if not changed_here:
                self._bring_along(start, mine, linked, linked)
            elif isinstance(mine, Content) and isinstance(shown, Content):
                self._write_changed(start, mine, shown, linked)
            else:
                self._write_whole(start, shown, linked)
        elif isinstance(mine, Content) and isinstance(shown, Content) and isinstance(theirs.value, Content):
            self._merge_contents(start, (mine, shown, theirs.value), theirs, linked)
        elif not self._agree(start, mine, theirs.value, changed_here):
            changed_there = fingerprint_override(theirs.value) != (linked.base.remote if linked else {})
            if not (changed_here or changed_there):
                self._bring_along(start, mine, linked, theirs)
            elif self._mine_stands(mine, theirs.value, changed_here, changed_there):
                self._write_whole(start, shown, theirs)
                if changed_there:
                    self.lost[f"occurrence {start}"] = history_value(theirs.value)
            else:
                self._take(start, self._as_kept_here(start, theirs.value))
                self.taken.append(f"occurrence {start}")
                if changed_here:
                    self.lost[f"occurrence {start}"] = history_value(mine)

    def _has_no_place_there(self, start: OriginalStart, theirs: RemoteOverride | None) -> bool:
        """Whether the times that were reported, and are not taken over, have no such occurrence: what was changed of it
        went with it (Google reports it as cancelled), and does not come back with the times."""
        if self.remote is None or self.remote.content is None:
            return False
        if theirs is not None and isinstance(theirs.value, Content):
            return False
        return not is_occurrence(Series(self.remote.content, self.remote.recurrence), start)

    def _put_back(
        self,
        start: OriginalStart,
        shown: Override | None,
        theirs: RemoteOverride | None,
        linked: OverrideLink | None,
    ) -> None:
        """The override here is written again. Where there is none, and there was none there, the person has cancelled
        the occurrence before they changed the times: it stays cancelled."""
        if shown is None and theirs is not None and linked is None:
            self._take(start, CANCELLED)
            self.taken.append(f"occurrence {start}")
            shown = CANCELLED
        if shown is not None:
            self._write_whole(start, shown, None)

    def _merge_contents(
        self,
        start: OriginalStart,
        contents: tuple[Content, Content, Content],
        theirs: RemoteOverride,
        linked: OverrideLink | None,
    ) -> None:
        mine, shown, theirs_now = contents
        reported, base = self._reported(theirs_now), self._base(start, linked, mine)
        merged = merge_fields(
            local=values_of(mine), projected=values_of(shown), remote=reported, base=base, wins=self.wins
        )
        if self.wins is not Wins.RESTORE:
            merged = keep_guests(merged, mine, shown, reported, base)
        if merged.to_local:
            self._take(start, with_values(Series(mine), merged.to_local).content)
            self.taken.extend(f"occurrence {start}: {name}" for name in merged.to_local)
        self.lost.update({f"occurrence {start}: {name}": value for name, value in merged.lost.items()})
        if merged.to_remote:
            self._write(start, theirs, merged.to_remote)

    def _take(self, start: OriginalStart, value: Override) -> None:
        """What the provider's side has of an occurrence. One that it dropped follows its series; an exception that only
        equals it will not, so it is one here, too."""
        reported = self.at.remote.overrides if isinstance(self.at.remote, RemoteEvent) else {}
        if start not in reported and value == occurrence_content(with_values(self.event.series, self.values), start):
            self.overrides.pop(start, None)
        else:
            self.overrides[start] = value

    def vanished(self, start: OriginalStart) -> None:
        """What is no occurrence any more: an edit of it that the other side never saw is kept in the history."""
        times, name = {"span", "recurrence"}, f"occurrence {start}"
        link, theirs = self.at.link, self.remote.overrides.get(start) if self.remote else None
        linked = link.overrides.get(start) if link else None
        mine = self.event.series.overrides.get(start)
        edited_here = fingerprint_override(mine) != (linked.base.local if linked else FOLLOWS)
        if edited_here and link is not None and times & set(self.values):
            self.lost[name] = history_value(mine)
        if theirs is None or not isinstance(theirs.value, Content):
            return
        edited_there = fingerprint_override(theirs.value) != (linked.base.remote if linked else FOLLOWS)
        if edited_there and (link is None or self.wins is Wins.RESTORE or times & self.moved_on):
            self.lost[f"{name}, there" if name in self.lost else name] = history_value(theirs.value)

    def _base(self, start: OriginalStart, linked: OverrideLink | None, mine: Content) -> Base | None:
        """What both sides held of an occurrence; one that had no override held what its series gave."""
        link = self.at.link
        if link is None:
            return self._withheld_base(mine)
        own = linked.base if linked else Base(FOLLOWS, FOLLOWS)
        return Base(
            local=own.local or _inherited(link.base.local, self.event.series, start),
            remote=own.remote or _inherited(link.base.remote, self.at.shown, start),
        )

    def _withheld_base(self, local: Content) -> Base | None:
        """Without a link nobody knows who wrote the text here; where it is withheld there, it does not stay (I11)."""
        if self.remote is None or not self.remote.withheld or self._keeps_own_text:
            return None
        return Base({name: fingerprint_value(getattr(local, name)) for name in TEXT_FIELDS}, {})

    def _agree(self, start: OriginalStart, mine: Override | None, theirs: Override, changed_here: bool) -> bool:
        """Both cancelled; or the occurrence is to follow its series here, and the provider holds it so."""
        if isinstance(mine, Cancelled) or isinstance(theirs, Cancelled):
            return mine == theirs
        same = fingerprint_fields(self._reported(theirs)) == fingerprint_fields(self._reported(self._follows(start)))
        return mine is None and same and (changed_here or self.wins is Wins.RESTORE)

    def _mine_stands(self, mine: Override | None, theirs: Override, here: bool, there: bool) -> bool:
        """Whether the app's state of the occurrence stands. A cancellation outweighs an edit of the other side."""
        if self.wins is Wins.RESTORE:
            return True
        if here and there:
            if isinstance(mine, Cancelled) or isinstance(theirs, Cancelled):
                return isinstance(mine, Cancelled)
            return self.wins is Wins.APP
        return here

    def _write_whole(
        self, start: OriginalStart, shown: Override | None, known: RemoteOverride | OverrideLink | None
    ) -> None:
        """Also what brings an occurrence back to its series: all fields as the series gives them."""
        change = _change(shown if shown is not None else self._follows(start))
        if self.text_is_unknown and not isinstance(change, Cancelled):
            change = {name: value for name, value in change.items() if value or name not in TEXT_FIELDS}
        self._write(start, known, change)

    def _write_changed(self, start: OriginalStart, mine: Content, shown: Content, linked: OverrideLink | None) -> None:
        """The fields that were changed here. The provider may hold more of an occurrence than was ever read: its text,
        or an edit not yet reported."""
        before = linked.base if linked else Base(FOLLOWS, FOLLOWS)
        if self.at.link is None or CANCELLED_FINGERPRINT in (before.local, before.remote):
            return self._write_whole(start, shown, linked)
        now, there = fingerprint_content(mine), fingerprint_content(shown)
        if before.local:
            changed = {name for name in now if now[name] != before.local.get(name)}
        else:
            held = {**fingerprint_content(self._follows(start)), **self._held_of_series, **before.remote}
            changed = {name for name in there if there[name] != held[name]}
        if changed:
            self._write(start, linked, {name: value for name, value in values_of(shown).items() if name in changed})
        return None

    @property
    def _held_of_series(self) -> Fingerprint:
        """What the provider holds of the series and keeps, which need not be what the series would be written as now: a
        stricter occurrence makes all of it stricter."""
        base = self.at.link.base.remote if self.at.link else {}
        return {n: base[n] for n in CONTENT_FIELDS if n != "span" and n in base and n not in self.moved_on}

    def _bring_along(
        self,
        start: OriginalStart,
        mine: Override | None,
        linked: OverrideLink | None,
        known: RemoteOverride | OverrideLink | None,
    ) -> None:
        """The provider keeps an occurrence that was brought back to its series as an exception, which stays behind
        when the series changes."""
        if mine is not None or linked is None or linked.base.remote in (FOLLOWS, CANCELLED_FINGERPRINT):
            return
        behind = {
            name: value
            for name, value in values_of(self._follows(start)).items()
            if name in self.moved_on and fingerprint_value(value) != linked.base.remote.get(name)
        }
        if behind:
            self._write(start, known, behind)

    def _follows(self, start: OriginalStart) -> Content:
        """The occurrence as the merged series gives it there."""
        return occurrence_content(with_values(self.at.shown, self.values_there), start)

    def _write(
        self,
        start: OriginalStart,
        known: RemoteOverride | OverrideLink | None,
        change: Mapping[str, object] | Cancelled,
    ) -> None:
        self.writes.append(
            UpdateOccurrence(
                remote_id=self._remote_id,
                original_start=start,
                occurrence_id=known.remote_id if known else "",
                etag=known.etag if known else "",
                seen=_seen(known),
                change=change,
            )
        )

    @property
    def _remote_id(self) -> str:
        return self.remote.remote_id if self.remote else self.at.link.remote_id if self.at.link else ""

    @property
    def _keeps_own_text(self) -> bool:
        """Withheld text says nothing about a booking of the app, whose text is its own."""
        return self.remote is not None and self.remote.withheld and self.event.origin == APP

    def _reported(self, content: Content) -> dict[str, object]:
        """What the report says. One that withholds even when the event was edited, as Google's to somebody who may only
        read the calendar, says nothing of reminders either."""
        left_out = set(TEXT_FIELDS) if self._keeps_own_text else set[str]()
        if self.remote is not None and self.remote.withheld and self.remote.updated_at is None:
            left_out.add("reminders")
        return {name: value for name, value in values_of(content).items() if name not in left_out}

    def _as_kept_here(self, start: OriginalStart, theirs: Override) -> Override:
        """What the provider has of an occurrence that is no exception here. Where it shows what its series would be
        there, what the series is here says more: the provider may hold less of it."""
        if isinstance(theirs, Cancelled):
            return theirs
        mine, shown = occurrence_content(with_values(self.event.series, self.values), start), self._follows(start)
        there = fingerprint_content(shown)
        kept = {n: getattr(mine, n) for n, now in fingerprint_content(theirs).items() if now == there[n]}
        if self._keeps_own_text:
            kept |= {name: getattr(mine, name) for name in TEXT_FIELDS}
        before = self.at.link.base.remote.get("attendees") if self.at.link else None
        guests = join(mine, shown, theirs.attendees, before)
        return with_values(Series(theirs), {"attendees": guests, **kept}).content


def _following(override: Content, series: Content, values: Mapping[str, object]) -> Content:
    """An override that the provider has never seen follows what it changed of the series, where it held the old
    value."""
    taken = {name: value for name, value in values.items() if name in CONTENT_FIELDS and name != "span"}
    follows = {name: value for name, value in taken.items() if getattr(override, name) == getattr(series, name)}
    return with_values(Series(override), follows).content


def _seen(known: RemoteOverride | OverrideLink | None) -> Fingerprint:
    match known:
        case RemoteOverride(value=value):
            return fingerprint_override(value)
        case OverrideLink(base=base):
            return base.remote
        case None:
            return FOLLOWS


def _with_dropped(remote: RemoteEvent, link: Link | None) -> RemoteEvent:
    """The report with the exceptions that a provider dropped when somebody wrote the times of the series, be it the
    same times: those that are linked and that a complete report leaves out follow their series now."""
    if not remote.complete or remote.content is None or link is None:
        return remote
    series = Series(remote.content, remote.recurrence)
    dropped = {
        start: RemoteOverride(linked.remote_id, "", occurrence_content(series, start))
        for start, linked in link.overrides.items()
        if start not in remote.overrides and linked.base.remote != FOLLOWS and is_occurrence(series, start)
    }
    return replace(remote, overrides=MappingProxyType({**remote.overrides, **dropped}))


def _starts(at: Situation, event: Event, remote: RemoteEvent | None) -> set[OriginalStart]:
    known = set(event.series.overrides) | set(at.link.overrides if at.link else ())
    return known | set(remote.overrides if remote else ())


def _winner(at: Situation, policy: Policy) -> Wins:
    """The later edit by that side's own clock; a tie, or an edit without a time, goes to the app."""
    if not at.writable:
        return Wins.PROVIDER
    if at.event.origin == APP and policy.on_external_change is OnExternal.RESTORE:
        return Wins.RESTORE
    edited_there = at.remote.updated_at if isinstance(at.remote, RemoteEvent) else None
    return Wins.PROVIDER if edited_there is not None and edited_there > at.event.updated_at else Wins.APP


def _entry(at: Situation, rule: Rule, merge: _Merge) -> HistoryEntry:
    if merge.wins is Wins.RESTORE and rule is Rule.WITHDRAW:
        sentence = "Changed in a calendar that is to hold no copy any more; dropped, as the connection asks."
    elif merge.wins is Wins.RESTORE:
        sentence = "Changed in the connected calendar; put back, as the connection asks."
    elif merge.taken and merge.lost:
        sentence = "Changed on both sides; for the fields in `lost` the later edit stands."
    elif merge.taken:
        sentence = "Changed in the connected calendar."
    elif merge.lost:
        sentence = "Changed on both sides; the change made here is the later one and stands."
    elif rule is Rule.ADOPT:
        sentence = "Found again in the connected calendar."
    else:
        sentence = "Occurrences that the series no longer has were dropped."
    entry = why(at, rule, sentence)
    lost = {name: plain_value(value) for name, value in merge.lost.items()}
    return replace(entry, fields=tuple(merge.taken), lost=MappingProxyType(lost))


def _without_repeating(merged: Merge) -> Merge:
    """A single stands for one occurrence. That somebody made it repeat is taken back: a series within a series is none
    that the app could hold."""
    if "recurrence" not in merged.to_local:
        return merged
    to_local = {name: value for name, value in merged.to_local.items() if name != "recurrence"}
    lost = {**merged.lost, "recurrence": merged.to_local["recurrence"]}
    return Merge(to_remote={**merged.to_remote, "recurrence": ()}, to_local=to_local, lost=lost)


def _withholding(event: Event, series: Series) -> Series:
    """The series as it may be stored: without text, if it is the provider's and a part of it is private (I11), also
    where it was made private here."""
    if event.origin == APP or not any(content.visibility in WITHHELD for content in _contents(series)):
        return series
    overrides = {k: _bare(value) if isinstance(value, Content) else value for k, value in series.overrides.items()}
    return replace(series, content=_bare(series.content), overrides=MappingProxyType(overrides))


def _bare(content: Content) -> Content:
    empty = Content(span=content.span)
    return replace(content, **{name: getattr(empty, name) for name in TEXT_FIELDS})


def _text_is_unknown(at: Situation, policy: Policy) -> bool:
    """Whether the provider holds text of its own event that is not held here: what is empty here is not empty there."""
    if at.event.origin == APP:
        return False
    withheld = isinstance(at.remote, RemoteEvent) and at.remote.withheld
    private = at.event.series.content.visibility in WITHHELD
    return withheld or private or policy.privacy is Privacy.BUSY_ONLY


def _turned_private(event: Event, remote: RemoteEvent | None, series: Series) -> bool:
    """Whether text of the provider's event that was held here has been withdrawn."""
    if event.origin == APP:
        return False
    was, now = event.series.content.visibility, series.content.visibility
    held = any(getattr(content, name) for content in _contents(event.series) for name in TEXT_FIELDS)
    return (now in WITHHELD and was not in WITHHELD) or (remote is not None and remote.withheld and held)


def _contents(series: Series) -> list[Content]:
    return [series.content, *(value for value in series.overrides.values() if isinstance(value, Content))]


def _inherited(whole: Fingerprint, series: Series, start: OriginalStart) -> Fingerprint:
    """The base of an occurrence that followed its series; its span is known only if the series has not moved since."""
    base = {name: whole[name] for name in CONTENT_FIELDS if name != "span" and name in whole}
    if whole.get("span") == fingerprint_value(series.content.span) and is_occurrence(series, start):
        base["span"] = fingerprint_value(occurrence_content(series, start).span)
    return base


# --- words that the plan shares ------------------------------------------------------------------------------------


def next_event(at: Situation, series: Series) -> Event:
    """The app's next version. Its time is that of the edit, so that a later edit elsewhere is seen to be later."""
    edited_there = at.remote.updated_at if isinstance(at.remote, RemoteEvent) else None
    edited = max(at.event.updated_at, edited_there or at.now)
    return replace(at.event, series=series, version=at.event.version + 1, updated_at=edited, deleted=False)


def whole_override(start: OriginalStart, value: Override) -> UpdateOccurrence:
    """An occurrence written whole, beneath the copy that a `CreateCopy` of the same plan makes."""
    return UpdateOccurrence(remote_id="", original_start=start, occurrence_id="", etag="", change=_change(value))


def _change(value: Override) -> Mapping[str, object] | Cancelled:
    return CANCELLED if isinstance(value, Cancelled) else values_of(value)


def why(at: Situation, rule: Rule, sentence: str) -> HistoryEntry:
    return HistoryEntry(at=at.now, actor=at.calendar_id, rule=rule, sentence=sentence)
