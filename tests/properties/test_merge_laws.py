"""The laws of the merge, on values at random: idempotent, free of echoes, fair to both sides, and losing nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.model import Base
from shared.sync.conflict import Merge, Wins, merge_fields
from shared.sync.fingerprint import fingerprint_fields
from tests.properties.generated import effort

NAMES = ("title", "location", "show_as")
values = st.sampled_from(["a", "b", "c", "tentative"])
whole = st.fixed_dictionaries(dict.fromkeys(NAMES, values))
some = st.dictionaries(st.sampled_from(NAMES), values)
winners = st.sampled_from(Wins)


def held(fields: dict[str, Any]) -> dict[str, Any]:
    """What a provider can hold: it has no tentative."""
    return {name: "busy" if value == "tentative" else value for name, value in fields.items()}


def base_of(fields: dict[str, Any], projected: dict[str, Any]) -> Base:
    return Base(fingerprint_fields(fields), fingerprint_fields(projected))


def merge(base: dict[str, Any], local: dict[str, Any], remote: dict[str, Any], wins: Wins) -> Merge:
    """A provider that holds every value, so that the two sides are alike."""
    return merge_fields(local=local, projected=local, remote=remote, base=base_of(base, base), wins=wins)


@effort(150)
@given(whole, whole, some, winners)
def test_merging_again_after_both_sides_took_their_part_does_nothing(
    base: dict[str, Any], local: dict[str, Any], reported: dict[str, Any], wins: Wins
) -> None:
    reported = held(reported)
    first = merge_fields(local=local, projected=held(local), remote=reported, base=base_of(base, held(base)), wins=wins)
    here, there = {**local, **first.to_local}, {**held(base), **reported, **first.to_remote}
    again = merge_fields(local=here, projected=held(here), remote=there, base=base_of(here, there), wins=wins)
    assert again == Merge()
    for name in reported:
        assert held(here)[name] == there[name], "the two sides still differ"


@effort(150)
@given(whole, whole, winners)
def test_our_own_write_coming_back_is_no_difference(base: dict[str, Any], local: dict[str, Any], wins: Wins) -> None:
    """Even before its link is recorded, and however little the provider can hold."""
    for known in (base_of(base, held(base)), base_of(local, held(local)), None):
        echo = merge_fields(local=local, projected=held(local), remote=held(local), base=known, wins=wins)
        assert echo == Merge()


@effort(150)
@given(whole, whole, st.sampled_from([Wins.APP, Wins.PROVIDER]))
def test_what_one_side_alone_changed_is_taken_whoever_was_later(
    base: dict[str, Any], edited: dict[str, Any], wins: Wins
) -> None:
    changed = {name: value for name, value in edited.items() if value != base[name]}
    assert merge(base, edited, base, wins) == Merge(to_remote=changed)
    assert merge(base, base, edited, wins) == Merge(to_local=changed)


@effort(150)
@given(whole, whole, whole)
def test_exchanging_the_sides_exchanges_the_results(
    base: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Up to the rule for a tie, which is in who `wins`."""
    this, that = merge(base, one, other, Wins.APP), merge(base, other, one, Wins.PROVIDER)
    assert (this.to_remote, this.to_local, this.lost) == (that.to_local, that.to_remote, that.lost)


@effort(150)
@given(whole, whole, whole, winners)
def test_every_value_that_is_overruled_is_kept(
    base: dict[str, Any], local: dict[str, Any], remote: dict[str, Any], wins: Wins
) -> None:
    merged = merge(base, local, remote, wins)
    for name in NAMES:
        stands = {**local, **merged.to_local}[name]
        overruled = {value for value in (local[name], remote[name]) if value not in (base[name], stands)}
        assert {merged.lost[name]} == overruled if name in merged.lost else not overruled
        assert not (name in merged.to_local and name in merged.to_remote)


@effort(150)
@given(whole, whole, some)
def test_what_was_not_reported_did_not_change_there(
    base: dict[str, Any], local: dict[str, Any], reported: dict[str, Any]
) -> None:
    merged = merge(base, local, reported, Wins.PROVIDER)
    for name in set(NAMES) - set(reported):
        assert name not in merged.to_local
        assert name not in merged.lost
        assert (name in merged.to_remote) == (local[name] != base[name])


@effort(150)
@given(whole, whole, whole)
def test_what_the_app_decides_is_put_back_whatever_was_done_to_it(
    base: dict[str, Any], local: dict[str, Any], remote: dict[str, Any]
) -> None:
    """`RESTORE`: nothing is taken, and what was replaced is in the history."""
    merged = merge(base, local, remote, Wins.RESTORE)
    assert merged.to_local == {}
    assert {**remote, **merged.to_remote} == local
    assert set(merged.lost) == {n for n in NAMES if remote[n] != base[n] and remote[n] != local[n]}


@effort(100)
@given(whole, whole, whole, whole)
def test_three_copies_merged_one_after_the_other_end_equal(
    base: dict[str, Any], app: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """A booking in two calendars: what one side gave is the app's own edit for the other."""
    assume(app != first)
    here, there = app, [first, second]
    bases = [base, base]
    for _ in range(2):
        for number in (0, 1):
            merged = merge(bases[number], here, there[number], Wins.APP)
            here = {**here, **merged.to_local}
            there[number] = {**there[number], **merged.to_remote}
            bases[number] = here
    assert there == [here, here]
