"""What every store must do with connections and their secret part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import VersionConflict
from shared.model import Account, Connection, ConnectionStatus, Organization, Owner
from shared.store.stores import Store
from tests.store.values import NOON, connection

Named = Callable[[str], str]
FLOW, GRANT = b"flow \x00\xff", b"grant \x00\xff"


def made(store: Store, name: str, **more: object) -> str:
    one = connection(name, **more)
    store.connections.create(one, flow=FLOW, state_digest="state")
    return one.id


def held(store: Store, name: str, **more: object) -> str:
    identifier = made(store, name, **more)
    store.connections.take_flow(identifier, "state")
    found = store.connections.load(identifier)
    assert found is not None
    store.connections.hold_grant(found, GRANT, "yes")
    return identifier


def test_a_connection_comes_back_as_it_went_in(store: Store, named: Named) -> None:
    one = connection(named("a"), receipt={"revoked": True, "notes": ["kept"]}, due_at=NOON)
    store.connections.create(one, flow=FLOW, state_digest="state")
    assert store.connections.load(one.id) == one
    assert store.connections.load(named("unknown")) is None
    assert store.connections.load("") is None
    assert store.connections.load("x" * 5000) is None


def test_the_same_connection_is_not_made_twice(store: Store, named: Named) -> None:
    made(store, named("a"))
    with pytest.raises(VersionConflict):
        made(store, named("a"))


def test_who_saves_over_a_newer_version_is_refused(store: Store, named: Named) -> None:
    found = store.connections.load(made(store, named("a")))
    assert found is not None
    saved = store.connections.save(replace(found, reasons=(), return_to="", due_at=NOON))
    assert saved.version == found.version + 1
    assert store.connections.load(found.id) == saved
    with pytest.raises(VersionConflict):
        store.connections.save(found)
    store.connections.delete(found.id)
    with pytest.raises(VersionConflict):
        store.connections.save(saved)


def test_connections_are_found_by_owner_account_and_due_time(store: Store, named: Named) -> None:
    late = connection(named("late"), due_at=NOON + timedelta(days=1))
    due = connection(named("due"), owner=late.owner, account=late.account, due_at=NOON)
    never = connection(named("never"), owner=Owner("org|", f"%{late.owner.user_id}"), account=late.account)
    for one in (late, due, never):
        store.connections.create(one, flow=FLOW, state_digest="state")
    assert {one.id for one in store.connections.of_owner(late.owner)} == {late.id, due.id}
    assert late.account is not None
    assert {one.id for one in store.connections.with_account("google", late.account)} == {late.id, due.id, never.id}
    assert store.connections.with_account("microsoft", late.account) == []
    found = {one.id for one in store.connections.due(NOON)}
    assert found & {late.id, due.id, never.id} == {due.id}


def test_a_flow_is_taken_once_and_only_with_its_own_state(store: Store, named: Named) -> None:
    one = made(store, named("a"))
    with pytest.raises(VersionConflict):
        store.connections.take_flow(one, "another state")
    assert store.connections.take_flow(one, "state") == FLOW
    with pytest.raises(VersionConflict):
        store.connections.take_flow(one, "state")


def test_a_flow_that_was_put_back_may_be_taken_again_but_not_beside_a_grant(store: Store, named: Named) -> None:
    one = made(store, named("a"))
    store.connections.take_flow(one, "state")
    store.connections.put_flow_back(one, FLOW, "state")
    assert store.connections.take_flow(one, "state") == FLOW
    found = store.connections.load(one)
    assert found is not None
    store.connections.hold_grant(found, GRANT, "yes")
    store.connections.put_flow_back(one, FLOW, "state")
    with pytest.raises(VersionConflict):
        store.connections.take_flow(one, "state")


def test_a_grant_is_kept_apart_and_gone_when_it_is_erased(store: Store, named: Named) -> None:
    one = held(store, named("a"))
    assert store.connections.secret(one) == GRANT
    assert store.connections.confirmation_digest(one) == "yes"
    store.connections.replace_secret(one, b"another")
    assert store.connections.secret(one) == b"another"
    store.connections.erase_secret(one)
    assert store.connections.secret(one) is None
    assert store.connections.confirmation_digest(one) == ""
    with pytest.raises(VersionConflict):
        store.connections.replace_secret(one, b"late")
    assert store.connections.secret(one) is None


def test_an_account_has_one_place_and_whoever_comes_second_is_refused(store: Store, named: Named) -> None:
    account = Account(named("shared"), "")
    first, second = (
        store.connections.load(held(store, named(name), owner=Owner("org", named("u")), account=account))
        for name in ("a", "b")
    )
    assert first is not None
    assert second is not None
    with pytest.raises(VersionConflict):
        store.connections.activate(first, account, "wrong", instead_of="")
    active = store.connections.activate(replace(first, status=ConnectionStatus.ACTIVE), account, "yes", instead_of="")
    assert store.connections.load(first.id) == active
    assert store.connections.holder(first.owner, "google", account) == first.id
    assert store.connections.confirmation_digest(first.id) == ""
    with pytest.raises(VersionConflict):
        store.connections.activate(second, account, "yes", instead_of="")
    assert store.connections.confirmation_digest(second.id) == "yes"
    store.connections.activate(second, account, "yes", instead_of=first.id)
    assert store.connections.holder(first.owner, "google", account) == second.id


def test_a_place_is_free_again_once_its_holder_is_erased(store: Store, named: Named) -> None:
    found = store.connections.load(held(store, named("a")))
    assert found is not None
    assert found.account is not None
    store.connections.activate(found, found.account, "yes", instead_of="")
    store.connections.erase_secret(found.id)
    assert store.connections.holder(found.owner, "google", found.account) == ""


def test_a_renewal_moves_the_grant_over_once(store: Store, named: Named) -> None:
    old, new = (store.connections.load(held(store, named(name))) for name in ("old", "new"))
    assert old is not None
    assert new is not None
    store.connections.replace_secret(new.id, b"newer")
    with pytest.raises(VersionConflict):
        store.connections.renew(old, new.id, "wrong")
    assert store.connections.secret(old.id) == GRANT
    store.connections.renew(old, new.id, "yes")
    assert store.connections.secret(old.id) == b"newer"
    assert store.connections.load(new.id) is None
    with pytest.raises(VersionConflict):
        store.connections.renew(old, new.id, "yes")


# --- the staff of an organisation


def member(named: Named, user_id: str, organization: str, **more: object) -> Connection:
    one = connection(named(user_id), owner=Owner("org", user_id), account=None, member_of=organization)
    return replace(one, mailbox=f"{user_id}@example.com", enabled=False, leaving=True, in_step=True, **more)  # type: ignore[arg-type]


def test_an_organisation_comes_back_as_it_went_in_though_it_is_no_users(store: Store, named: Named) -> None:
    organization = Organization(
        display_name="Contoso",
        place="contoso.com",
        access="application",
        tenant="tenant",
        show_titles=True,
        authorized_at=NOON,
        walk="",
        secret_ends_at=NOON + timedelta(days=3),
        reaches=("boss@contoso.com",),
    )
    one = connection(named("o"), owner=Owner("org", ""), account=None, organization=organization)
    store.connections.create(one)
    assert store.connections.load(one.id) == one
    assert store.connections.secret(one.id) is None
    saved = store.connections.save(replace(one, organization=replace(organization, walk=None)))
    assert store.connections.load(one.id) == saved


def test_people_are_listed_by_their_user_ids_page_by_page(store: Store, named: Named) -> None:
    mine, other = named("org_a"), named("org_b")
    for user_id in ("c", "a", "b", "B"):
        store.connections.save_member(member(named, user_id, mine), new=True)
    store.connections.save_member(member(named, "d", other), new=True)
    first = store.connections.staff(mine, limit=2)
    assert [one.owner.user_id for one in first] == ["B", "a"]
    rest = store.connections.staff(mine, limit=10, after="a")
    assert [one.owner.user_id for one in rest] == ["b", "c"]
    assert first[1] == store.connections.load(first[1].id)
    gone = store.connections.save_member(replace(rest[0], member_of="", mailbox=""))
    assert gone.version == rest[0].version + 1
    assert [one.owner.user_id for one in store.connections.staff(mine, limit=10)] == ["B", "a", "c"]


def test_a_mailbox_has_one_place_that_is_taken_and_given_up_with_the_person(store: Store, named: Named) -> None:
    organization, place, other = named("org"), named("box_1"), named("box_2")
    ada = store.connections.save_member(member(named, "ada", organization), new=True, takes=place)
    assert store.connections.holder_of(place) == ada.id
    bob = member(named, "bob", organization)
    with pytest.raises(VersionConflict):
        store.connections.save_member(bob, new=True, takes=place)
    assert store.connections.load(bob.id) is None
    with pytest.raises(VersionConflict):
        store.connections.save_member(member(named, "ada", organization), new=True)
    with pytest.raises(VersionConflict):
        store.connections.save_member(replace(ada, version=ada.version + 1), takes=other, gives_up=place)
    same = store.connections.save_member(ada, takes=place, gives_up=place)
    moved = store.connections.save_member(same, takes=other, gives_up=place)
    assert (store.connections.holder_of(place), store.connections.holder_of(other)) == ("", ada.id)
    bob = store.connections.save_member(bob, new=True, takes=place)
    with pytest.raises(VersionConflict):
        store.connections.save_member(moved, gives_up=place)
    assert store.connections.holder_of(place) == bob.id


def test_a_person_is_taken_on_with_the_place_of_their_account_or_not_at_all(store: Store, named: Named) -> None:
    account = Account(named("shared"), "")
    own = store.connections.load(held(store, named("own"), owner=Owner("org", "ada"), account=account))
    assert own is not None
    person = store.connections.save_member(member(named, "ada", named("org")), new=True)
    wanted = replace(person, status=ConnectionStatus.ACTIVE, account=account)
    active = store.connections.take_on(wanted, account, instead_of="")
    assert store.connections.load(person.id) == active
    assert store.connections.holder(person.owner, "google", account) == person.id
    again = store.connections.take_on(replace(active, reasons=()), account, instead_of="")
    with pytest.raises(VersionConflict):
        store.connections.take_on(active, account, instead_of="")
    with pytest.raises(VersionConflict):
        store.connections.activate(own, account, "yes", instead_of="")
    store.connections.activate(own, account, "yes", instead_of=person.id)
    with pytest.raises(VersionConflict):
        store.connections.take_on(again, account, instead_of="")
    store.connections.erase_secret(person.id)
    assert store.connections.holder(person.owner, "google", account) == own.id
