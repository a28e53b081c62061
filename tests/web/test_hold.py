"""What sets a belt in motion is held: nothing else that looks like it may do."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from backstride.domain.session import Phase

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONGER_THAN_A_HOLD_MS = 1_800
LET_GO = "Hold a little longer"
CHECKS = ("check-clip", "check-rails", "check-facing", "check-clear")


async def see_what_comes_of_it(walker):
    """Give what may have gone on by itself the time to complete; what the button says."""
    await walker.page.wait_for_timeout(LONGER_THAN_A_HOLD_MS)
    hints = await walker.page.locator(".hold-hint").all_inner_texts()
    return "".join(hints)


async def commands_until_stop(walker, wire, ask):
    """The commands of a kind that went out before a Stop, which is pressed now."""
    await walker.page.keyboard.press("Escape")
    await wire.until(lambda: wire.commands("stop"))
    return wire.commands(ask)


async def arm(walker):
    await walker.arm("demo")
    for check in CHECKS:
        await walker.find(check).check()
    await expect(walker.find("confirm")).to_be_enabled()


@pytest.mark.hazard("H01")
async def test_a_tap_of_space_in_a_pause_asks_nothing(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym, "backstride/+/command")
    walker = await visit(gym.url)
    await walker.walk("demo")
    gym.pace(12)
    await walker.press("pause")
    async with asyncio.timeout(20):
        while gym.machine("home").drive.belt.value:  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)
    gym.pace(2)
    await expect(walker.find("continue")).to_be_enabled()
    await walker.page.evaluate("document.activeElement.blur()")
    await walker.page.keyboard.press("Space")
    hint = await see_what_comes_of_it(walker)
    assert ([], LET_GO) == (await commands_until_stop(walker, wire, "continue"), hint)


async def lose_the_focus(page):
    # As by Alt-Tab: the key is let go elsewhere, and the page never hears of it.
    await page.keyboard.down("c")
    await page.evaluate("dispatchEvent(new Event('blur'))")


async def press_shift_before_letting_go(page):
    await page.keyboard.down("c")
    await page.evaluate("dispatchEvent(new KeyboardEvent('keyup', {key: 'C'}))")


async def press_another_key(page):
    # While Cmd is down a Mac does not tell that "c" was let go.
    await page.keyboard.down("c")
    await page.keyboard.down("Meta")


async def take_hold(page):
    """Press the mouse on confirm, and leave it so."""
    await page.locator('[data-testid="confirm"]').hover()
    await page.mouse.down()


async def freeze_the_page(page):
    await take_hold(page)
    await page.evaluate(
        "ms => { const end = performance.now() + ms; while (performance.now() < end); }", 1_600
    )


async def let_go_under_another_mouse_button(page):
    await take_hold(page)
    # The one event that a browser sends then.
    await page.locator('[data-testid="confirm"]').dispatch_event("pointermove", {"buttons": 2})


async def put_a_second_finger_down(page):
    await take_hold(page)
    await page.locator("body").dispatch_event("pointerdown", {"pointerId": 9})


LOSSES = (
    lose_the_focus,
    press_shift_before_letting_go,
    press_another_key,
    freeze_the_page,
    let_go_under_another_mouse_button,
    put_a_second_finger_down,
)


@pytest.mark.hazard("H01")
async def test_a_hold_that_is_lost_confirms_nothing(open_gym, visit, tap):
    gym = await open_gym(pace=1)
    wire = await tap(gym, "backstride/+/command")
    walker = await visit(gym.url)
    await arm(walker)
    for lose in LOSSES:
        await lose(walker.page)
        hint = await see_what_comes_of_it(walker)
        assert (lose.__name__, Phase.ARMED, LET_GO) == (lose.__name__, gym.phase("home"), hint)
        await walker.page.mouse.up()
        for key in ("c", "Meta"):
            await walker.page.keyboard.up(key)
    assert [] == await commands_until_stop(walker, wire, "confirm")


@pytest.mark.hazard("H01")
async def test_a_screen_readers_second_click_confirms_but_an_echo_of_the_first_does_not(
    open_gym, visit
):
    gym = await open_gym(pace=1)
    walker = await visit(gym.url)
    await arm(walker)
    confirm = walker.find("confirm")
    await confirm.evaluate("button => { button.click(); button.click(); }")
    assert "Press again to confirm" == await see_what_comes_of_it(walker)
    assert gym.phase("home") is Phase.ARMED
    await confirm.evaluate("button => button.click()")
    await walker.phase("countdown", "starting", "running")


@pytest.mark.hazard("H26")
async def test_a_confirm_names_the_program_that_was_armed(open_gym, visit, tap):
    gym = await open_gym()
    wire = await tap(gym, "backstride/+/command")
    walker = await visit(gym.url)
    await walker.arm("demo")
    await walker.confirm()
    assert ["demo"] == [note.get("program") for note in wire.commands("confirm")]
