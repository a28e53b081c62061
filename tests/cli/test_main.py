"""The command line as a whole: what is loaded, how it ends, how it fails."""

import os
import re
import subprocess
import sys

import pytest

from backstride import __version__
from backstride.cli.exits import Exit

COMMANDS = [
    "run",
    "demo",
    "simulate",
    "virtual",
    "programs",
    "show",
    "check",
    "import",
    "rescue",
    "install",
    "setup",
    "fleet",
    "gym",
    "plan",
    "speaker",
    "walker",
    "walkers",
    "exporter",
    "scan",
    "commission",
    "watch",
    "dashboard",
    "start",
    "confirm",
    "pause",
    "continue",
    "skip",
    "faster",
    "slower",
    "finish",
    "stop",
    "acknowledge",
    "select",
    "present",
    "replay",
    "support-bundle",
    "upload",
    "config",
    "doctor",
    "broker",
    "pin",
    "contract",
    "speed",
    "voice",
    "feedback",
    "history",
    "homeassistant",
]


def test_help_lists_every_command(run):
    result = run("--help")
    listed = re.findall(r"^│ ([a-z][a-z-]*) ", result.out, re.MULTILINE)
    assert (result.code, sorted(listed)) == (Exit.OK, sorted(COMMANDS))


def test_without_words_the_help_is_shown_as_wrong_usage(run):
    result = run()
    assert (result.code, "Usage: backstride" in result.out + result.err) == (Exit.USAGE, True)


def test_the_version_is_said(run):
    assert run("--version") == (Exit.OK, f"backstride {__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ("strat",),
        ("show",),
        ("show", "demo", "--colour"),
        ("check", "README.md"),
        ("show", "demo", "-o", "plan.gif"),
        ("virtual", "--machine", "ideal"),
        ("start", "--broker", "host:port"),
        ("config", "--config", "/nowhere.toml"),
        ("run", "--config", "/nowhere.toml"),
        ("pause", "--config", "/nowhere.toml"),
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(run, words):
    if words[0] == "run":
        done = subprocess.run(
            [sys.executable, "-m", "backstride.cli", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code, out, err = run(*words)
    assert (code, out, "Traceback" in err) == (Exit.USAGE, "", False)
    assert err.strip()


def test_an_error_is_one_line_and_with_debug_a_traceback(run):
    plain, debug = run("show", "demoo"), run("show", "demoo", "--debug")
    expected = "there is no program 'demoo'; did you mean 'demo'?\n"
    assert plain == (Exit.REFUSED, "", expected)
    assert debug.err.startswith("Traceback")
    assert debug.err.endswith(expected)


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m backstride.cli virtual --list --json | head -c 1 > /dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_colour_is_not_written_into_a_pipe(run):
    assert "\x1b[" not in run("show", "hill").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete_the_commands(shell):
    environ = {**os.environ, "_BACKSTRIDE_COMPLETE": f"complete_{shell}"}
    environ |= {
        "COMP_WORDS": "backstride st",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "backstride st",
    }
    if shell == "fish":
        environ["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    done = subprocess.run(
        [sys.executable, "-m", "backstride.cli"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert {"start", "stop"} <= set(re.findall(r"[a-z]+", done.stdout))


def test_the_daemon_loads_neither_typer_nor_rich():
    code = (
        "import sys; sys.argv = ['backstride', 'run', '--config', '/nowhere.toml']\n"
        "from backstride.cli.main import main; main()\n"
        "import structlog, backstride.service.supervisor\n"
        "print([m for m in ('typer', 'rich', 'pygments', 'matplotlib', 'bumble') if sys.modules.get(m)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_help_of_run_comes_from_its_own_small_parser():
    done = subprocess.run(
        [sys.executable, "-m", "backstride.cli", "run", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.startswith("usage: backstride run")) == (0, True)


def test_a_command_that_only_sends_does_not_load_the_simulator():
    code = (
        "import sys, backstride.cli.app\n"
        "print([m for m in sys.modules if m.startswith(('backstride.virtual', 'backstride.service.s',"
        " 'bleak', 'aiomqtt', 'matplotlib'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.replace("'backstride.service.settings'", "") == "[]\n", done.stderr
