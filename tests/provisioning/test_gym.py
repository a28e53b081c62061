"""A gym out of a list of machines, and its line to a hub: two real brokers, each with its own access list."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

from backstride.cli.main import main
from backstride.mqtt.broker import Mosquitto, free_port
from backstride.provisioning.authority import utc_now
from backstride.provisioning.bridge import Bridge
from backstride.provisioning.drafts import Newcomer, draft_add, draft_init
from backstride.provisioning.gym import MARK, draft_gym
from backstride.provisioning.house import House
from backstride.provisioning.mosquitto import Kind, Listeners
from backstride.provisioning.plan import ProvisioningError
from backstride.provisioning.roles import BRIDGED, PERSONAL, Role
from backstride.service.config import read_config
from backstride.service.identity import take_own

WAIT_S = 20.0
OWNER = (
    "mosquitto"
    if os.geteuid() == 0 and any(user.pw_name == "mosquitto" for user in pwd.getpwall())
    else None
)
"""Who mosquitto becomes when root starts it."""
LIST = (
    "id,name,host,address\n"
    "mill-1,Window,pi-1,AA:BB:CC:DD:EE:01\n"
    "mill-2,Door,pi-1,AA:BB:CC:DD:EE:02\n"
    "mill-3,Wall,pi-2,AA:BB:CC:DD:EE:03\n"
)


# -- the list ----------------------------------------------------------------------------------------


@pytest.fixture
def provision(tmp_path, capsys):
    """`backstride gym provision` of a list, into a directory of the test's."""

    def provision(text, *words):
        (tmp_path / "machines.csv").write_text(text)
        capsys.readouterr()
        place = ("--directory", str(tmp_path / "gym"))
        code = main(["gym", "provision", str(tmp_path / "machines.csv"), *place, *words])
        return int(code), "".join(capsys.readouterr())

    provision.gym = tmp_path / "gym"
    return provision


def files(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_list_makes_access_for_each_machine_and_one_configuration_for_all_hosts(provision):
    code, told = provision(LIST, "--host", "broker.gym.example")

    config = read_config(provision.gym / "backstride.toml")
    assert code == 0, told
    assert [each.id for each in take_own(config, "pi-1").treadmills] == ["mill-1", "mill-2"]
    assert [each.id for each in take_own(config, "pi-2").treadmills] == ["mill-3"]
    assert (config.broker.host, config.broker.port) == ("broker.gym.example", 8883)
    for name in ("mill-1", "mill-2", "mill-3"):
        made = provision.gym / "treadmills" / name
        assert {f"{name}.pem", f"{name}.key", "ca.pem"} <= {path.name for path in made.iterdir()}
    assert f"pi-2: {provision.gym}/treadmills/mill-3/*" in told


def test_what_it_says_to_do_leads_to_sheets_and_a_service_that_comes_back_after_a_reboot(provision):
    _, told = provision(LIST, "--host", "broker.gym.example")
    steps = (
        "mkdir -p /etc/backstride/broker",
        "sudo backstride doctor",
        "sudo -u backstride backstride commission --id ID",
        "the column `sheet`",
        "systemctl enable --now backstride",
    )
    places = [told.index(step) for step in steps]
    assert places == sorted(places)

    sheet = "/var/lib/backstride/machines/mill-1.yaml"
    (head, first, *rest) = LIST.splitlines()
    provision("\n".join((f"{head},sheet", f"{first},{sheet}", *(f"{row}," for row in rest))))
    config = read_config(provision.gym / "backstride.toml")
    # The path that `commission` prints, because it keeps its sheets where the service's state is.
    assert (sheet, None) == tuple(each.sheet for each in config.treadmills[:2])
    assert config.service.state_directory == str(Path(sheet).parents[1])


def test_the_same_list_again_changes_nothing(provision):
    provision(LIST, "--host", "broker.gym.example")
    before = files(provision.gym)

    code, told = provision(LIST)

    assert (code, "nothing was changed" in told, files(provision.gym) == before) == (0, True, True)


def test_a_longer_list_adds_what_is_new_and_keeps_what_people_wrote(provision):
    provision(LIST, "--host", "broker.gym.example")
    shared = provision.gym / "backstride.toml"
    shared.write_text(shared.read_text().replace(MARK, f'[site]\nname = "Oslo"\n\n{MARK}'))
    before = files(provision.gym)

    code, told = provision(LIST + "mill-4,New,pi-2,AA:BB:CC:DD:EE:04\n")

    after = files(provision.gym)
    changed = {name for name in before if before[name] != after[name]}
    config = read_config(shared)
    assert code == 0, told
    # People and screens keep their passwords: nothing but the access list grew.
    assert changed == {"backstride.toml", "broker/acl"}
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {
        "treadmills",
        "authority",
    }
    assert (config.site.name, [each.id for each in config.treadmills][-1]) == ("Oslo", "mill-4")


def test_a_machine_that_left_the_list_keeps_its_access_until_it_is_revoked(provision):
    provision(LIST, "--host", "broker.gym.example")

    _, told = provision(LIST.rpartition("mill-3")[0])

    assert "mill-3 is not in machines.csv and keeps its access" in told
    assert [t.id for t in read_config(provision.gym / "backstride.toml").treadmills][-1] == "mill-2"


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        (LIST.replace("pi-2", "pi 2"), (), "row 4, column host: is 'pi 2'"),
        (LIST.replace("mill-3", "coach"), (), "'coach' is somebody else's name"),
        (LIST, (), "say where the broker is: --host"),
    ],
)
def test_a_list_that_cannot_be_used_leaves_nothing_half_written(provision, text, words, told):
    more = words if "--host" in told else ("--host", "broker.gym.example")

    code, said = provision(text, *more)

    assert (code != 0, told in said, provision.gym.exists()) == (True, True, False)


def test_a_write_that_fails_takes_back_what_was_new(provision):
    provision(LIST, "--host", "broker.gym.example")
    # A directory where a file must go: not even root can write there.
    (provision.gym / "treadmills" / "mill-5" / "mill-5.key").mkdir(parents=True)
    before = files(provision.gym)

    code, said = provision(
        LIST + "mill-4,,pi-1,AA:BB:CC:DD:EE:04\nmill-5,,pi-1,AA:BB:CC:DD:EE:05\n"
    )

    assert (code, "exists already" in said, files(provision.gym) == before) == (1, True, True)


def test_a_configuration_without_its_line_is_left_alone(provision):
    provision(LIST, "--host", "broker.gym.example")
    shared = provision.gym / "backstride.toml"
    shared.write_text(shared.read_text().replace(MARK, ""))

    code, said = provision(LIST)

    assert (code, MARK in said) == (1, True)


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(provision):
    code, said = provision(LIST, "--host", "broker.gym.example", "--dry-run")

    assert (code, provision.gym.exists()) == (0, False)
    assert f"would write  0644 {provision.gym}/backstride.toml" in said


def test_a_treadmill_cannot_have_the_name_of_a_person_who_is_there(tmp_path):
    house = House(
        directory=tmp_path / "gym", kind=Kind.GYM, hosts=("localhost",), prefix="backstride",
        listeners=Listeners(),
    )  # fmt: skip
    draft_init(house, (), tmp_path, utc_now()).plan.apply()
    anna = Newcomer(name="anna", role=Role.COACH)
    draft_add(house, (anna,), utc_now()).plan.apply()

    with pytest.raises(ProvisioningError, match="'anna' is the name of coach"):
        draft_gym(house, ("anna",), "", tmp_path, utc_now())


# -- the line to a hub -------------------------------------------------------------------------------


@pytest.fixture
def place():
    """A directory that mosquitto can enter after it gave root's rights away."""
    path = Path(tempfile.mkdtemp(prefix="backstride-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def make_house(place, name, treadmills):
    house = House(
        directory=place / name, kind=Kind.GYM, hosts=("127.0.0.1",), prefix="backstride",
        listeners=Listeners(tls=free_port(), websockets=free_port()),
    )  # fmt: skip
    return house, draft_init(house, treadmills, place, utc_now())


async def settle(speaker, listener, topic):
    """Say a word until it is heard: what is said before a bridge is up is lost."""
    hearing = asyncio.create_task(listener.hear_until("settled"))
    async with asyncio.timeout(WAIT_S):
        while not hearing.done():
            await speaker.say(topic, "settled")
            await asyncio.wait({hearing}, timeout=0.1)
    # It may have been heard more often than once.
    await speaker.say(topic, "over")
    await listener.hear_until("over")


@pytest.fixture
async def bridged(place, start_site):
    """A gym with `mill-1` and a hub with `oslo` and `office`, both as provisioned, and the line between."""
    hub, hub_draft = make_house(place, "hub", ())
    hub_draft.plan.apply(OWNER)
    people = (
        Newcomer(name="oslo", role=Role.SITE, treadmills=("oslo",)),
        Newcomer(name="office", role=Role.OFFICE),
    )
    draft_add(hub, people, utc_now()).plan.apply(OWNER)
    gym, gym_draft = make_house(place, "gym", ("mill-1",))
    gym_draft.plan.apply(OWNER)
    shutil.copytree(hub.find("oslo"), gym.directory / "broker" / "hub")
    for path in (gym.directory / "broker" / "hub").iterdir() if OWNER else ():
        shutil.chown(path, OWNER)
    words = ["gym", "bridge", "--site", "oslo", "--hub", "127.0.0.1"]
    assert main([*words, "--port", str(hub.listeners.tls), "--directory", str(gym.directory)]) == 0
    hub_site = await start_site(hub, hub_draft)
    line = (gym.directory / "broker" / "bridge.conf").read_text()
    return await start_site(gym, gym_draft, line), hub_site


@pytest.mark.hazard("H27")
@pytest.mark.timeout(90)
async def test_state_goes_up_to_the_hub_and_only_stop_comes_down(bridged):
    gym, hub = bridged
    daemon = await gym.connect("mill-1", "backstride/mill-1/command", "backstride/mill-1/command/+")
    office = await hub.connect("office", "backstride/+/+/state", "backstride/+/+/availability")

    await settle(daemon, office, "backstride/mill-1/availability")
    await settle(office, daemon, "backstride/oslo/mill-1/command/stop")
    await daemon.say("backstride/mill-1/state", "moving", retain=True)
    assert await office.hear_until("moving") == []
    for name in ("command", "command/start", "command/confirm", "command/faster"):
        await office.say(f"backstride/oslo/mill-1/{name}", name)
    await office.say("backstride/oslo/mill-1/command/stop", "now")
    assert await daemon.hear_until("now") == []


@pytest.mark.hazard("H02", "H27")
@pytest.mark.timeout(90)
async def test_a_hub_that_lets_everybody_do_everything_still_starts_nothing(tmp_path, stranger):
    directories = [tmp_path / name for name in ("hub", "gym")]
    for directory in directories:
        directory.mkdir()
    async with Mosquitto(directories[0]) as hub:
        line = Bridge(site="oslo", hub="127.0.0.1", port=hub.port, prefix="backstride", proof=None)
        # What a bridge says comes before the first listener.
        extra = tuple(line.write().splitlines())
        async with Mosquitto(directories[1], extra=extra) as gym:
            daemon = await stranger(gym.port, "backstride/+/command/#")
            outside = await stranger(hub.port, "backstride/oslo/+/state")
            await settle(daemon, outside, "backstride/mill-1/state")
            for name in ("command", "command/start", "command/confirm", "command/speed"):
                await outside.say(f"backstride/oslo/mill-1/{name}", "start")
                await outside.say(f"backstride/oslo/mill-1/{name}", "start", retain=True)
            await outside.say("backstride/oslo/mill-1/command/stop", "now")
            assert await daemon.hear_until("now") == []


def test_the_bridge_tells_all_that_treadmills_say_and_asks_for_nothing_but_stop():
    text = Bridge(site="oslo", hub="hub.example", prefix="backstride", proof=None).write()
    told = [line.split() for line in text.splitlines() if line.startswith("topic ")]

    assert {words[1] for words in told if words[2] == "out"} == {f"+/{name}" for name in BRIDGED}
    assert [words[1] for words in told if words[2] != "out"] == ["+/command/stop"]
    assert not any(f"+/{name} " in text for name in (*PERSONAL, "cue", "response/+"))


def test_without_the_hub_s_files_the_bridge_says_where_they_come_from(tmp_path, capsys):
    house = House(
        directory=tmp_path / "gym", kind=Kind.GYM, hosts=("localhost",), prefix="backstride",
        listeners=Listeners(),
    )  # fmt: skip
    draft_init(house, ("mill-1",), tmp_path, utc_now()).plan.apply()

    words = ["gym", "bridge", "--site", "oslo", "--hub", "hub.example", "--directory"]
    code = main([*words, str(house.directory)])

    assert (code, "broker add oslo --role site" in capsys.readouterr().err) == (1, True)
