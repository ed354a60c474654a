"""A short round of chaos, always the same: everything breaks, and no rule does."""

from __future__ import annotations

from photoplay.sandbox import CATALOGUE
from tests.chaos.menu import MENU
from tests.chaos.plan import make_plan
from tests.chaos.round import run_round

SEED = 5


def test_a_seed_decides_everything_that_is_done():
    plan = make_plan(SEED, 1, 200, workers=3, quick=False)
    assert plan == make_plan(SEED, 1, 200, workers=3, quick=False)
    assert plan != make_plan(SEED, 2, 200, workers=3, quick=False)
    assert {wish.fault for wish in make_plan(SEED, 1, 5000, workers=3, quick=False).wishes} == {
        None, *MENU,
    }  # fmt: skip


def test_what_chaos_may_order_are_faults_of_the_catalogue_or_over_within_seconds():
    for name, item in MENU.items():
        assert name in CATALOGUE or item.is_short


async def test_no_rule_breaks_while_processes_database_providers_and_store_do(tmp_path):
    plan = make_plan(SEED, 1, 30, workers=2, quick=True)
    result = await run_round(tmp_path / "round", plan, workers=2, say=lambda _: None)
    assert not any(result.broken.values()), (SEED, result.broken)
    assert sum(result.endings.values()) == 30
    assert sum(result.mischief.values()) == len(plan.mischief)
    assert result.faults
