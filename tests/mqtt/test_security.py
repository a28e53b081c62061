"""Passwords, TLS, certificates and access lists, and what the link makes of a refusal."""

import asyncio
import subprocess

import pytest

from backstride.domain.events import Ask, BusUp, CueHeard, Request
from backstride.mqtt.broker import BrokerFiles
from backstride.mqtt.settings import BrokerSettings, Tls
from backstride.ports import Publication

PREFIX = "backstride/gym"


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "passwords"
    for index, user in enumerate(("gym", "wall")):
        flags = ["-b", "-c"] if index == 0 else ["-b"]
        subprocess.run(
            ["mosquitto_passwd", *flags, path, user, f"secret-{user}"],
            check=True,
            capture_output=True,
        )
    return path


async def test_user_and_password_are_sent(start_broker, passwords, make_bench):
    broker = await start_broker(BrokerFiles(passwords=passwords))

    bench = make_bench(broker.port, user="gym", password="secret-gym")

    await bench.up()


@pytest.mark.hazard("H27")
async def test_a_wrong_password_is_tried_again_and_never_shown(
    start_broker, passwords, make_bench, capsys
):
    broker = await start_broker(BrokerFiles(passwords=passwords))

    bench = make_bench(broker.port, user="gym", password="secret-wrong")
    await asyncio.wait_for(broker.logged("not authorised"), 10)
    await broker.changed()

    assert bench.events.of(BusUp) == []
    assert "secret" not in capsys.readouterr().out


def test_settings_do_not_show_the_password():
    settings = BrokerSettings(treadmill="gym", user="gym", password="secret")
    assert "secret" not in f"{settings!r} {settings}"


async def test_tls_with_our_own_authority(start_broker, certificates, make_bench):
    files = BrokerFiles(certificate=certificates / "server.pem", key=certificates / "server.key")
    broker = await start_broker(files)

    bench = make_bench(broker.port, tls=Tls(ca=str(certificates / "ca.pem")))
    await bench.up()

    assert "TLS" not in "\n".join(broker.log)


async def test_tls_and_password_and_commands_together(
    start_broker, certificates, passwords, make_bench
):
    files = BrokerFiles(
        passwords=passwords,
        certificate=certificates / "server.pem",
        key=certificates / "server.key",
    )
    broker = await start_broker(files)
    bench = make_bench(
        broker.port,
        user="gym",
        password="secret-gym",
        tls=Tls(ca=str(certificates / "ca.pem")),
    )
    await bench.up()

    # A payload larger than a TLS record, and a stop behind it in the same stream.
    for payload in ("x" * 60_000, "stop"):
        publisher = await asyncio.create_subprocess_exec(
            *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1"),
            *("-u", "gym", "-P", "secret-gym", "--cafile", str(certificates / "ca.pem")),
            *("-t", f"{PREFIX}/command", "-m", payload),
        )
        assert await publisher.wait() == 0

    await bench.events.until(Ask.STOP)
    assert bench.bus.counters()["errors"] == 1


# paho leaves the socket of a failed handshake to the garbage collector, which says so.
@pytest.mark.hazard("H27")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_server_of_another_authority_is_not_trusted(start_broker, certificates, make_bench):
    files = BrokerFiles(certificate=certificates / "server.pem", key=certificates / "server.key")
    broker = await start_broker(files)

    bench = make_bench(broker.port, tls=Tls(ca=str(certificates / "other.pem")))
    await asyncio.wait_for(broker.logged("alert"), 10)

    assert bench.events.of(BusUp) == []


async def test_a_missing_certificate_file_does_not_end_the_service(broker, make_bench):
    bench = make_bench(broker.port, tls=Tls(ca="/nowhere/ca.pem"), retry_after=0.01)
    await asyncio.sleep(0.1)  # several attempts: nothing can be waited for when nothing happens

    assert bench.events.of(BusUp) == []
    assert not bench.task.done()


@pytest.mark.hazard("H27")
async def test_a_client_certificate_names_the_treadmill(
    start_broker, certificates, make_bench, tmp_path
):
    acl = tmp_path / "acl"
    acl.write_text("pattern readwrite backstride/%u/#\n")
    files = BrokerFiles(
        acl=acl,
        ca=certificates / "ca.pem",
        certificate=certificates / "server.pem",
        key=certificates / "server.key",
        require_certificate=True,
    )
    broker = await start_broker(files)

    def tls(name):
        return Tls(
            ca=str(certificates / "ca.pem"),
            certificate=str(certificates / f"{name}.pem"),
            key=str(certificates / f"{name}.key"),
        )

    gym = make_bench(broker.port, tls=tls("gym"))
    await gym.up()
    assert gym.bus.counters()["publishes_refused"] == 0

    spoofer = make_bench(broker.port, tls=tls("stranger"), client_id="spoofer")
    await spoofer.up()
    assert spoofer.bus.counters()["publishes_refused"] == 1


@pytest.fixture
async def guarded(start_broker, passwords, tmp_path):
    acl = tmp_path / "acl"
    acl.write_text(
        "user gym\n"
        f"topic write {PREFIX}/availability\n"
        f"topic write {PREFIX}/event\n"
        f"topic write {PREFIX}/response\n"
        f"topic read {PREFIX}/command/#\n"
        "user wall\n"
        "topic read backstride/#\n"
    )
    return await start_broker(BrokerFiles(passwords=passwords, acl=acl))


@pytest.mark.hazard("H27")
async def test_a_publish_that_the_access_list_refuses_is_noticed_counted_and_logged(
    guarded, make_bench, observe, capsys
):
    bench = make_bench(guarded.port, user="gym", password="secret-gym")
    await bench.up()
    observer = await observe(guarded.port, username="wall", password="secret-wall")
    bench.bus.publish(Publication("state", b"1", retain=True))
    bench.bus.publish(Publication("cue", b"step on", cue=1))
    bench.bus.publish(Publication("event", b"end"))

    await observer.next(f"{PREFIX}/event")

    assert bench.bus.counters()["publishes_refused"] == 2
    assert bench.events.of(CueHeard) == []
    assert "mqtt_publish_refused" in capsys.readouterr().out


@pytest.mark.hazard("H27")
async def test_who_may_only_read_cannot_command(guarded, make_bench, observe):
    bench = make_bench(guarded.port, user="gym", password="secret-gym")
    await bench.up()
    wall = await observe(guarded.port, username="wall", password="secret-wall")

    await wall.send("command", "stop")
    bench.bus.publish(Publication("event", b"after"))
    await wall.next(f"{PREFIX}/event")

    assert bench.events.of(Request) == []
    assert bench.bus.counters()["messages"] == 0
