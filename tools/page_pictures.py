"""Pictures of the page, from real sessions on virtual treadmills: phone, tablet and wall."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import structlog
from PIL import Image
from playwright.async_api import Browser

ROOT: Final = Path(__file__).resolve().parents[1]
# The tests' gym and their person at the page.
sys.path.append(str(ROOT / "tests" / "web" / "harness"))

from web_gym import Gym, open_browser  # noqa: E402  see above
from web_walker import Walker  # noqa: E402

PHONE: Final = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
TABLET: Final = {"viewport": {"width": 1024, "height": 768}, "device_scale_factor": 1}
WALL: Final = {"viewport": {"width": 1920, "height": 1080}, "device_scale_factor": 1}
SCREENS: Final = {"phone": PHONE, "tablet": TABLET, "wall": WALL}
LARGEST: Final = 200_000
"""Bytes; README should open at once."""
COLOURS: Final = 128
"""The page has few; more only keep the edges of its letters smooth."""
STEP: Final = 5
"""The step of the demo program in which it is taken: backward, in an interval."""
LINK_LOST_MS: Final = 600_000


class Studio:
    """One gym, and screens that look at it."""

    def __init__(self, gym: Gym, browser: Browser, target: Path) -> None:
        self.gym = gym
        self._browser = browser
        self._target = target

    @contextlib.asynccontextmanager
    async def screen(
        self, size: str, theme: str = "light", place: str = ""
    ) -> AsyncIterator[Walker]:
        """A screen with the page on it."""
        options: dict[str, Any] = SCREENS[size]
        context = await self._browser.new_context(
            **options, color_scheme=theme, locale="en-GB", reduced_motion="reduce"
        )
        walker = Walker(await context.new_page())
        await walker.open(f"{self.gym.url}?theme={theme}{place}")
        yield walker
        await context.close()

    async def take(self, walker: Walker, name: str) -> None:
        """Keep what a screen shows, in few colours."""
        await walker.page.evaluate("document.fonts.ready.then(() => 0)")
        data = await walker.page.screenshot(animations="disabled")
        with Image.open(io.BytesIO(data)) as image:
            small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        path = self._target / f"page-{name}.png"
        small.save(path, optimize=True)
        if path.stat().st_size > LARGEST:
            raise RuntimeError(f"{path} has {path.stat().st_size} bytes")

    async def look(self, name: str, size: str, theme: str = "light", place: str = "") -> None:
        """A screen of its own for one picture, while the gym stands still."""
        async with self.screen(size, theme, place) as walker:
            await walker.page.wait_for_function(
                "!document.querySelector('[data-stale=true]') && document.querySelector('[data-phase]')"
            )
            await self.take(walker, name)

    async def until_step(self, treadmill: str, step: int) -> None:
        """Let the session come to the middle of a step."""
        while True:
            state = self.gym.state(treadmill)
            if state.step is not None and state.step.index >= step and state.step.remaining < 22:
                return
            await asyncio.sleep(0.02)


async def take_session(studio: Studio) -> None:
    """A session on one treadmill, from the choice to an alarm."""
    gym = studio.gym
    async with studio.screen("phone") as phone, studio.screen("tablet", "dark") as tablet:
        for walker in (phone, tablet):
            await walker.press("program", program="demo")
            await walker.sees("program", program="demo", selected="true")
        await studio.take(phone, "choose-phone")
        await studio.take(tablet, "choose-tablet-dark")
        await phone.arm("demo")
        gym.pace(1)
        await phone.find("check-clip").check()
        await phone.find("check-rails").check()
        await studio.take(phone, "armed-phone")
        gym.pace(4)
        await phone.confirm()
        await phone.phase("running")
        gym.pace(20)
        await studio.until_step("home", STEP)
        gym.pace(1)
        await studio.look("running-tablet", "tablet", "light")
        await studio.look("running-tablet-dark", "tablet", "dark")
        await studio.look("running-wall", "wall", "dark", "#/t/home/wall")
        await studio.take(phone, "running-phone")
        await studio.look("running-phone-dark", "phone", "dark")
        gym.pace(20)
        await phone.phase("turning")
        await phone.sees("confirm")
        gym.pace(1)
        await studio.take(phone, "turn-phone")
        await studio.look("turn-wall", "wall", "dark", "#/t/home/wall")
        await phone.hold("confirm", until="countdown|starting|running")
        gym.pace(8)
        await phone.phase("running")
        gym.lose_link("home", LINK_LOST_MS)
        await phone.sees("alarm")
        await studio.take(phone, "alarm-phone")


async def take_gym(studio: Studio) -> None:
    """The overview of a gym in the middle of the afternoon."""
    async with studio.screen("tablet", "light", "#/t/bay-1") as walker:
        await walker.walk("demo")
        await walker.page.goto(f"{studio.gym.url}#/t/bay-3")
        await walker.walk("first-steps")
    async with studio.screen("tablet", "light", "#/t/bay-2") as walker:
        await walker.arm("easy-intervals")
    studio.gym.pace(1)
    await studio.look("gym-tablet", "tablet", "light", "#/gym")
    await studio.look("gym-wall", "wall", "dark", "#/gym")


async def _take(target: Path) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async with open_browser() as browser:
        with tempfile.TemporaryDirectory() as directory:
            async with Gym(Path(directory), {"home": "ideal"}) as gym:
                await take_session(Studio(gym, browser, target))
        machines = {"bay-1": "ideal", "bay-2": "k12", "bay-3": "citysports", "bay-4": "ideal"}
        with tempfile.TemporaryDirectory() as directory:
            async with Gym(Path(directory), machines, title="Gym, first floor") as gym:
                await take_gym(Studio(gym, browser, target))


def take_page(target: Path) -> None:
    """Make all pictures of the page in a directory."""
    asyncio.run(_take(target))


if __name__ == "__main__":
    take_page(Path(sys.argv[1]))
