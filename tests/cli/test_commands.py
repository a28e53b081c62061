"""The commands against a real broker and a real daemon: what is said, and with which exit code it ends."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl

import pytest

from backstride.cli.exits import Exit
from backstride.mqtt.broker import free_port
from backstride.mqtt.remote import Remote

PATIENCE_S = 30


@pytest.fixture
def ask(run, home):
    """A command for the running daemon."""
    return lambda *words: run(*words, "--config", home.config)


def phase_of(ask) -> str:
    return json.loads(ask("watch", "--once", "--json").out)["state"]["phase"]


def wait_for(ask, *phases: str) -> str:
    end = time.monotonic() + PATIENCE_S
    while (phase := phase_of(ask)) not in phases:
        assert time.monotonic() < end, f"still {phase}"
    return phase


def test_a_session_is_armed_confirmed_and_stopped_from_the_command_line(ask):
    armed = ask("start", "demo")
    assert (armed.code, armed.err, armed.out[:29]) == (Exit.OK, "", "Demo: 4:20 min, at most 2.0 k")
    assert "confirm within 45 s" in armed.out
    confirmed = json.loads(ask("confirm", "--json").out)
    assert (confirmed["reply"], confirmed["phase"]) == ("ok", "countdown")
    stopped = ask("stop")
    assert (stopped.code, stopped.err) == (Exit.OK, "")
    assert wait_for(ask, "finished", "idle")


def test_what_is_refused_ends_with_1_and_says_why_on_stderr(ask):
    result = ask("continue")
    assert (result.code, result.out, result.err[:9]) == (Exit.REFUSED, "", "refused: ")


def test_an_unknown_program_is_refused_by_the_daemon(ask):
    result = ask("select", "demoo")
    assert (result.code, "there is no program 'demoo'" in result.err) == (Exit.REFUSED, True)


def test_stop_is_never_refused(ask):
    assert [ask("stop").code for _ in range(3)] == [Exit.OK] * 3


def test_a_command_with_a_value_carries_it(ask):
    assert ask("voice", "off") == (Exit.OK, "cues are shown; only alarms are said aloud\n", "")
    assert ask("voice", "on") == (Exit.OK, "cues are said aloud\n", "")
    refused = ask("speed", "2.4")
    assert (refused.code, "running" in refused.err) == (Exit.REFUSED, True)
    assert [ask("voice", "loud").code, ask("speed", "0").code] == [Exit.USAGE] * 2
    assert Exit.OK == ask("stop").code  # what another test armed
    end = time.monotonic() + 20
    while (noted := ask("feedback", "12", "--pain", "1")).code != Exit.OK:
        assert time.monotonic() < end, noted
    assert noted.out.startswith("kept with the last session here of whoever is chosen")
    wrong = ((), ("5",), ("21",), ("12", "--pain", "11"))
    assert [ask("feedback", *words).code for words in wrong] == [Exit.USAGE] * 4


def test_the_only_treadmill_is_found_without_any_configuration(run, home, monkeypatch):
    monkeypatch.setattr("backstride.service.config.SYSTEM_FILE", home.config / "none")
    result = run("slower", "--broker", f"127.0.0.1:{home.port}")
    assert (result.code, result.err[:9]) == (Exit.REFUSED, "refused: ")


def test_a_treadmill_that_does_not_answer_ends_with_4(ask, monkeypatch):
    defaults = {**Remote.send.__kwdefaults__, "patience": 300}
    monkeypatch.setattr("backstride.mqtt.remote.Remote.send.__kwdefaults__", defaults)
    result = ask("stop", "--id", "elsewhere")
    assert (result.code, "no answer from treadmill 'elsewhere'" in result.err) == (
        Exit.NO_ANSWER,
        True,
    )


def test_an_id_that_cannot_be_a_topic_is_wrong_usage(ask):
    assert ask("stop", "--id", "a/#").code == Exit.USAGE


@pytest.mark.parametrize("command", ["stop", "pause", "watch"])
def test_without_a_broker_a_command_ends_with_3(run, command):
    result = run(command, "--broker", f"127.0.0.1:{free_port()}")
    assert (result.code, result.err[:30]) == (Exit.NO_BROKER, "no connection to the broker at")


def test_without_a_broker_stop_says_what_else_stops_the_belt(run):
    result = run("stop", "--broker", f"127.0.0.1:{free_port()}")
    assert "systemctl stop backstride" in result.err


def test_watch_into_a_pipe_writes_a_line_for_each_state(home):
    command = [sys.executable, "-m", "backstride.cli", "watch", "--config", str(home.config)]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = watching.stdout.readline()
    finally:
        watching.kill()
        watching.communicate()
    assert re.fullmatch(r"\S+Z home \w+ +[\d.]+ km/h .*\n", line)


def test_watch_once_draws_the_screen(ask):
    result = ask("watch", "--once")
    assert (result.code, "Ideal Treadmill" in result.out, "s/Esc STOP" in result.out) == (
        0,
        True,
        True,
    )


def test_a_look_can_be_kept_as_a_picture(ask, tmp_path):
    path = tmp_path / "view.svg"
    assert ask("watch", "-o", path) == (Exit.OK, f"written to {path}\n", "")
    assert path.read_text().startswith("<svg")


class TestTheLiveView:
    @pytest.fixture
    def screen(self, home):
        """The live view on a pseudo terminal: `press` a key, `see` a text appear."""
        main, terminal = pty.openpty()
        before = termios.tcgetattr(terminal)
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        command = [sys.executable, "-m", "backstride.cli", "watch", "--config", str(home.config)]
        environ = {**os.environ, "TERM": "xterm-256color"}
        watching = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ
        )
        os.close(terminal)
        yield Terminal(main, watching, before)
        watching.kill()
        watching.wait()
        os.close(main)

    def test_keys_arm_and_stop_and_quit(self, screen):
        screen.see("Ideal Treadmill")
        screen.press("p")
        screen.see("select: ")
        screen.press("a")
        screen.see("ARMED")
        screen.see("c confirm")
        screen.press("\x1b")
        screen.see("stop: ")
        screen.press("q")
        assert screen.process.wait(timeout=PATIENCE_S) == Exit.OK

    def test_an_arrow_key_is_no_stop(self, screen):
        screen.see("Ideal Treadmill")
        screen.press("\x1b[A")
        screen.press("n")
        screen.see("skip: ")
        assert "stop: " not in screen.seen

    def test_an_interrupt_ends_it_and_leaves_the_terminal_as_it_was(self, screen):
        screen.see("Ideal Treadmill")
        screen.process.send_signal(signal.SIGINT)
        assert screen.process.wait(timeout=PATIENCE_S) == Exit.OK
        assert termios.tcgetattr(screen.descriptor) == screen.before


class Terminal:
    """What a person sees, without the colours and moves of the cursor."""

    def __init__(self, descriptor: int, process: subprocess.Popen, before: list) -> None:
        self.descriptor = descriptor
        self.process = process
        self.before = before
        self.seen = ""

    def press(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def see(self, text: str) -> None:
        end = time.monotonic() + PATIENCE_S
        raw, self.seen = b"", ""
        while text not in self.seen:
            ready, _, _ = select.select([self.descriptor], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{text!r} does not appear in {self.seen[-3000:]}"
            raw += os.read(self.descriptor, 65_536)
            shown = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", raw).decode(errors="ignore")
            self.seen = shown
