"""A broker that refuses the daemon: the remedy is for the way in which the password came here."""

import asyncio

import pytest

from backstride.mqtt.broker import BrokerFiles, Mosquitto
from backstride.service.config import read_config
from backstride.service.doctor.broker import check_broker


@pytest.fixture
async def port(tmp_path):
    """A broker that knows nobody but `wall`."""
    files = BrokerFiles(passwords=tmp_path / "passwords", acl=tmp_path / "acl")
    command = ["mosquitto_passwd", "-b", "-c", files.passwords, "wall", "hunter2"]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
    files.acl.touch()
    async with Mosquitto(tmp_path, files=files) as broker:
        yield broker.port


@pytest.mark.parametrize(
    ("lines", "remedy"),
    [
        ('user = "mill-1"\npassword_file = "{}"', "copy its treadmills/mill-1/* into /etc/backstride/broker"),
        ('user = "me"\ncredential = "mqtt"\npassword_file = "{}"', "sudo backstride setup, with"),
        ("", "name it here with `user` and `password_file`"),
    ],
    ids=["copied from our broker", "stored by setup", "none"],
)  # fmt: skip
async def test_the_remedy_for_a_refused_login(host, port, lines, remedy):
    secret = host.root / "password"
    secret.write_text("hunter3")
    secret.chmod(0o640)
    lines = lines.format(secret)
    file = host.configure(
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\n{lines}\n[[treadmill]]\nid = "mill-1"\n'
    )
    (found,) = await check_broker(host.place, read_config(file))
    assert remedy in found.remedy
    assert "hunter" not in str(found)
