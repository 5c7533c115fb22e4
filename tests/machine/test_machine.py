"""The whole product as a state machine: whatever happens, both sides end equal, nothing is lost and nothing doubled.

Hypothesis picks the rules of `tests.machine.story` and, if something is wrong, shortens the story; `make soak` runs the
same rules by seed. What is wrong comes with the story, a line for each step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.machine.checks import always
from tests.machine.soak import read_steps
from tests.machine.story import ALL, Step, Story, seed_of, steps_of, tell, telling

numbers = st.integers(0, 999)
EXAMPLES, STEPS = 120, 25
SEEDS = 180
"""Seeds of the walker beside Hypothesis's examples: 300 stories in all."""


class Machine(RuleBasedStateMachine):
    """One story. Each rule of the story is a rule here; see the end of this module."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.story: Story | None = None

    @initialize(number=st.integers(0, 31))
    def begin(self, number: int) -> None:
        self.story = self._open.enter_context(telling(seed_of(number)))

    @property
    def now(self) -> Story:
        assert self.story is not None
        return self.story

    @invariant()
    def whatever_is_under_way(self) -> None:
        if self.story is not None:
            always(self.story.world, self.story.model)

    def teardown(self) -> None:
        try:
            if self.story is not None:
                self.story.end()
        except BaseException as wrong:
            wrong.add_note("\n".join(self.now.told))
            raise
        finally:
            self._open.close()


def _rule_of(name: str) -> Callable[..., None]:
    def perform(self: Machine, a: int, b: int, c: int) -> None:
        try:
            self.now.perform(Step(name, a, b, c))
        except AssertionError as wrong:
            wrong.add_note("\n".join(self.now.told))
            self.story = None
            raise

    perform.__name__ = name
    return perform


def _has_events(machine: Machine) -> bool:
    return any(not event.deleted for event in machine.now.world.tables.events.values())


def _has_jobs(machine: Machine) -> bool:
    return bool(machine.now.world.queue.messages or machine.now.world.pushes)


NEEDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys([name for name in ALL if name.startswith("app_") and name != "app_books"], _has_events),
    **dict.fromkeys(("one_job", "job_again", "worker_killed", "meanwhile", "two_workers"), _has_jobs),
}
for _name in ALL:
    _made: Any = rule(a=numbers, b=numbers, c=numbers)(_rule_of(_name))
    setattr(Machine, _name, precondition(NEEDS[_name])(_made) if _name in NEEDS else _made)

TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("block", range(6))
def test_whatever_a_seed_stands_for_both_sides_end_equal(block: int) -> None:
    for seed in map(seed_of, range(block * SEEDS // 6, (block + 1) * SEEDS // 6)):
        story, wrong = tell(seed, steps_of(seed))
        if wrong is not None:
            wrong.add_note("\n".join([*story.told, f"Told again, and shortened, by: make soak SEED={seed}"]))
            raise wrong


def test_a_seed_tells_the_same_story_every_time() -> None:
    told = [tell("7", steps_of("7"))[0].told for _ in range(2)]
    assert told[0] == told[1]
    assert read_steps(",".join(map(str, steps_of("7")))) == steps_of("7")
