"""Several treadmills, a wall, and a broker that asks for a name."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.async_api import expect

from backstride.cli.page_site import PageSettings, Site
from backstride.domain.session import Phase
from backstride.mqtt.broker import BrokerFiles

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.hazard("H19")
async def test_the_overview_shows_every_treadmill_and_stops_the_one_that_is_meant(open_gym, visit):
    gym = await open_gym({"left": "ideal", "right": "k12"})
    walker = await visit(f"{gym.url}#/t/left")
    await walker.walk("demo")
    other = await visit(gym.url)
    await other.sees("gym")
    await other.sees("card", treadmill="left", phase="running")
    await other.sees("card", treadmill="right", phase="idle")
    assert await other.find("card").count() == 2
    await other.find("stop", treadmill="left").click()
    await other.sees("card", treadmill="left", phase="finished")
    assert gym.machine("left").drive.belt.value == 0
    assert gym.machine("right").log.starts == []
    # The first phone was told as well.
    await walker.phase("finished")


async def test_the_wall_shows_the_session_large(open_gym, visit):
    gym = await open_gym()
    walker = await visit(gym.url)
    await walker.walk("demo")
    wall = await visit(f"{gym.url}#/t/home/wall", viewport={"width": 1920, "height": 1080})
    await wall.sees("wall")
    for name in ("speed", "stop", "next", "script-chart"):
        await expect(wall.find(name).first).to_be_in_viewport(ratio=1)
    size = await wall.find("speed").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    # Read from 3 m away, walking: 1/10 of the screen's height at least.
    assert size >= 108


async def test_any_web_server_can_serve_what_is_exported(open_gym, visit, tmp_path):
    gym = await open_gym()
    Site(PageSettings(broker=f"ws://:{gym.broker.websockets}")).write(tmp_path / "www")
    handler = functools.partial(QuietHandler, directory=tmp_path / "www")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            walker = await visit(f"http://127.0.0.1:{server.server_port}/")
            await walker.arm("demo")
        finally:
            await asyncio.to_thread(server.shutdown)
            thread.join()
    assert gym.phase("home") is Phase.ARMED


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def login(tmp_path):
    from web_gym import Login

    passwords, own = tmp_path / "passwords", tmp_path / "own-password"
    passwords.touch(mode=0o600)
    for user, password in (("daemon", "d-secret"), ("coach", "c-secret"), ("wall", "w-secret")):
        subprocess.run(
            ["mosquitto_passwd", "-b", str(passwords), user, password],
            check=True,
            capture_output=True,
        )
    own.write_text("d-secret")
    own.chmod(0o600)
    acl = tmp_path / "acl"
    acl.write_text(
        "user daemon\ntopic readwrite backstride/#\n"
        "user coach\ntopic readwrite backstride/#\n"
        "user wall\ntopic read backstride/#\n"
    )
    acl.chmod(0o600)
    return Login("daemon", own, BrokerFiles(passwords=passwords, acl=acl))


async def stored(walker):
    return await walker.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


async def test_a_name_and_a_password_are_asked_for_and_kept_only_if_told(open_gym, visit, login):
    gym = await open_gym(login=login)
    walker = await visit(gym.url)
    await walker.sees("login")
    await walker.find("login-user").fill("coach")
    await walker.find("login-password").fill("wrong")
    await walker.press("login-submit")
    await walker.sees("login-error")
    await walker.find("login-password").fill("c-secret")
    await walker.press("login-submit")
    await walker.sees("arm")
    assert "c-secret" not in await stored(walker)
    assert await walker.find("login-password").count() == 0
    await walker.page.reload()
    await walker.sees("login")
    await walker.find("login-user").fill("coach")
    await walker.find("login-password").fill("c-secret")
    await walker.find("login-keep").check()
    await walker.press("login-submit")
    await walker.sees("arm")
    await walker.page.reload()
    await walker.sees("arm")
    kept = await walker.page.evaluate("localStorage.getItem('backstride.login')")
    assert {"user": "coach", "password": "c-secret"}.items() <= json.loads(kept).items()
    await walker.page.goto(f"{gym.url}#/settings")
    await walker.press("forget-login")
    assert "c-secret" not in await stored(walker)


@pytest.mark.hazard("H12")
async def test_who_may_only_look_is_told_that_a_stop_goes_nowhere(open_gym, visit, login):
    gym = await open_gym(login=login)
    walker = await visit(f"{gym.url}#/t/home")
    await walker.find("login-user").fill("wall")
    await walker.find("login-password").fill("w-secret")
    await walker.press("login-submit")
    await walker.sees("arm")
    await walker.press("stop")
    await expect(walker.find("stop")).to_have_attribute("data-state", "forbidden", timeout=10_000)
    await walker.reads("stop-note", "safety clip")
    await walker.press("arm")
    await expect(walker.find("message")).to_have_attribute("data-code", "not_allowed")


async def test_the_servers_files_hold_no_password(open_gym, login):
    gym = await open_gym(login=login)
    said = b"".join(file.body for file in gym.page.site._files.values())
    assert b"d-secret" not in said
