"""What the examination finds on made-up hosts: real D-Bus, real mosquitto, real files."""

import asyncio
import contextlib
import os
import time

import pytest
from msgspec.structs import replace

from backstride.ftms.bluez import Adapter, BluezError, Cause, Device, Tree, read_tree
from backstride.mqtt import walltime
from backstride.mqtt.broker import BrokerFiles, Mosquitto, free_port
from backstride.service.config import Config, Treadmill
from backstride.service.doctor.belts import check_belts
from backstride.service.doctor.examination import check_sheets, examine
from backstride.service.doctor.findings import SUDO, Level, Subject
from backstride.service.local import announce
from backstride.service.recovery import CLAIM, lock

NOBODY = 65_534
DENIED = '<deny send_destination="org.bluez"/>'
PIN = "pbkdf2-sha256$1000$" + "ab" * 16 + "$" + "cd" * 32
TREADMILL = "AA:BB:CC:DD:EE:FF"
HCI0 = {"Adapter1": {"Address": "11:22:33:44:55:66", "Alias": "pi", "Powered": True}}
HCI1 = {"Adapter1": {"Address": "11:22:33:44:55:77", "Alias": "stick", "Powered": False}}


def device(**has):
    own = {"Adapter": "/org/bluez/hci0", "Address": TREADMILL, "Name": "FS-1"}
    return {"Device1": {**own, "Paired": False, "Connected": False, "Blocked": False, **has}}


def configuration(port=1, **treadmill):
    more = "".join(f'{key} = "{value}"\n' for key, value in treadmill.items())
    return f'[broker]\nhost = "127.0.0.1"\nport = {port}\n[[treadmill]]\nid = "home"\n{more}'


def told(found, subject, level=None):
    return [
        f"{one.what} -> {one.remedy}" if one.remedy else one.what
        for one in found
        if one.subject is subject and level in {None, one.level}
    ]


async def test_the_tree_of_bluez_is_read(start_bluez):
    bus = await start_bluez(
        {"/org/bluez": {}, "/org/bluez/hci0": HCI0, "/org/bluez/hci0/dev": device(Paired=True)}
    )
    adapter = Adapter(name="hci0", address="11:22:33:44:55:66", alias="pi", powered=True)
    met = Device(
        adapter="hci0",
        address=TREADMILL,
        name="FS-1",
        paired=True,
        trusted=False,
        connected=False,
        blocked=False,
        path="/org/bluez/hci0/dev",
    )
    assert Tree(adapters=(adapter,), devices=(met,)) == await read_tree(bus)


@pytest.mark.parametrize(
    ("installed", "remedy"),
    [(True, "sudo systemctl enable --now bluetooth"), (False, "sudo apt install bluez && ")],
)
async def test_a_bus_without_bluez_is_told(host, start_bus, installed, remedy):
    bus = await start_bus()
    if installed:
        host.add_program("bluetoothd", "echo 5.82")
    found = await examine(host.configure(configuration()), replace(host.place, bus=bus))
    (said,) = told(found, Subject.BLUETOOTH, Level.PROBLEM)
    assert f"(NameHasNoOwner) -> {remedy}" in said


async def test_a_bus_that_is_not_there_is_told_from_a_service_that_is_not(tmp_path):
    with pytest.raises(BluezError) as refused:
        await read_tree(f"unix:path={tmp_path}/nowhere")
    assert refused.value.cause is Cause.NO_BUS


async def test_a_policy_that_denies_is_named(host, start_bluez):
    bus = await start_bluez({}, DENIED)
    found = await examine(host.configure(configuration()), replace(host.place, bus=bus))
    (said,) = told(found, Subject.BLUETOOTH, Level.PROBLEM)
    assert "D-Bus does not let" in said
    assert "(AccessDenied) -> sudo apt install --reinstall bluez" in said


async def test_a_connected_treadmill_that_our_daemon_runs_is_as_it_should_be(host, start_bluez):
    bus = await start_bluez(
        {"/org/bluez/hci0": HCI0, "/org/bluez/hci0/dev": device(Connected=True)}
    )
    file = host.configure(configuration(address=TREADMILL))
    with lock(host.place.state / "home"):
        announce(host.place.state / "home")
        found = await examine(file, replace(host.place, bus=bus))
    assert any(
        "is connected to Backstride" in line for line in told(found, Subject.TREADMILLS, Level.OK)
    )


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("tended", [False, True])
async def test_a_belt_that_a_dead_daemon_left_moving_is_told(host, tended):
    home = host.place.state / "home"
    home.mkdir()
    (home / CLAIM).touch()
    with contextlib.ExitStack() as daemon:
        if tended:
            daemon.enter_context(lock(home))
            announce(home)
        found = await examine(host.configure("[broken"), host.place)
    said = [line for line in told(found, Subject.TREADMILLS, Level.PROBLEM) if "home: " in line]
    assert tended == (said == [])
    assert all("may be moving" in line and "backstride rescue" in line for line in said)


async def test_another_host_s_treadmills_are_not_this_one_s_concern(host):
    text = configuration(host="pi-9", address=TREADMILL, sheet="/no.yaml") + ANOTHER
    found = await examine(host.configure(text), host.place)
    said = [line for line in told(found, Subject.TREADMILLS) if "commission" in line]
    assert ["gym: not commissioned"] == [line.partition(";")[0] for line in said]


async def test_a_host_that_no_treadmill_belongs_to_is_told(host):
    found = await examine(host.configure(configuration(host="pi-9")), host.place)
    [said] = told(found, Subject.CONFIGURATION)
    assert "has no treadmill of this host" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes somebody else; nobody else can")
async def test_who_may_not_look_is_sent_to_root_and_not_to_commission_again(host):
    sheet = host.root / "sheet.yaml"
    sheet.touch()
    config = Config(treadmills=(Treadmill(id="home", name="home", sheet=str(sheet)),))
    host.root.chmod(0o700)
    os.seteuid(NOBODY)
    try:
        found = await check_sheets(config) + await check_belts(host.place, config)
    finally:
        os.seteuid(0)
    assert [SUDO] * 2 == [one.remedy for one in found]


async def test_no_bus_at_all_has_its_own_remedy(host):
    found = await examine(host.configure(configuration()), host.place)
    (said,) = told(found, Subject.BLUETOOTH, Level.PROBLEM)
    assert said.startswith("there is no D-Bus system bus here")


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ({}, ["there is no Bluetooth adapter"]),
        ({"/org/bluez/hci1": HCI1}, ["adapter hci1 (11:22:33:44:55:77, 'stick') is off"]),
        ({"/org/bluez/hci0": HCI0, "/org/bluez/hci1": HCI1}, []),
    ],
    ids=["none", "off", "one is enough"],
)
async def test_one_adapter_must_be_on(host, start_bluez, objects, expected):
    bus = await start_bluez(objects)
    found = await examine(host.configure(configuration()), replace(host.place, bus=bus))
    said = [line.split(" -> ")[0] for line in told(found, Subject.BLUETOOTH, Level.PROBLEM)]
    assert expected == said


@pytest.mark.parametrize(("carried", "level"), [(1, Level.OK), (7, Level.NOTE)])
async def test_how_many_connections_an_adapter_carries_is_told(host, start_bluez, carried, level):
    devices = {
        f"/org/bluez/hci0/dev{n}": device(Address=f"AA:BB:CC:DD:EE:0{n}", Connected=True)
        for n in range(carried)
    }
    bus = await start_bluez({"/org/bluez/hci0": HCI0, **devices})
    found = await examine(host.configure(configuration()), replace(host.place, bus=bus))
    said = f"'pi') is on and carries {carried} of 7 connections"
    assert any(said in line for line in told(found, Subject.BLUETOOTH, level))


@pytest.mark.parametrize(
    ("has", "level", "expected"),
    [
        (device(Paired=True), Level.OK, "is known to BlueZ (paired)"),
        (device(Paired=True, Trusted=True), Level.OK, "is known to BlueZ (paired and trusted)"),
        (device(Connected=True), Level.NOTE, f"bluetoothctl disconnect {TREADMILL}"),
        (device(Blocked=True), Level.PROBLEM, f"bluetoothctl unblock {TREADMILL}"),
        ({}, Level.NOTE, f"BlueZ has not met {TREADMILL} yet"),
    ],
    ids=["paired", "trusted", "ghost", "blocked", "unknown"],
)
async def test_what_bluez_knows_of_a_treadmill_is_told(host, start_bluez, has, level, expected):
    bus = await start_bluez({"/org/bluez/hci0": HCI0, "/org/bluez/hci0/dev": has})
    file = host.configure(configuration(address=TREADMILL))
    found = await examine(file, replace(host.place, bus=bus))
    assert any(expected in line for line in told(found, Subject.TREADMILLS, level))


@pytest.mark.parametrize(
    ("has", "level", "expected"),
    [
        ({"Connected": True}, Level.OK, "is connected"),
        ({}, Level.OK, "was met before; worn, it is found"),
        (None, Level.NOTE, "was not met yet"),
    ],
)
async def test_a_strap_that_is_configured_is_mentioned(host, start_bluez, has, level, expected):
    strap = "AA:BB:CC:00:00:01"
    known = {} if has is None else device(Address=strap, **has)
    bus = await start_bluez({"/org/bluez/hci0": HCI0, "/org/bluez/hci0/strap": known})
    file = host.configure(configuration(virtual="ideal", strap=strap))
    found = await examine(file, replace(host.place, bus=bus))
    said = told(found, Subject.TREADMILLS, level)
    assert any(f"the strap {strap} {expected}" in line for line in said)


async def test_an_adapter_that_is_configured_must_exist(host, start_bluez):
    bus = await start_bluez({"/org/bluez/hci0": HCI0})
    file = host.configure(configuration(address=TREADMILL, adapter="hci7"))
    found = await examine(file, replace(host.place, bus=bus))
    (said,) = told(found, Subject.TREADMILLS, Level.PROBLEM)
    assert said.startswith("home: there is no adapter hci7 -> ")


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({"type": "bluetooth", "soft": 1, "hard": 0}, "sudo rfkill unblock bluetooth"),
        ({"type": "bluetooth", "soft": 1, "hard": 1}, "by a switch of the computer"),
        ({"type": "wlan", "soft": 1, "hard": 0}, "not blocked (rfkill)"),
    ],
)
async def test_a_blocked_radio_is_told_with_what_blocks_it(host, switch, expected):
    host.add_switch(name="hci0", **switch)
    found = await examine(host.configure(configuration()), host.place)
    assert any(expected in line for line in told(found, Subject.BLUETOOTH))


async def test_without_rfkill_it_is_said_that_it_cannot_be_told(host):
    found = await examine(
        host.configure(configuration()), replace(host.place, rfkill=host.root / "nowhere")
    )
    (said,) = [line for line in told(found, Subject.BLUETOOTH, Level.NOTE) if "blocked" in line]
    assert "cannot be told" in said


async def test_where_all_treadmills_are_virtual_no_bluetooth_is_needed(host):
    file = host.configure(configuration(virtual="ideal"))
    found = await examine(file, host.place)
    assert told(found, Subject.BLUETOOTH, Level.PROBLEM) == []
    assert "not needed" in " ".join(told(found, Subject.BLUETOOTH, Level.NOTE))


async def test_an_answering_broker_is_told_with_the_rights(host, tmp_path):
    async with Mosquitto(tmp_path) as broker:
        found = await examine(host.configure(configuration(broker.port)), host.place)
    assert [
        f"127.0.0.1:{broker.port} lets us in without a name (MQTT 5, no TLS)",
        "home: we may write and read below backstride/home",
    ] == told(found, Subject.BROKER)


async def test_a_broker_that_is_not_there_is_told_with_how_to_get_one(host):
    port = free_port()
    found = await examine(host.configure(configuration(port)), host.place)
    (said,) = told(found, Subject.BROKER, Level.PROBLEM)
    assert said.startswith(f"127.0.0.1:{port} cannot be reached (")
    assert said.endswith("sudo systemctl enable --now mosquitto")


@pytest.fixture
async def strict(tmp_path):
    """A broker that lets `home` in and read, and no more."""
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    command = ["mosquitto_passwd", "-b", "-c", passwords, "home", "hunter2"]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
    acl.write_text("user home\ntopic read backstride/home/#\n")
    async with Mosquitto(tmp_path, files=BrokerFiles(passwords=passwords, acl=acl)) as broker:
        yield broker


@pytest.mark.parametrize(
    ("password", "mode", "expected"),
    [
        ("hunter2", 0o640, (Level.PROBLEM, "access list: topic readwrite backstride/home/#")),
        ("hunter3", 0o640, (Level.PROBLEM, "does not let us in as 'home' (Not authorized)")),
        ("hunter2", 0o644, (Level.OK, " answers")),
        ("hunter2", 0o644, (Level.NOTE, "the login as 'home' was not tried")),
    ],
    ids=["no right to write", "wrong password", "broker without a login", "unsafe password"],
)
async def test_what_the_broker_refuses_is_told(host, strict, password, mode, expected):
    secret = host.root / "password"
    secret.write_text(password)
    secret.chmod(mode)
    login = f'user = "home"\npassword_file = "{secret}"\n[[treadmill]]'
    text = configuration(strict.port).replace("[[treadmill]]", login)
    found = await examine(host.configure(text), host.place)
    level, text = expected
    assert any(text in line for line in told(found, Subject.BROKER, level))
    assert "hunter" not in str(found)


# The connection attempt is given up, and its socket is left to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_nothing_that_hangs_makes_it_hang(host, start_bluez, tmp_path):
    bus = await start_bluez(None)
    host.add_program("systemctl", "exec sleep 60")
    async with Mosquitto(tmp_path) as broker:
        file = host.configure(configuration(broker.port))
        broker.suspend()
        begun = time.monotonic()
        found = await examine(file, replace(host.place, bus=bus), patience=400)
        took = time.monotonic() - begun
        broker.proceed()
    silent = [one.what for one in found if "no answer in 0.4 s" in one.what]
    assert [
        f"{who}: no answer in 0.4 s" for who in ("BlueZ", "the broker", "systemd", "versions")
    ] == silent
    assert took < 5


@pytest.mark.parametrize(("mode", "level"), [(0o644, Level.PROBLEM), (0o640, Level.OK)])
@pytest.mark.parametrize("key", ["password_file", "tls.key", "pin_file", "credential"])
async def test_a_secret_that_everybody_can_read_is_a_problem(host, key, mode, level):
    secret = host.root / "secret"
    secret.write_text("hunter2\n")
    head = '[broker]\nport = 1\nhost = "127.0.0.1"\n'
    match key:
        case "password_file":
            text = f'{head}user = "x"\npassword_file = "{secret}"\n'
        case "tls.key":
            text = f'{head}[broker.tls]\ncert = "{host.configure("")}"\nkey = "{secret}"\n'
        case "credential":
            host.place.credentials.mkdir()
            secret = secret.rename(host.place.credentials / "mqtt")
            text = f'{head}user = "x"\ncredential = "mqtt"\n'
        case _:
            secret.write_text(PIN)
            text = f'{head}[[treadmill]]\nid = "home"\nvirtual = "ideal"\npin_file = "{secret}"\n'
    secret.chmod(mode)
    found = await examine(host.configure(text), host.place)
    (line,) = [
        line for line in told(found, Subject.SECRETS) if "user can read" in line or "closed" in line
    ]
    assert line in told(found, Subject.SECRETS, level)
    assert (f"chmod o-r {secret}" in line) is (level is Level.PROBLEM)
    assert "hunter2" not in str(found)


async def test_a_configuration_that_is_wrong_is_told_line_by_line_and_the_rest_is_looked_at(host):
    found = await examine(host.configure('[broker]\nprot = 1\n[site]\njog = "maybe"\n'), host.place)
    assert len(told(found, Subject.CONFIGURATION, Level.PROBLEM)) == 2
    assert told(found, Subject.BROKER) == []
    assert told(found, Subject.VERSIONS) != []


def systemctl(units):
    """A systemctl that knows these units, and a computer with a hardware watchdog that is used."""
    shown = "; ".join(f"echo 'Id={name}'; printf '{state}\\n\\n'" for name, state in units.items())
    return f'case "$*" in *Runtime*) echo RuntimeWatchdogUSec=15s ;; *) {shown} ;; esac'


GOOD = r"LoadState=loaded\nActiveState=active\nWatchdogUSec=5s"
IDLE = r"LoadState=loaded\nActiveState=inactive\nWatchdogUSec=5s"
ENABLED = IDLE + r"\nUnitFileState=enabled"
FAILED = r"LoadState=loaded\nActiveState=failed\nWatchdogUSec=5s"


@pytest.mark.parametrize(
    ("unit", "level", "expected"),
    [
        (GOOD, Level.OK, "and is active"),
        (FAILED, Level.NOTE, "enable --now"),
        (r"LoadState=loaded\nActiveState=active\nWatchdogUSec=0", Level.PROBLEM, "WatchdogSec=5"),
        (r"LoadState=not-found\nActiveState=inactive", Level.NOTE, "is not installed"),
    ],
    ids=["good", "failed", "no watchdog", "no unit"],
)
async def test_the_unit_is_looked_at(host, unit, level, expected):
    host.add_program("systemctl", systemctl({"backstride.service": unit}))
    (host.place.devices / "watchdog").touch()
    found = await examine(host.configure(configuration()), host.place)
    assert any(expected in line for line in told(found, Subject.HOST, level))
    assert "the hardware watchdog is used (15s)" in told(found, Subject.HOST)


ANOTHER = '[[treadmill]]\nid = "gym"\naddress = "AA:BB:CC:DD:EE:02"\n'


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ((GOOD, IDLE, IDLE), [(Level.OK, "backstride.service has")]),
        ((IDLE, IDLE, IDLE), [(Level.NOTE, "enable --now backstride.service")]),
        ((IDLE, GOOD, GOOD), [(Level.OK, "@home.service has"), (Level.OK, "@gym.service has")]),
        (
            (IDLE, FAILED, ENABLED),
            [(Level.NOTE, "but is failed"), (Level.NOTE, "enable --now backstride@gym.service")],
        ),
    ],
    ids=["one for all", "none", "one for each", "one for each, but none runs"],
)
async def test_where_every_treadmill_has_a_daemon_of_its_own_each_is_looked_at(
    host, units, expected
):
    names = ("backstride.service", "backstride@home.service", "backstride@gym.service")
    host.add_program("systemctl", systemctl(dict(zip(names, units, strict=True))))
    found = await examine(
        host.configure(configuration(address="AA:BB:CC:DD:EE:01") + ANOTHER), host.place
    )
    said = [
        (level, line)
        for level in Level
        for line in told(found, Subject.HOST, level)
        if ".service has a watchdog" in line
    ]
    assert len(said) == len(expected)
    for level, part in expected:
        assert any(level is its and part in line for its, line in said), said


@pytest.mark.hazard("H02")
@pytest.mark.parametrize(
    ("keeps", "unit", "expected"),
    [
        ("kernel mark", "LoadState=loaded\nProtectClock=yes", (Level.OK, "is synchronised")),
        ("kernel", "LoadState=loaded\nProtectClock=yes", (Level.NOTE, "other-time-service.conf")),
        ("kernel", "LoadState=loaded\nProtectClock=no", (Level.OK, "is synchronised")),
        ("kernel", "LoadState=not-found\nProtectClock=no", (Level.OK, "is synchronised")),
        ("mark", "LoadState=loaded\nProtectClock=yes", (Level.OK, "is synchronised")),
        ("", "LoadState=loaded\nProtectClock=no", (Level.NOTE, "set-ntp true")),
    ],
)
async def test_of_the_clock_it_says_what_the_service_is_able_to_tell(
    host, monkeypatch, keeps, unit, expected
):
    level, sentence = expected
    monkeypatch.setattr(walltime, "is_synchronised", lambda: "kernel" in keeps)
    if "mark" not in keeps:
        host.place.mark.unlink()
    host.add_program("systemctl", f"echo '{unit}'")
    found = await examine(host.configure(configuration()), host.place)
    (said,) = [line for line in told(found, Subject.HOST, level) if "the clock" in line]
    assert sentence in said


async def test_versions_that_are_too_old_are_told(host):
    host.add_program("bluetoothd", "echo 5.50")
    host.add_program("systemctl", "echo 'systemd 252 (252.1)'")
    found = await examine(host.configure(configuration()), host.place)
    assert any(line.startswith("BlueZ 5.50 is older") for line in told(found, Subject.VERSIONS))
    assert any("systemd 252 ignores" in line for line in told(found, Subject.VERSIONS, Level.NOTE))


async def test_a_treadmill_without_a_sheet_and_one_with_a_broken_one_are_told(host):
    sheet = host.root / "sheet.yaml"
    sheet.write_text("sheet: 99\n")
    none = await examine(host.configure(configuration(address=TREADMILL)), host.place)
    broken = await examine(
        host.configure(configuration(address=TREADMILL, sheet=sheet)), host.place
    )
    assert any("not commissioned" in line for line in told(none, Subject.TREADMILLS, Level.NOTE))
    (said,) = told(broken, Subject.TREADMILLS, Level.PROBLEM)
    assert said.endswith("-> backstride commission --id home")


async def test_the_state_directory_can_be_written_or_made(host):
    found = await examine(host.configure(configuration()), host.place)
    assert any(
        line.startswith(f"{host.root}/state can be written (") for line in told(found, Subject.HOST)
    )
    (host.root / "state").rmdir()
    found = await examine(host.configure(configuration()), host.place)
    assert any(
        line.startswith(f"{host.root}/state can be made (") for line in told(found, Subject.HOST)
    )
