"""Removed, and purged: what stays, and that nothing does."""

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


async def test_removing_keeps_the_data_and_purging_leaves_nothing(home, belt, row):
    await home.settle(belt)
    await home.guest.run(
        "DEBIAN_FRONTEND=noninteractive apt-get remove -y -q backstride", timeout=300
    )
    assert "/etc/backstride/backstride.toml" in await home.guest.run("find /etc/backstride")
    assert "journal" in await home.guest.run("find /var/lib/backstride")
    await home.guest.run(
        "DEBIAN_FRONTEND=noninteractive apt-get purge -y -q backstride", timeout=300
    )
    left = await home.guest.run(
        "rm -f /home/walker/*.deb; find / -xdev -iname '*backstride*' ! -path '/proc/*' ! -path '/var/log/*'"
        " ! -path '/var/cache/*'"
    )
    assert "" == left.strip()
    assert "no such user" in await home.guest.run("id backstride", check=False)
    assert 0 == belt.speed
    row("kept by remove, gone after purge")
