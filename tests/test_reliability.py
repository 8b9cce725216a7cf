"""The quick half of ``make reliability``: every goal holds, and its negative control fails."""

import pytest

from tests.reliability import __main__ as reliability
from tests.reliability import goal


@pytest.mark.slow
@pytest.mark.parametrize("name", goal.known())
def test_the_goal_is_met_and_its_control_is_not(name):
    row = reliability.one(name, seed=0, quick=True)
    assert row["check"]["met"], row["check"]
    assert not row["control"]["met"], f"nobody noticed that {row['control']['broken']} was broken"
