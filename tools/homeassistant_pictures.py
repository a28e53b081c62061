"""Pictures of the shipped dashboard in a real Home Assistant; arguments: its environment, the folder."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.async_api import async_playwright

from backstride.mqtt.broker import Mosquitto, free_port

ROOT: Final = Path(__file__).resolve().parents[1]
# The tests' house and daemon.
sys.path.append(str(ROOT / "tests" / "homeassistant"))

from house import House  # noqa: E402  see above
from household import Daemon, furnish, log_in  # noqa: E402  see above

SCREENS: Final[dict[str, dict[str, Any]]] = {
    "phone": {"viewport": {"width": 412, "height": 915}, "color_scheme": "light"},
    "tablet": {"viewport": {"width": 1180, "height": 820}, "color_scheme": "dark"},
}
PROGRAM: Final = "Demo"
SETTLED_MS: Final = 5_000
"""Graphs and icons come after the page."""
COLOURS: Final = 128


async def take(house: House, target: Path) -> None:
    """Take a picture of each screen."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, options in SCREENS.items():
            page = await browser.new_page(**options)
            await page.add_init_script(log_in(house.port))
            await page.goto(f"http://127.0.0.1:{house.port}/treadmill-view/treadmill")
            await page.get_by_text("STOP", exact=True).wait_for()
            await page.wait_for_timeout(SETTLED_MS)
            picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
            path = target / f"homeassistant-{name}.png"
            picture.quantize(COLOURS).save(path, optimize=True)
            print(path, path.stat().st_size)
        await browser.close()


async def main(environment: str, target: Path) -> None:
    """Walk a little, and take the pictures meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "daemon").mkdir()
        async with Mosquitto(directory) as broker:
            daemon = Daemon(directory / "daemon", broker.port)
            house = House(
                f"{environment}/bin/python",
                directory / "house",
                port=free_port(),
                broker_port=broker.port,
            )
            furnish(house)
            await daemon.start()
            try:
                await house.start()
                await house.reach("sensor.treadmill_speed", "0.0")
                await house.begin("treadmill", PROGRAM)
                await house.reach("sensor.treadmill_speed", "1.5", "1.6")
                await take(house, target)
                await house.rest("treadmill")
            finally:
                await house.stop()
                await daemon.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
