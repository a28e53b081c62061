"""Who walks, today's session, what was walked, the plan, and how it was: on the page, for everybody."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from web_past import settle

from backstride.domain.session import Phase
from backstride.history.database import FILE
from backstride.history.store import Store

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def settled(tmp_path):
    """A gym with a past, before it opens; its history."""
    settle(tmp_path, "home")
    return tmp_path / "state" / FILE


async def test_whoever_is_chosen_finds_todays_session_and_arms_it(settled, open_gym, visit, tap):
    gym = await open_gym(pace=2)
    wire = await tap(gym, "backstride/+/command")
    walker = await visit(gym.url)
    await walker.sees("who")
    # Nobody is chosen: the plan is nobody's, and the page chose for nobody.
    await expect(walker.find("today-plan")).to_have_count(0)
    await walker.find("who").select_option("kari")
    await walker.sees("today-plan", program="plan-3-1", due="true")
    await walker.reads("today-name", "Week 3, session 1")
    await walker.reads("today-why", "One step further")
    await expect(walker.find("program", program="plan-3-1")).to_have_attribute(
        "data-selected", "true"
    )
    # Another device chose somebody else: this one knows whose it is, and asks for nothing by itself.
    other = await visit(gym.url)
    await other.find("who").select_option("jonas")
    await other.press("feedback-skip")
    await expect(other.find("feedback")).to_have_count(0)
    await walker.reads("who-me", "Kari")
    await walker.page.reload()
    await walker.press("who-me")
    await walker.sees("today-plan", program="plan-3-1", due="true")
    await walker.press("arm")
    await walker.phase("armed")
    session = gym.controller("home").session
    assert ("kari", "plan-3-1", Phase.ARMED) == (
        session.person.id,
        session.program.id,
        session.phase,
    )
    [start] = wire.commands("start")
    assert ("kari", "plan-3-1") == (start["walker"], start["program"])
    assert ["kari", "jonas", "kari"] == [note["walker"] for note in wire.commands("walker")]
    assert gym.machine("home").log.starts == []


async def test_what_was_walked_and_the_plan_are_there_for_everybody_and_so_is_the_question(
    settled, open_gym, visit, find_complaints
):
    gym = await open_gym(pace=2)
    walker = await visit(gym.url)
    found = {}

    async def look(place):
        for theme in ("light", "dark"):
            await walker.page.emulate_media(color_scheme=theme)
            found[place, theme] = await find_complaints(walker)

    await walker.find("who").select_option("jonas")
    await walker.sees("today-plan", due="false")
    await walker.reads("feedback", "How was it, Jonas?")
    await look("choose")
    # With the keyboard alone; 13 is somewhat hard.
    await walker.find("effort", number="12").focus()
    await walker.page.keyboard.press("Space")
    await walker.page.keyboard.press("ArrowRight")
    await walker.reads("effort-word", "13 · somewhat hard")
    await walker.find("pain", number="1").focus()
    await walker.page.keyboard.press("Space")
    await walker.find("feedback-send").focus()
    await walker.page.keyboard.press("Enter")
    await expect(walker.find("feedback")).to_have_count(0)
    await walker.press("nav-history")
    await walker.reads("history", "effort 13, somewhat hard")
    assert 7 == await walker.find("walk").count()
    await expect(walker.find("history-chart")).to_have_attribute(
        "aria-label", re.compile("7 in all")
    )
    await look("history")
    await walker.page.goto(f"{gym.url}#/t/home")
    await walker.find("who").select_option("kari")
    await walker.sees("today-plan", due="true")
    await walker.press("nav-plan")
    stages = await walker.find("plan-week").evaluate_all("rows => rows.map(r => r.dataset.stage)")
    assert ["done", "done", "next", *["planned"] * 5] == stages
    await look("plan")
    assert {place: wrong for place, wrong in found.items() if wrong} == {}
    with Store(settled, writes=False) as store:
        [newest] = store.heads(limit=1)
    assert ("jonas-0", 13, 1) == (newest.id, newest.effort, newest.pain)
