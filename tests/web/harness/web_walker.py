"""A person at the page: finds things by their test ids, presses, holds, reads."""

from __future__ import annotations

import re
from typing import Final

from playwright.async_api import Locator, Page, expect

WAIT_MS: Final = 30_000
"""Longest wait for something on the page; a busy machine is slow."""
HOLDS: Final = 4
"""Tries to hold a button: a page that a busy machine held up lets go of it by itself."""
CHECKS: Final = ("check-clip", "check-rails", "check-facing", "check-clear")


class Walker:
    """One page. `treadmill` is the one that is meant where several are shown."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def find(self, name: str, **data: str) -> Locator:
        """What has this test id, and these `data-` attributes."""
        more = "".join(f'[data-{key}="{value}"]' for key, value in data.items())
        return self.page.locator(f'[data-testid="{name}"]{more}')

    async def open(self, url: str) -> None:
        """Load the page and wait until it has drew for the first time."""
        await self.page.goto(url)
        await expect(self.page.locator('html[data-ready="true"]')).to_be_attached(timeout=WAIT_MS)

    async def sees(self, name: str, **data: str) -> None:
        """Wait until something is shown."""
        await expect(self.find(name, **data).first).to_be_visible(timeout=WAIT_MS)

    async def reads(self, name: str, text: str | re.Pattern[str]) -> None:
        """Wait until something shows a text."""
        await expect(self.find(name)).to_contain_text(text, timeout=WAIT_MS)

    async def phase(self, *phases: str, within: float = WAIT_MS) -> None:
        """Wait until the treadmill that is shown is in one of these phases."""
        pattern = re.compile(f"^({'|'.join(phases)})$")
        await expect(self.find("treadmill")).to_have_attribute(
            "data-phase", pattern, timeout=within
        )

    async def press(self, name: str, **data: str) -> None:
        """Press a button."""
        await self.find(name, **data).click(timeout=WAIT_MS)

    async def hold(self, name: str, until: str) -> None:
        """Keep a button pressed until the phase is `until`, or one that only follows it."""
        button = self.find(name)
        await expect(button).to_be_enabled(timeout=WAIT_MS)
        await button.scroll_into_view_if_needed()
        box = await button.bounding_box()
        assert box is not None
        await self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for left in reversed(range(HOLDS)):
            await self.page.mouse.down()
            try:
                await self.phase(*until.split("|"), within=WAIT_MS / HOLDS)
            except AssertionError:
                if left == 0:
                    raise
            else:
                return
            finally:
                await self.page.mouse.up()

    async def choose(self, program: str) -> None:
        """Choose a program, which on a narrow screen means to open their list first."""
        row = self.find("program", program=program)
        await expect(row).to_be_attached(timeout=WAIT_MS)
        if not await row.is_visible():
            await self.page.locator("button.more").click(timeout=WAIT_MS)
        await row.click(timeout=WAIT_MS)
        await expect(row).to_have_attribute("data-selected", "true", timeout=WAIT_MS)

    async def arm(self, program: str) -> None:
        """Choose a program and arm it."""
        await self.choose(program)
        await self.press("arm")
        await self.phase("armed")

    async def confirm(self) -> None:
        """Go through the checklist and hold to confirm."""
        for check in CHECKS:
            await self.find(check).check(timeout=WAIT_MS)
        await self.hold("confirm", until="countdown|starting|running")

    async def walk(self, program: str) -> None:
        """Choose, arm, confirm, and wait until the session runs."""
        await self.arm(program)
        await self.confirm()
        await self.phase("running")

    async def text(self, name: str) -> str:
        """What something shows now."""
        return (await self.find(name).inner_text(timeout=WAIT_MS)).strip()

    async def value(self, name: str) -> float | None:
        """The raw value of something that shows a number."""
        raw = await self.find(name).get_attribute("data-value", timeout=WAIT_MS)
        return float(raw) if raw else None
