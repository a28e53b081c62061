"""Who may do what, with a real mosquitto and the files as `backstride broker init` writes them."""

import asyncio
import contextlib
import socket
from datetime import timedelta

import aiomqtt
import pytest

from backstride.mqtt import topics
from backstride.provisioning import roles
from backstride.provisioning.authority import Authority, utc_now
from backstride.provisioning.drafts import Newcomer, draft_add, draft_revoke
from backstride.provisioning.mosquitto import LARGEST_PACKET, Flavour, Kind
from backstride.provisioning.roles import Role

HOME = pytest.param(Kind.HOME, Flavour.V20, id="home-2.0")
GYM = pytest.param(Kind.GYM, Flavour.V20, id="gym-2.0")
HOME_21 = pytest.param(Kind.HOME, Flavour.V21, id="home-2.1")
GYM_21 = pytest.param(Kind.GYM, Flavour.V21, id="gym-2.1")
ALL = pytest.mark.parametrize(("kind", "flavour"), [HOME, GYM, HOME_21, GYM_21])
COACH = {Kind.HOME: "people", Kind.GYM: "coach"}
MILL = "backstride/mill-1"
REFUSED = (aiomqtt.MqttError, OSError)

# paho leaves the socket of a failed handshake to the garbage collector, which says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@ALL
@pytest.mark.hazard("H27")
async def test_each_role_does_what_it_is_for_and_nothing_else(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    mill = await site.connect("mill-1", f"{MILL}/command", f"{MILL}/command/+")
    other = await site.connect("mill-2", "backstride/#")
    coach = await site.connect(COACH[kind], "backstride/#", "homeassistant/#")
    wall = await site.connect("wall", "backstride/#")

    for name in ("command", "command/start", "command/stop"):
        await wall.say(f"{MILL}/{name}", "from the wall")
        await other.say(f"{MILL}/{name}", "from another treadmill")
    await coach.say(f"{MILL}/command", "from a coach")
    await coach.say(f"{MILL}/command/stop", "from a coach")
    await mill.say(f"{MILL}/command", "end")
    assert await mill.hear_until("end") == [
        f"{MILL}/command from a coach",
        f"{MILL}/command/stop from a coach",
    ]

    for name in ("state", "response", "response/phone", "availability", "cue", "info"):
        for liar in (other, coach, wall):
            await liar.say(f"{MILL}/{name}", "a lie", retain=True)
    await other.say("homeassistant/device/mill-1/config", "a lie", retain=True)
    told = ("state", "cue", "response", "response/phone", *roles.PERSONAL)
    for name in told:
        await mill.say(f"{MILL}/{name}", "the truth")
    await mill.say(f"{MILL}/event", "end")
    truths = [f"{MILL}/{name} the truth" for name in told]
    # The commands are not among what they hear: a PIN may be in them.
    assert await coach.hear_until("end") == truths
    # Who walks is nothing for a screen on the wall, nor what was answered to somebody.
    assert await wall.hear_until("end") == truths[:2]
    await other.say("backstride/mill-2/event", "end of the other")
    assert await other.hear_until("end of the other") == []
    assert not any("deprecated" in line for line in site.broker.log)


@ALL
@pytest.mark.hazard("H27")
async def test_nobody_leaves_a_will_that_speaks_for_a_treadmill(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    coach = await site.connect(COACH[kind], "backstride/#")
    will = aiomqtt.Will(f"{MILL}/availability", "a lie", qos=1, retain=True)

    for liar in ("mill-2", COACH[kind], "wall"):
        with contextlib.suppress(*REFUSED):
            client = await site.connect(liar, **site.proof(liar), will=will)
            client.vanish()
    mill = await site.connect("mill-1")
    await mill.say(f"{MILL}/event", "end")

    assert await coach.hear_until("end") == []


@ALL
@pytest.mark.hazard("H27")
async def test_nobody_without_a_name_is_let_in(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    listeners, context = site.house.listeners, site.proof("wall")["tls_context"]
    tries = {
        "no name": {"port": listeners.tls, "tls_context": context},
        "no TLS": {"port": listeners.tls, "username": "wall", "password": "x"},
        "no name in a browser": {
            "port": listeners.websockets, "tls_context": context, "transport": "websockets",
        },
        "a wrong password in a browser": {
            "port": listeners.websockets, "tls_context": context, "transport": "websockets",
            "username": "wall", "password": "x",
        },
        "a treadmill's name in a browser": {
            "port": listeners.websockets, "tls_context": context, "transport": "websockets",
            "username": "mill-1", "password": "",
        },
    }  # fmt: skip
    if kind is Kind.GYM:
        login = {"username": "coach", "password": site.passwords["coach"]}
        tries["a password where a certificate is asked for"] = {**tries["no name"], **login}
        stranger = Authority.make("somebody else", utc_now()).issue_client("mill-1", utc_now())
        tries["another authority's certificate"] = {
            "port": listeners.tls,
            "tls_context": with_certificate(site, stranger),
        }

    let_in = []
    for what, proof in tries.items():
        try:
            await site.connect("nobody", **proof)
        except REFUSED:
            continue
        let_in.append(what)

    assert let_in == []


def with_certificate(site, identity):
    context = site.proof("wall")["tls_context"]
    place = site.house.directory
    (place / "test.pem").write_bytes(identity.certificate)
    (place / "test.key").write_bytes(identity.key)
    context.load_cert_chain(place / "test.pem", place / "test.key")
    return context


@pytest.mark.parametrize(("kind", "flavour"), [GYM, GYM_21])
@pytest.mark.hazard("H27")
async def test_an_expired_certificate_is_refused(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    long_ago = utc_now() - timedelta(days=801)
    expired = site.house.load_authority(utc_now()).issue_client("mill-1", long_ago)
    good = await site.connect("mill-1", f"{MILL}/command")

    with pytest.raises(REFUSED):
        await site.connect(
            "mill-1",
            port=site.house.listeners.tls,
            tls_context=with_certificate(site, expired),
        )
    await asyncio.wait_for(site.broker.logged("expired"), 10)

    await good.say(f"{MILL}/command", "end")
    assert await good.hear_until("end") == []


@ALL
@pytest.mark.hazard("H27")
async def test_who_was_revoked_is_refused_and_the_others_are_not(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    house = site.house
    kept = site.proof("mill-1")
    await site.connect("mill-1")

    draft_revoke(house, "mill-1", utc_now()).plan.apply(site.owner)
    await site.clients.aclose()
    await site.broker.stop()
    await site.broker.start()

    with pytest.raises(REFUSED):
        await site.connect("mill-1", **kept)
    await site.connect("mill-2")
    assert "mill-1" not in house.files.acl.read_text()
    assert house.find("mill-1") is None

    # The same name again: its new proof is good, the old one stays bad.
    newcomer = Newcomer(name="mill-1", role=Role.DAEMON, treadmills=("mill-1",))
    draft_add(house, (newcomer,), utc_now()).plan.apply(site.owner)
    await site.clients.aclose()
    await site.broker.stop()
    await site.broker.start()

    await site.connect("mill-1")
    with pytest.raises(REFUSED):
        await site.connect("mill-1", **kept)


@ALL
async def test_a_coach_of_one_treadmill_commands_that_one_only(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    newcomer = Newcomer(name="anna", role=Role.COACH, treadmills=("mill-1",))
    draft = draft_add(site.house, (newcomer,), utc_now())
    draft.plan.apply(site.owner)
    site.passwords |= draft.shown
    await site.reload()
    first = await site.connect("mill-1", f"{MILL}/command")
    second = await site.connect("mill-2", "backstride/mill-2/command")
    anna = await site.connect("anna")

    await anna.say(f"{MILL}/command", "hers")
    await anna.say("backstride/mill-2/command", "not hers")
    await first.say(f"{MILL}/command", "end")
    await second.say("backstride/mill-2/command", "end")

    assert await first.hear_until("end") == [f"{MILL}/command hers"]
    assert await second.hear_until("end") == []


async def test_home_assistant_commands_and_hears_discovery_and_says_that_it_is_there(make_site):
    site = await make_site(Kind.HOME)
    mill = await site.connect("mill-1", f"{MILL}/command", "homeassistant/status")
    ha = await site.connect("homeassistant", "homeassistant/#")

    await ha.say("homeassistant/status", "online")
    await ha.say("homeassistant/device/mill-1/config", "a lie")
    await ha.say(f"{MILL}/command", "from Home Assistant")
    await ha.say(f"{MILL}/state", "a lie")
    await mill.say("homeassistant/device/mill-1/config", "device")
    await mill.say(f"{MILL}/command", "end")

    assert await ha.hear_until("device") == ["homeassistant/status online"]
    assert await mill.hear_until("end") == [
        "homeassistant/status online",
        f"{MILL}/command from Home Assistant",
    ]


@ALL
async def test_a_message_too_large_reaches_nobody(make_site, kind, flavour):
    site = await make_site(kind, flavour)
    mill = await site.connect("mill-1", f"{MILL}/command")

    for name, topic in ((COACH[kind], f"{MILL}/command"), ("mill-2", "backstride/mill-2/state")):
        sender = await site.connect(name)
        saying = asyncio.create_task(sender.say(topic, "x" * 10 * LARGEST_PACKET))
        # Where mosquitto ends the connection for it, the client's library waits for its whole timeout.
        await asyncio.wait({saying}, timeout=1)
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)

    await mill.say(f"{MILL}/command", "end")
    assert await mill.hear_until("end") == []


async def test_nothing_listens_without_tls(make_site):
    site = await make_site(Kind.HOME)
    ports = (site.house.listeners.tls, site.house.listeners.websockets)

    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            # CONNECT, MQTT 5, without a name.
            plain.sendall(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00")
            plain.settimeout(10)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                answer = plain.recv(100)
        assert not answer.startswith(b"\x20")


def test_the_roles_name_every_topic_that_there_is():
    outward = {row.name for row in topics.TABLE if row.direction is topics.Direction.OUT}
    inward = {row.name for row in topics.TABLE if row.direction is topics.Direction.IN}

    assert outward | {"response/+"} == set(roles.OUTWARD)
    assert inward == set(roles.INWARD)
