"""The people of an organisation whose calendars are kept in step through it: on the list, looked after, off it.

Each has a connection of their own without a secret; from the calendars on it is like anybody's. `put` and `remove`
change the list. `check` is a person's own job: it asks whether the mailbox can be used, and takes the person on, pauses
them with a reason, or steps aside for a connection that they made themselves. What is wrong with one mailbox touches
nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.calendar_choice import choose
from shared.connection_policy import renew_text
from shared.connections import ATTEMPTS, LIVE, refresh_calendars
from shared.disconnect import Choice, Fate, clear, disconnect
from shared.errors import ConnectionRevoked, Problem, VersionConflict, not_found
from shared.house import House
from shared.keys import mailbox_place, staff_id
from shared.model import Account, Connection, ConnectionStatus, Owner, Policy, Privacy, Reason
from shared.notices import connection_notice
from shared.organization_health import refused
from shared.queue import ConnectionJob
from shared.store.events import SWEEP_AFTER
from shared.tenancy import same_mailbox
from shared.verification import verified

OTHER_MAILBOX = Choice(Fate.DELETE, Fate.DELETE)
"""What becomes of copies when an address turns out to be another mailbox's: nothing of the first is this person's."""

FIRST_LOOK, LATER_LOOKS = timedelta(hours=1), timedelta(days=1)
"""When a person who is paused is verified again by itself."""

OWN_CONNECTION = Reason("own_connection", "This person has connected the same calendar with a sign-in of their own.")


def find(house: House, organization: Connection, user_id: str) -> Connection:
    """The person's connection, as long as they are on the list. Raises `Problem` (404)."""
    person = house.store.connections.load(staff_id(organization.id, user_id))
    if person is None or not person.member_of:
        raise not_found()
    return person


# --- the list ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list."""

    user_id: str
    mailbox: str
    enabled: bool


def put(
    house: House,
    organization: Connection,
    entry: Entry,
    choice: Choice,
    out_of_time: Callable[[], bool],
) -> Connection:
    """Add or change a person; repeating it changes nothing. Disabling disconnects them with `choice`. Raises `Problem`
    (409) for a mailbox that is somebody else's."""
    if organization.status in (ConnectionStatus.DISCONNECTING, ConnectionStatus.DISCONNECTED):
        raise Problem(409, "organization_disconnected", "This organisation is disconnected. Set it up again first.")
    for _ in range(ATTEMPTS):
        before = house.store.connections.load(staff_id(organization.id, entry.user_id))
        known = before if before is not None and before.member_of else None
        if known is not None and is_as(known, entry):
            return known
        ending = known is not None and not entry.enabled and known.status is not ConnectionStatus.DISCONNECTED
        wanted = _wanted(house, organization, before, replace(entry, enabled=entry.enabled or ending))
        takes = mailbox_place(organization.id, entry.mailbox)
        gives_up = mailbox_place(organization.id, known.mailbox) if known else ""
        try:
            saved = house.store.connections.save_member(wanted, new=before is None, takes=takes, gives_up=gives_up)
            if ending:
                return disconnect(house, replace(saved, enabled=False), choice, out_of_time)
        except VersionConflict:
            _check_place(house, takes, wanted.id)
            continue
        if entry.enabled:
            house.jobs.send(ConnectionJob(saved.id))
        return saved
    raise VersionConflict("This person keeps changing.")


def is_as(person: Connection, entry: Entry) -> bool:
    """Whether the list says this already."""
    return (person.mailbox, person.enabled, person.leaving) == (entry.mailbox, entry.enabled, False)


def _check_place(house: House, place: str, identifier: str) -> None:
    holder = house.store.connections.holder_of(place)
    if holder and holder != identifier:
        other = house.store.connections.load(holder)
        name = f"the user {other.owner.user_id}" if other else "another user"
        raise Problem(
            409, "mailbox_taken", f"This mailbox belongs to {name} already. Each person has one of their own."
        )


def _wanted(house: House, organization: Connection, before: Connection | None, entry: Entry) -> Connection:
    now = house.clock()
    idle = ConnectionStatus.PENDING if entry.enabled else ConnectionStatus.DISCONNECTED
    due = now + SWEEP_AFTER if entry.enabled and organization.status is ConnectionStatus.ACTIVE else None
    if before is None or not before.member_of:
        fresh = Connection(
            id=staff_id(organization.id, entry.user_id),
            owner=Owner(organization.owner.org, entry.user_id),
            provider=organization.provider,
            status=idle,
            created_at=now,
            updated_at=now,
            version=before.version if before else 0,
            policy=Policy(privacy=privacy_of(organization)),
            due_at=due,
        )
        return replace(fresh, member_of=organization.id, mailbox=entry.mailbox, enabled=entry.enabled)
    wanted = replace(before, mailbox=entry.mailbox, enabled=entry.enabled, leaving=False, updated_at=now)
    if before.status is ConnectionStatus.DISCONNECTED:
        wanted = replace(wanted, status=idle, receipt=None if entry.enabled else before.receipt, reasons=())
    return wanted if before.status is ConnectionStatus.DISCONNECTING else replace(wanted, due_at=due)


def privacy_of(organization: Connection) -> Privacy:
    titles = organization.organization is not None and organization.organization.show_titles
    return Privacy.FULL if titles else Privacy.BUSY_ONLY


def remove(house: House, person: Connection, choice: Choice, out_of_time: Callable[[], bool]) -> Connection:
    """Take a person off the list: what is theirs is stopped and erased, nobody else's."""
    if person.status is ConnectionStatus.DISCONNECTED:
        return _off_the_list(house, person)
    return disconnect(house, replace(person, leaving=True), choice, out_of_time)


def _off_the_list(house: House, person: Connection) -> Connection:
    receipt = person.receipt or {"revoked": "not_supported", "complete": True, "notes": []}
    gone = replace(person, member_of="", mailbox="", receipt=receipt, updated_at=house.clock())
    return house.store.connections.save_member(gone, gives_up=mailbox_place(person.member_of, person.mailbox))


# --- a person's own job --------------------------------------------------------------------------------------------


def check(house: House, person: Connection, out_of_time: Callable[[], bool]) -> None:
    """Bring one enabled person to where they should be. Raises `RetryLater`, `VersionConflict`."""
    organization = house.store.connections.load(person.member_of)
    if organization is None or organization.status in (ConnectionStatus.DISCONNECTING, ConnectionStatus.DISCONNECTED):
        remove(house, person, _choice_of(organization), out_of_time)
        return
    if organization.status is not ConnectionStatus.ACTIVE:
        _rest(house, person)
        return
    try:
        found = verified(house, organization, person.mailbox)
    except ConnectionRevoked as error:
        refused(house, organization.id, error)
        _rest(house, person)
        return
    if found.account is None:
        pause(house, person, Reason(found.state.value, found.sentence))
    elif own := _own_connection(house, person, found.account):
        _step_aside(house, person, own, out_of_time)
    elif other := _other_person(house, person, found.account):
        sentence = f"This is the mailbox of the user {other.owner.user_id} under another address."
        pause(house, person, Reason("mailbox_taken", sentence))
    elif (account := _known_as(person.account, found.account)) is None:
        disconnect(house, person, OTHER_MAILBOX, out_of_time)
    else:
        notes = (Reason(found.state.value, found.sentence),) if found.sentence else ()
        _keep_in_step(house, organization, person, account, notes)


def _known_as(before: Account | None, found: Account) -> Account | None:
    """The account that was found, by the ids that its events have had so far; None if it is another one. Somebody may
    be given another address, and what the provider tells of them depends on the permissions of the day."""
    if before is None:
        return found
    if _id_of(before) == _id_of(found):
        return before
    return replace(found, mailbox=_id_of(before)) if before.id == found.id else None


def _choice_of(organization: Connection | None) -> Choice:
    """How the organisation is being disconnected."""
    receipt = (organization.receipt if organization else None) or {}
    return Choice(Fate(str(receipt.get("imported", Fate.KEEP))), Fate(str(receipt.get("exported", Fate.KEEP))))


def _rest(house: House, person: Connection) -> None:
    """Nothing can be done until the organisation is authorised; its pass over the staff comes by then."""
    if person.due_at is not None:
        house.store.connections.save(replace(person, due_at=None))


def _own_connection(house: House, person: Connection, account: Account) -> Connection | None:
    mine = [one for one in house.store.connections.of_owner(person.owner) if one.provider == person.provider]
    own = [one for one in mine if not one.member_of and one.status in LIVE]
    return next((one for one in own if same_mailbox(account, {person.mailbox}, one.account)), None)


def _other_person(house: House, person: Connection, account: Account) -> Connection | None:
    """Somebody else of the same organisation who is kept in step with this very mailbox."""
    same = house.store.connections.with_account(person.provider, account)
    return next(
        (one for one in same if one.id != person.id and one.member_of == person.member_of and one.status in LIVE), None
    )


def _step_aside(house: House, person: Connection, own: Connection, out_of_time: Callable[[], bool]) -> None:
    """The person's own connection keeps the calendar in step; until it goes, this one only waits. If it was at work, it
    hands over. Where both go by one id, events and copies are the same ones and stay; else the other connection made
    them anew."""
    if person.status in LIVE and person.account is not None:
        _hand_over_main(house, person, own)
        same = own.account is not None and _id_of(own.account) == _id_of(person.account)
        disconnect(house, person, Choice(Fate.KEEP, Fate.KEEP) if same else OTHER_MAILBOX, out_of_time)
        return
    aside = replace(person, status=ConnectionStatus.PENDING, reasons=(OWN_CONNECTION,), in_step=False)
    house.store.connections.save(replace(aside, due_at=house.clock() + LATER_LOOKS))


def _id_of(account: Account) -> str:
    return account.mailbox or account.id


def _hand_over_main(house: House, person: Connection, own: Connection) -> None:
    """Bookings go to the own connection's default calendar from now on, if they went to this one's."""
    had_main = any(one.main for one in house.store.calendars.of_connection(person.id))
    theirs = [one for one in house.store.calendars.of_connection(own.id) if one.primary and one.access.writable]
    if had_main and theirs and own.status is ConnectionStatus.ACTIVE:
        choose(house, own, theirs[0], {"main": True})


def pause(house: House, person: Connection, reason: Reason) -> None:
    """This person waits, with the reason; everybody else goes on."""
    before, now = person.status is ConnectionStatus.RECONNECT_REQUIRED, house.clock()
    paused = house.store.connections.save(
        replace(
            person,
            status=ConnectionStatus.RECONNECT_REQUIRED,
            reasons=(reason,),
            updated_at=person.updated_at if before else now,
            due_at=now + (LATER_LOOKS if before else FIRST_LOOK),
        )
    )
    if not before:
        house.tell(connection_notice(paused, "reconnect_required", now))


def doubt(house: House, person: Connection, error: ConnectionRevoked) -> None:
    """The provider refused this person's calendar as it refuses a permission: whose fault it is, the verifier knows. A
    mailbox that it finds in order waits all the same, so that nothing goes round in circles. Raises `RetryLater`."""
    organization = house.store.connections.load(person.member_of)
    if organization is None or organization.status is not ConnectionStatus.ACTIVE:
        return
    try:
        found = verified(house, organization, person.mailbox)
    except ConnectionRevoked as refusal:
        refused(house, organization.id, refusal)
        return
    named = found.account is None and bool(found.sentence)
    pause(house, person, Reason(found.state.value, found.sentence) if named else Reason(error.code, error.sentence))


def _keep_in_step(
    house: House, organization: Connection, person: Connection, account: Account, notes: tuple[Reason, ...]
) -> None:
    privacy, before = privacy_of(organization), person.status
    if before is ConnectionStatus.PENDING:
        clear(house, person)
    elif privacy is not person.policy.privacy:  # before the policy: repeated, if this ends here
        renew_text(house, person)
    policy = replace(person.policy, privacy=privacy)
    wanted = replace(person, status=ConnectionStatus.ACTIVE, account=account, policy=policy, reasons=notes)
    if wanted != person:
        now = house.clock()
        holder = house.store.connections.holder(person.owner, person.provider, account)
        earlier = house.store.connections.load(holder) if holder not in ("", person.id) else None
        if earlier is not None and earlier.status in LIVE:
            raise VersionConflict("The person has connected this account at this moment.")
        wanted = replace(wanted, updated_at=now, due_at=now + SWEEP_AFTER)
        instead_of = holder if holder != person.id else ""
        wanted = house.store.connections.take_on(wanted, account, instead_of)
        if before is not ConnectionStatus.ACTIVE:
            house.tell(connection_notice(wanted, "active", now))
    if before is ConnectionStatus.RECONNECT_REQUIRED:
        _wake(house, wanted)
    refresh_calendars(house, wanted)


def _wake(house: House, person: Connection) -> None:
    """A calendar that was given up for a day while the mailbox could not be used is looked at again."""
    for calendar in house.store.calendars.of_connection(person.id):
        house.store.calendars.change(calendar.id, lambda found: replace(found, parked_until=None, reasons=()))


def note_first_sync(house: House, person: Connection) -> None:
    """After a sync: whether everything that is to be kept in step has been through its first one. If this is lost, the
    next poll says so."""
    kept = [one for one in house.store.calendars.of_connection(person.id) if one.sync]
    if kept and all(one.checkpoint.first_completed for one in kept):
        try:
            house.store.connections.save(replace(person, in_step=True))
        except VersionConflict:
            return
