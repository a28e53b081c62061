"""The shipped dashboard in a browser, as somebody uses it who stands beside the treadmill."""

from __future__ import annotations

import shutil

import pytest
import pytest_asyncio
from household import log_in
from playwright.async_api import async_playwright, expect

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

WAIT_MS = 30_000
HOLD_MS = 800
"""Home Assistant takes 500 ms for a hold."""


@pytest_asyncio.fixture(loop_scope="session")
async def page(house):
    """The dashboard on a phone, logged in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(viewport={"width": 412, "height": 1_600})
        page.set_default_timeout(WAIT_MS)
        await page.add_init_script(log_in(house.port))
        await page.goto(f"http://127.0.0.1:{house.port}/treadmill-view/treadmill")
        await tile(page, "STOP").wait_for()
        yield page
        await browser.close()


def tile(page, name):
    return page.locator("hui-tile-card").filter(has=page.get_by_text(name, exact=True))


async def hold(page, name):
    await tile(page, name).hover()
    await page.mouse.down()
    await page.wait_for_timeout(HOLD_MS)  # it is the length of the press that is tested
    await page.mouse.up()


async def test_a_session_is_started_and_stopped_on_the_shipped_dashboard(house, page):
    await house.call("select.select_option", "select.treadmill_program", option="Plain")
    await expect(page.locator("hui-error-card, hui-warning")).to_have_count(0)
    await expect(tile(page, "Faster")).to_be_hidden()

    await tile(page, "Start").click()
    await house.reach("sensor.treadmill", "armed")
    pressed = house.state("button.treadmill_confirm")
    # A tap is not enough; that of the voice, later on the same way, arrives.
    await tile(page, "Hold to confirm").click()
    await tile(page, "Voice").click()
    await house.reach("switch.treadmill_voice", "off")
    assert house.state("button.treadmill_confirm") == pressed
    assert house.state("sensor.treadmill") == "armed"
    await tile(page, "Voice").click()
    await hold(page, "Hold to confirm")
    await house.reach("sensor.treadmill", "running")

    await expect(page.locator("hui-markdown-card")).to_contain_text("walking")
    await tile(page, "Faster").click()
    await house.reach("number.treadmill_target_speed", "1.1")
    await expect(page.locator("hui-error-card, hui-warning")).to_have_count(0)
    await tile(page, "STOP").click()
    await house.reach("sensor.treadmill", "finished")
    await expect(tile(page, "Acknowledge")).to_be_visible()
