"""A newer package: refused while somebody walks, and with everything kept when nobody does."""

import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

INSTALL = "cd /home/walker && DEBIAN_FRONTEND=noninteractive apt-get install -y -q ./newer.deb"
NEWER = "99.0"
PASSING = ("lock", "pid", "*-wal", "*-shm")
KEPT = "cd / && find etc/backstride var/lib/backstride -type f " + " ".join(
    f"! -name '{name}'" for name in PASSING
)


@pytest.fixture(scope="session")
def newer(package, tmp_path_factory):
    """The same package with a higher version."""
    tree = tmp_path_factory.mktemp("newer") / "tree"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = tree / "DEBIAN/control"
    lines = control.read_text().splitlines()
    control.write_text(
        "\n".join(f"Version: {NEWER}" if line.startswith("Version:") else line for line in lines)
        + "\n"
    )
    place = tree.parent / "newer.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, place],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(tree)
    return place


@pytest.mark.hazard("H25")
async def test_an_upgrade_is_refused_during_a_session_and_keeps_everything_after_it(
    home, walking, newer, row
):
    await home.guest.put(newer, "/home/walker/newer.deb")
    said = await home.guest.run(INSTALL, check=False, timeout=300)
    assert "a session is running on treadmill" in said
    assert walking.speed
    assert "running" == home.phase(walking)
    asked = walking.now
    await home.command(walking, "stop")
    await walking.rest(asked)
    await home.settle(walking)
    before, sheet = (
        await home.guest.run(KEPT),
        await home.guest.run("cat /etc/backstride/backstride.toml"),
    )
    assert "journal" in before
    began = walking.now
    await home.guest.run(INSTALL, timeout=300)
    assert NEWER in await home.guest.run("dpkg-query -W backstride")
    assert "active" == await home.unit("ActiveState")
    after = await home.guest.run(KEPT)
    assert set() == set(before.split()) - set(after.split())
    assert sheet == await home.guest.run("cat /etc/backstride/backstride.toml")
    await home.settle(walking)
    row(
        f"refused; then {(walking.now - began) / 1000:.0f} s to a ready daemon,"
        f" {len(after.split())} files kept"
    )
