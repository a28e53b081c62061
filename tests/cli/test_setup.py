"""`backstride setup`: a conversation at a real terminal, and without one; virtual radio, real broker."""

import asyncio
import contextlib
import io
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from backstride.cli.exits import Exit
from backstride.cli.setup import _next_steps
from backstride.cli.setup_interview import Interview
from backstride.ftms.discovery import scan
from backstride.ftms.radio import Radio
from backstride.mqtt.broker import BrokerFiles, Mosquitto, free_port
from backstride.provisioning.authority import Authority, utc_now
from backstride.resources import systemd_dir
from backstride.service.config import SYSTEM_FILE, read_config
from backstride.service.installation.answers import Answers, Place
from backstride.virtual.catalogue import load_machine
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine

EXAMPLE = (systemd_dir() / "backstride.toml").read_text()
ADDRESS = "11:22:33:44:55:66"
WAIT_S = 60


# -- the conversation --------------------------------------------------------------------------


class Person:
    """Answers in their order, and remembers what was asked."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def __call__(self, prompt, secret):
        self.asked.append((prompt, secret))
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)

    @property
    def is_done(self):
        return self._answers == []


def in_range(*names):
    """A scan of air in which these virtual machines are."""

    async def listen():
        air = LoopbackAir()
        for number, name in enumerate(names):
            machine = Machine(load_machine(name), address=f"AA:00:00:00:00:0{number}")
            await air.serve(machine)
        try:
            radio = Radio(client=air.client_backend(), scanner=air.scanner_backend())
            return await scan(radio, 600)
        finally:
            await air.close()

    return listen


async def talk(person, *machines, text=EXAMPLE, **given):
    console = Console(file=io.StringIO(), record=True, width=200)
    interview = Interview(text, Answers(**given), console, person, in_range(*machines))
    answers = await asyncio.to_thread(interview.run)
    return answers, console.export_text()


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        yield broker


async def test_the_only_treadmill_and_a_broker_take_a_few_enters(broker):
    person = Person("", "living-room", "", "127.0.0.1", str(broker.port), "", "2.0 km/h")
    answers, said = await talk(person, "ideal")
    assert (
        Answers(
            treadmill="living-room",
            name="Living Room",
            address="AA:00:00:00:00:00",
            host="127.0.0.1",
            port=broker.port,
            max_speed="2.0 km/h",
        ),
        True,
        True,
    ) == (answers, "lets us in" in said, person.is_done)


async def test_of_several_treadmills_one_is_chosen_by_its_number(broker):
    person = Person("7", "r", "2", "", "", "127.0.0.1", str(broker.port), "", "")
    answers, said = await talk(person, "ideal", "k12")
    assert ("AA:00:00:00:00:01", True) == (answers.address, "AA:BB:CC:DD:EE:FF" in said)


async def test_what_the_options_say_is_not_asked(broker):
    given = {"treadmill": "a", "name": "A", "address": ADDRESS, "host": "127.0.0.1"}
    person = Person()
    answers, _ = await talk(
        person, **given, port=broker.port, user="me", password="x", max_speed="2.0 km/h"
    )
    assert ([], "a") == (person.asked, answers.treadmill)


async def test_an_answer_is_refused_as_the_daemon_would_with_what_is_accepted(broker):
    person = Person(
        "s", "Living Room", "a", "", "127.0.0.1", str(broker.port), "", "9 mph", "3 km/h"
    )
    answers, said = await talk(person)
    assert ("a", "3 km/h") == (answers.treadmill, answers.max_speed)
    assert "small letters, digits and hyphens" in said
    assert "accepted is more than 0, up to 8.0 km/h" in said


async def test_a_broker_that_is_not_there_is_told_before_anything_is_written(broker):
    nowhere = str(free_port())
    person = Person(
        "s", "", "", "127.0.0.1", nowhere, "", "y", "127.0.0.1", str(broker.port), "", ""
    )
    answers, said = await talk(person)
    assert (broker.port, True) == (answers.port, f"127.0.0.1:{nowhere}: unreachable" in said)


@pytest.fixture
def passwords(tmp_path):
    """mosquitto's: `me` with `right`."""
    file = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", str(file), "me", "right"], check=True, capture_output=True
    )
    file.chmod(0o644)
    return file


@pytest.mark.hazard("H27")
async def test_a_password_is_asked_for_where_nobody_sees_it_and_tried(tmp_path, passwords):
    async with Mosquitto(tmp_path, files=BrokerFiles(passwords=passwords)) as broker:
        place = ("127.0.0.1", str(broker.port), "me")
        person = Person("s", "", "", *place, "wrong", "y", *place, "right", "")
        answers, said = await talk(person)
    hidden = [prompt for prompt, secret in person.asked if secret]
    assert ("right", 2, True) == (answers.password, len(hidden), "refused" in said)
    assert "right" not in said


@pytest.fixture
def identities(tmp_path):
    """Files for TLS: an authority, the server's certificate, and ours, each with its key."""
    authority = Authority.make("house", utc_now())
    issued = {
        "ca": authority.identity,
        "server": authority.issue_server(("127.0.0.1",), utc_now()),
        "ours": authority.issue_client("ours", utc_now()),
    }
    for name, identity in issued.items():
        (tmp_path / f"{name}.pem").write_bytes(identity.certificate)
        (tmp_path / f"{name}.key").write_bytes(identity.key)
    return tmp_path


@pytest.mark.parametrize("where", ["in the answers", "on file"])
async def test_a_broker_that_asks_for_our_certificate_is_tried_with_it(tmp_path, identities, where):
    files = BrokerFiles(
        certificate=identities / "server.pem",
        key=identities / "server.key",
        ca=identities / "ca.pem",
        require_certificate=True,
    )
    ours = {"ca": "ca.pem", "cert": "ours.pem", "key": "ours.key"}
    tls = {key: str(identities / name) for key, name in ours.items()}
    text = EXAMPLE
    if where == "on file":
        text += "[broker.tls]\n" + "".join(f'{key} = "{file}"\n' for key, file in tls.items())
    async with Mosquitto(tmp_path, files=files) as broker:
        person = Person("s", "", "", "127.0.0.1", str(broker.port), "", "")
        _, said = await talk(person, text=text, **({} if where == "on file" else tls))
    assert f"127.0.0.1:{broker.port} lets us in" in said


async def test_at_the_port_of_tls_its_files_are_asked_for(tmp_path):
    files = ("/ca.pem", "/ours.pem", "/ours.key")
    # No certificate is of use without its key: that is asked for again.
    said = (*files[:2], "", files[2])
    person = Person("s", "", "", "127.0.0.1", "8883", *said, "", "n", "")
    answers, said = await talk(person)
    assert files == (answers.ca, answers.cert, answers.key)
    assert "127.0.0.1:8883: untrusted (No such file or directory" in said
    assert person.is_done


# -- the command -------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path):
    return tmp_path / "etc/backstride.toml"


def test_without_a_terminal_it_asks_nothing_and_says_so(run, config):
    result = run("setup", "--config", config)
    assert (Exit.USAGE, False) == (result.code, config.exists())
    assert "--yes asks nothing" in result.err


@pytest.mark.hazard("H27")
def test_a_script_gets_what_its_options_say(run, config, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    result = run(
        *("setup", "--yes", "--config", config, "--id", "left", "--address", ADDRESS),
        *("--broker", f"127.0.0.1:{free_port()}", "--user", "me", "--password-file", secret),
        *("--max-speed", "2.0 km/h"),
    )
    written = read_config(config)
    assert ("left", ADDRESS, "me", 200) == (
        written.treadmills[0].id,
        written.treadmills[0].address,
        written.broker.user,
        written.site.max_speed,
    )
    assert "hunter2" not in config.read_text() + result.out + result.err
    # The examination comes after it: there is no broker, and what to do about that is said.
    assert (Exit.REFUSED, True) == (result.code, "cannot be reached" in result.out)


def test_a_dry_run_shows_the_changes_and_writes_nothing(run, config):
    config.parent.mkdir()
    config.write_text(EXAMPLE)
    result = run("setup", "--yes", "--dry-run", "-c", config, "--broker", "broker.lan")
    assert ('-host = "localhost"\n+host = "broker.lan"\n' in result.out, EXAMPLE) == (
        True,
        config.read_text(),
    )
    assert [config] == list(config.parent.iterdir())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--max-speed", "9 km/h"), "up to 8.0 km/h"),
        (("--address", "here"), "a Bluetooth address"),
        (("--broker", "host:port"), "is not HOST or HOST:PORT"),
        (("--password-file", "/nowhere"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(run, config, words, expected):
    result = run("setup", "--yes", "-c", config, *words)
    assert (False, True) == (config.exists(), expected in result.err)
    assert result.code != Exit.OK


class Terminal:
    """The command at a pseudo terminal of its own."""

    def __init__(self, *words):
        self.shown = ""
        self.child, self._end = pty.fork()
        if self.child == 0:
            os.environ |= {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"}
            os.execv(sys.executable, [sys.executable, "-m", "backstride.cli", *map(str, words)])

    def expect(self, text):
        """Read on until the terminal shows this, and forget what came before it."""
        until = time.monotonic() + WAIT_S
        while text not in self.shown:
            ready, _, _ = select.select([self._end], [], [], until - time.monotonic())
            assert ready, f"no {text!r} in {self.shown!r}"
            try:
                self.shown += os.read(self._end, 4_096).decode(errors="replace")
            except OSError:  # the other side is closed
                assert text in self.shown, self.shown
        self.shown = self.shown.partition(text)[2]

    def interrupt(self, text):
        """Press Ctrl-C until this is shown: one between the prompt and the reading is lost in readline."""
        until = time.monotonic() + WAIT_S
        while text not in self.shown and time.monotonic() < until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGINT)
            if select.select([self._end], [], [], 0.5)[0]:
                with contextlib.suppress(OSError):  # the other side is closed
                    self.shown += os.read(self._end, 4_096).decode(errors="replace")
        assert text in self.shown

    def type(self, text):
        os.write(self._end, f"{text}\n".encode())

    def end(self):
        """The exit code, with the rest of what is shown."""
        while True:
            try:
                self.shown += os.read(self._end, 4_096).decode(errors="replace")
            except OSError:
                break
        os.close(self._end)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


async def test_a_person_at_a_terminal_comes_to_a_configuration(config, broker):
    def story():
        terminal = Terminal("setup", "--config", config)
        for question, answer in (
            ("Which one?", ADDRESS),
            ("Its id", "living-room"),
            ("Its name", ""),
            ("name or address?", "127.0.0.1"),
            ("Its port?", str(broker.port)),
            ("Our user there?", "me"),
            ("Password?", "hunter2"),
            ("The fastest", "2.5 km/h"),
            ("Write this?", "y"),
        ):
            terminal.expect(question)
            terminal.type(answer)
        terminal.expect("written:")
        terminal.end()
        return terminal.shown

    shown = await asyncio.to_thread(story)
    written = read_config(config)
    assert ("living-room", "Living Room", ADDRESS, broker.port, 250) == (
        written.treadmills[0].id,
        written.treadmills[0].name,
        written.treadmills[0].address,
        written.broker.port,
        written.site.max_speed,
    )
    assert ("hunter2" in shown, "hunter2" in config.read_text()) == (False, False)
    # What the examination found, and what comes next.
    assert f"127.0.0.1:{broker.port} lets us in as 'me'" in shown
    assert f"next: backstride run --config {config}" in shown


def test_who_has_the_host_s_configuration_is_led_to_a_service_that_runs():
    steps = list(_next_steps(Place(file=SYSTEM_FILE)))
    words = ("commission", "setup --yes --sheet", "systemctl enable --now backstride")
    assert [True] * 3 == [word in step for word, step in zip(words, steps[-3:], strict=True)]


def test_ctrl_c_leaves_everything_as_it_was(config):
    config.parent.mkdir()
    config.write_text(EXAMPLE)
    terminal = Terminal("setup", "--config", config)
    terminal.expect("Which one?")
    terminal.type(ADDRESS)
    terminal.expect("Its id")
    terminal.interrupt("interrupted: nothing was written")
    assert (Exit.REFUSED, EXAMPLE, [config]) == (
        terminal.end(),
        config.read_text(),
        list(config.parent.iterdir()),
    )
