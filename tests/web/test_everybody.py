"""The page for everybody: with a keyboard only, with a screen reader, without a network."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def focus_on(walker, selector):
    """Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(80):
        await walker.page.keyboard.press("Tab")
        if await walker.page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
    raise AssertionError(f"no way to {selector} by the Tab key")


async def test_a_whole_session_by_the_keyboard(open_gym, visit):
    gym = await open_gym(pace=2)
    walker = await visit(gym.url, viewport={"width": 1024, "height": 768})
    keys = walker.page.keyboard
    await walker.sees("arm")
    await focus_on(walker, '[data-testid="program"][data-program="demo"]')
    await keys.press("Enter")
    await walker.sees("program", program="demo", selected="true")
    await focus_on(walker, '[data-testid="arm"]')
    await keys.press("Enter")
    await walker.phase("armed")
    for check in ("check-clip", "check-rails", "check-facing", "check-clear"):
        await focus_on(walker, f'[data-testid="{check}"]')
        await keys.press("Space")
    await focus_on(walker, '[data-testid="confirm"]')
    await walker.hold_key("Enter", until="countdown|starting|running")
    gym.pace(8)
    await walker.phase("running")
    await keys.press("Escape")
    await walker.phase("finished")
    assert gym.machine("home").drive.belt.value == 0


THEMES = ("light", "dark")


async def test_axe_finds_nothing_wrong(open_gym, visit, find_complaints):
    gym = await open_gym({"left": "ideal", "right": "ideal"})
    walker = await visit(f"{gym.url}#/t/left")
    found = {}

    async def look(place):
        for theme in THEMES:
            await walker.page.emulate_media(color_scheme=theme)
            found[place, theme] = await find_complaints(walker)

    await walker.choose("demo")
    await look("choose")
    await walker.arm("demo")
    gym.pace(1)
    await look("armed")
    await walker.confirm()
    gym.pace(4)
    await walker.phase("running")
    gym.pace(1)
    await look("running")
    for place, shown in (("#/t/left/wall", "wall"), ("#/gym", "gym"), ("#/settings", "settings")):
        await walker.page.goto(f"{gym.url}{place}")
        await walker.sees(shown)
        await look(shown)
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


SCREENS = (
    {"width": 320, "height": 568},
    {"width": 844, "height": 390},
    {"width": 390, "height": 844},
    {"width": 1024, "height": 768},
)


async def test_stop_is_on_the_screen_wherever_one_is(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    stop = walker.find("stop").first
    small = set()

    async def look(place):
        for screen in SCREENS:
            await walker.page.set_viewport_size(screen)
            await expect(stop).to_be_in_viewport(ratio=1)
            box = await stop.bounding_box()
            # WCAG 2.5.8 asks for 24 px; a hand that shakes wants more.
            if min(box["width"], box["height"]) < 48:
                small.add((place, screen["width"]))

    await look("choose")
    await walker.arm("demo")
    gym.pace(1)
    await look("armed")
    await walker.confirm()
    gym.pace(4)
    await walker.phase("running")
    await look("running")
    for place in ("#/t/home/wall", "#/gym", "#/settings", "#/t/home/settings"):
        await walker.page.goto(f"{gym.url}{place}")
        await look(place)
    assert small == set()


async def test_the_page_loads_again_without_its_server(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.sees("arm")
    await walker.page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    await walker.page.reload()
    await walker.sees("arm")
    await walker.page.context.set_offline(offline=True)
    gym.page.shutdown()
    gym.page.server_close()
    await walker.page.reload()
    await expect(walker.page.locator('html[data-ready="true"]')).to_be_attached()
    await expect(walker.find("app")).to_be_visible()


async def test_a_language_is_chosen_and_kept(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.sees("arm")
    assert await walker.page.evaluate("document.documentElement.lang") == "en"
    english = await walker.text("arm")
    await walker.page.goto(f"{gym.url}#/settings")
    await walker.find("set-language").select_option("no")
    await walker.page.goto(f"{gym.url}#/t/home")
    await walker.page.reload()
    await walker.sees("arm")
    assert await walker.page.evaluate("document.documentElement.lang") == "nb"
    assert await walker.text("arm") != english
