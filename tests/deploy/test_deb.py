"""The Debian package: built, looked into, run, and installed by dpkg into a directory of the test's own."""

import asyncio
import gzip
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tarfile
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest
import typer

from backstride.cli.app import app
from backstride.domain.events import Ownership, Tick
from backstride.domain.session import Session
from backstride.service.journal import VERSION, FileJournal, Opening
from backstride.service.recovery import FileLedger

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tools/debian"
SITE = "opt/backstride/lib/python3.13/site-packages"
PLACES = (
    *("opt/backstride/", "usr/bin/backstride", "etc/backstride/backstride.toml"),
    *("usr/lib/systemd/system/backstride", "usr/lib/sysusers.d/", "usr/lib/tmpfiles.d/"),
    *("usr/share/doc/backstride/", "usr/share/bash-completion/completions/backstride"),
    *("usr/share/zsh/vendor-completions/_backstride", "usr/share/fish/vendor_completions.d/"),
    *("usr/share/man/man1/backstride.1.gz", "usr/share/lintian/overrides/backstride"),
)
ELF = {"amd64": 62, "arm64": 183}
"""`e_machine` of an ELF file."""
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())

pytestmark = [
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg is not here"),
    pytest.mark.timeout(300),
]
needs_python_of_the_target = pytest.mark.skipif(
    sys.version_info[:2] != (3, 13) or HERE is None, reason="the package is for Python 3.13"
)
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-sysusers") is None,
    reason="dpkg installs as root, and the package's user is made by systemd-sysusers",
)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def packages(build_once):
    """The packages by architecture, packed without compression."""

    def build(draft):
        done = run(
            *(sys.executable, str(ROOT / "tools/deb.py"), "--output", str(draft)),
            env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    found = build_once("deb", build).glob("*.deb")
    return {path.stem.rsplit("_", 1)[1]: path for path in found}


@pytest.fixture(params=sorted(ELF))
def package(packages, request):
    return packages[request.param]


@pytest.fixture(scope="module")
def trees(packages, tmp_path_factory):
    """The packages' files, where a person would see them from /. Nobody changes them."""
    trees = {name: tmp_path_factory.mktemp(name) for name in packages}
    for name, tree in trees.items():
        subprocess.run(["dpkg-deb", "-R", str(packages[name]), str(tree)], check=True)
    return trees


@pytest.fixture
def tree(trees, package):
    return trees[package.stem.rsplit("_", 1)[1]]


def test_the_package_says_what_it_is_and_needs_the_python_that_its_libraries_are_for(package):
    architecture = package.stem.rsplit("_", 1)[1]
    fields = run("dpkg-deb", "-f", str(package)).stdout
    assert f"backstride_{version('backstride')}_{architecture}.deb" == package.name
    assert f"\nVersion: {version('backstride')}\n" in fields
    assert f"\nArchitecture: {architecture}\n" in fields
    assert "python3 (>= 3.13), python3 (<< 3.14)" in fields


def test_every_file_is_where_it_belongs_root_s_and_nobody_else_s_to_write(package):
    archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
    with archive, tarfile.open(fileobj=archive.stdout, mode="r|") as members:
        files = [member for member in members if not member.isdir()]
    astray = [f.name for f in files if not f.name.removeprefix("./").startswith(PLACES)]
    others = [f.name for f in files if (f.uid, f.gid) != (0, 0)]
    open_to_others = [f.name for f in files if not f.issym() and f.mode & 0o7022]
    assert ([], [], []) == (astray, others, open_to_others)


def test_each_unit_starts_and_documents_what_the_package_brings(tree):
    units = list((tree / "usr/lib/systemd/system").glob("*.service"))
    named = {
        path
        for unit in units
        for path in re.findall(
            r"^(?:ExecStart=|Documentation=file://)(/\S+)", unit.read_text(), re.MULTILINE
        )
    }
    assert len(units) >= 2
    assert {"/opt/backstride/bin/backstride", "/usr/share/doc/backstride/README.md"} == named
    assert [] == [path for path in named if not (tree / path[1:]).is_file()]


def test_every_library_is_for_the_target_s_processor_whatever_ours_is(package, tree):
    machines = {struct.unpack_from("<H", path.read_bytes(), 18)[0] for path in tree.rglob("*.so")}
    assert {ELF[package.stem.rsplit("_", 1)[1]]} == machines


def test_bytecode_of_every_module_is_there_and_never_made_anew_on_the_target(tree):
    site = tree / SITE
    modules = list(site.rglob("*.py"))
    compiled = {path: path.read_bytes() for path in site.rglob("*.pyc")}
    unchecked = struct.pack("<I", 1)
    assert len(modules) == len(compiled) > 1_000
    assert [] == [p for p, code in compiled.items() if code[4:8] != unchecked]
    assert [] == [p for p, code in compiled.items() if b"/opt/backstride/lib/" not in code]
    if sys.version_info[:2] == (3, 13):
        assert {MAGIC_NUMBER} == {code[:4] for code in compiled.values()}


def test_nothing_tells_of_the_machine_that_built_it(tree):
    ours = str(ROOT).encode()
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [] == [path for path in files if ours in path.read_bytes()]


def test_shells_complete_the_command(tree):
    scripts = {
        "bash": tree / "usr/share/bash-completion/completions/backstride",
        "zsh": tree / "usr/share/zsh/vendor-completions/_backstride",
        "fish": tree / "usr/share/fish/vendor_completions.d/backstride.fish",
    }
    assert {} == {k: v for k, v in scripts.items() if f"complete_{k}" not in v.read_text()}
    assert run("bash", "-n", str(scripts["bash"])).stderr == ""


def test_the_manual_page_has_every_command(tree):
    page = gzip.decompress((tree / "usr/share/man/man1/backstride.1.gz").read_bytes()).decode()
    told = set(re.findall(r'^\.SS "backstride ([a-z-]+)', page.replace(r"\-", "-"), re.MULTILINE))
    commands = typer.main.get_group(app).commands
    assert {name for name, command in commands.items() if not command.hidden} == told
    lines = [line for line in page.splitlines() if line[:1] in {".", "'"}]
    assert {".TH", ".SH", ".SS", ".PP", ".TP", ".BR"} == {line[:3] for line in lines}


def test_the_package_can_upload_and_has_no_virtual_treadmill(tree):
    inside = {path.name for path in (tree / SITE).iterdir()}
    assert ({"httpx", "defusedxml", "fit_tool"}, set()) == (
        {"httpx", "defusedxml", "fit_tool"} & inside,
        {"bumble", "matplotlib", "amqtt"} & inside,
    )


def test_the_licence_of_every_library_inside_is_named(tree):
    text = (tree / "usr/share/doc/backstride/copyright").read_text()
    listed = re.findall(r"^ ([\w.-]+) [\d.]+: (?:\S.*)$", text, re.MULTILINE)
    inside = {info.name.split("-")[0].lower() for info in (tree / SITE).glob("*.dist-info")}
    assert inside - {"backstride"} == {re.sub("[.-]", "_", name).lower() for name in listed}


@pytest.fixture(scope="module")
def installed(packages, tmp_path_factory):
    """The package's files with the one thing that the target brings, /usr/bin/python3, taken from here."""
    root = tmp_path_factory.mktemp("installed")
    subprocess.run(["dpkg-deb", "-x", str(packages[HERE]), str(root)], check=True)
    home = root / "opt/backstride"
    ours = Path(sys._base_executable)
    (home / "bin/python3").unlink()
    (home / "bin/python3").symlink_to(ours)
    settings = (home / "pyvenv.cfg").read_text()
    (home / "pyvenv.cfg").write_text(settings.replace("/usr/bin", str(ours.parent)))
    return root


@needs_python_of_the_target
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version"], f"backstride {version('backstride')}"),
        (["simulate", "demo"], "Demo on Ideal Treadmill"),
        (["check", "etc/backstride/backstride.toml"], "backstride.toml"),
        (
            ["install", "--dry-run", "--root", "image"],
            "image/etc/systemd/system/backstride@.service",
        ),
        (["setup", "--yes", "--dry-run", "-c", "new.toml"], "nothing was written"),
    ],
)
def test_the_installed_command_runs_without_anything_of_ours(installed, arguments, expected):
    home = installed / "opt/backstride"
    done = run(
        *(str(home / "bin/python3"), "-I", str(home / "bin/backstride"), *arguments),
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
        cwd=installed,
    )
    assert (0, True) == (done.returncode, expected in done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_a_maintainer_script_is_a_shell_s(name):
    assert (0, "") == ((done := run("sh", "-n", str(SCRIPTS / name))).returncode, done.stderr)


SYSTEMCTL = """#!/bin/sh
echo "$@" >>"$DPKG_ROOT/systemctl.log"
for unit; do :; done
case $1 in
  list-units) ls "$DPKG_ROOT/active" | sed -n '/@/s/$/ loaded active running/p' ;;
  show) if [ -e "$DPKG_ROOT/active/$unit" ]; then echo active; else echo inactive; fi ;;
  start) : >"$DPKG_ROOT/active/$unit" ;;
  stop) rm -f "$DPKG_ROOT/active/$unit" ;;
esac
"""


SLEEP = """#!/bin/sh
echo "$@" >>"$DPKG_ROOT/sleep.log"
[ ! -e "$DPKG_ROOT/ends" ] || find "$DPKG_ROOT" -name '*.journal' -exec touch -d '1 minute ago' {} +
"""
"""A second in which a session that ends grows old; no time passes."""


RUNUSER = """#!/bin/sh
echo "$@" >>"$DPKG_ROOT/runuser.log"
"""


class Host:
    """A directory as a machine of its own, with real dpkg, and stand-ins for what is the real one's."""

    def __init__(self, root, packages):
        self.root, self.tools, self.packages = root / "host", root / "tools", packages
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "run/systemd/system", "active"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").touch()
        (self.root / "etc").mkdir()
        self.tools.mkdir()
        stand_ins = (("systemctl", SYSTEMCTL), ("sleep", SLEEP), ("runuser", RUNUSER))
        for name, script in stand_ins:
            (self.tools / name).write_text(script)
            (self.tools / name).chmod(0o755)

    def dpkg(self, *arguments, **environment):
        path = f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin"
        return run(
            *("dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-depends"),
            *("--force-unsafe-io", "--log=/dev/null", *map(str, arguments)),
            env={"PATH": path, "LC_ALL": "C", **environment},
        )

    def install(self, *, number=0, **environment):
        return self.dpkg("--install", self.packages[number], **environment)

    @property
    def version(self):
        status = (self.root / "var/lib/dpkg/status").read_text()
        found = re.search(r"Status: \S+ ok installed(?s:.)*?\nVersion: (\S+)", status)
        return found[1] if found else None

    @property
    def is_running(self):
        return (self.root / "active/backstride.service").exists()

    @property
    def home(self):
        """Where the daemon keeps what it knows of its one treadmill."""
        return self.root / "var/lib/backstride/living-room"

    def start(self):
        (self.root / "active/backstride.service").touch()


async def leave_claim(home):
    """As a daemon does from before a Start until the belt rests."""
    claim = Ownership(fingerprint="a", program="demo", target=100, distance=None, elapsed=None)
    assert await FileLedger(home).write(claim)


async def leave_journal(home):
    """As a daemon does from an arming on, at a turn over a standing belt as well."""
    journal = FileJournal(home / "journal")
    writing = asyncio.create_task(journal.run())
    await asyncio.sleep(0)
    opening = Opening(
        version=VERSION,
        boot="boot1234",
        treadmill="living-room",
        time="2026-11-20T08:00:00.000Z",
        session=Session(),
    )
    journal.begin("demo", opening)
    journal.append(Tick(at=0))
    await journal.secure()
    writing.cancel()
    await asyncio.wait({writing})


@pytest.fixture(scope="module")
def releases(trees, tmp_path_factory):
    """Two versions without the libraries, which change nothing for the scripts and take dpkg seconds."""
    root = tmp_path_factory.mktemp("releases")
    light = shutil.ignore_patterns("site-packages")
    tree = shutil.copytree(trees[HERE or "amd64"], root / "tree", symlinks=True, ignore=light)
    control = tree / "DEBIAN/control"
    packages = []
    for number in ("1.0", "2.0"):
        control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {number}", control.read_text()))
        packages.append(root / f"{number}.deb")
        subprocess.run(["dpkg-deb", "-Znone", "-b", str(tree), str(packages[-1])], check=True)
    return packages


@pytest.fixture
def host(releases, tmp_path):
    host = Host(tmp_path, releases)
    done = host.install()
    assert done.returncode == 0, done.stdout + done.stderr
    return host


@needs_root
def test_a_first_install_makes_the_user_and_the_directories_and_starts_nothing(host):
    passwd = (host.root / "etc/passwd").read_text()
    log = (host.root / "systemctl.log").read_text().split("\n")
    assert (True, True, 0o700) == (
        "backstride:" in passwd,
        (host.root / "etc/backstride/programs").is_dir(),
        (host.root / "var/lib/backstride").stat().st_mode & 0o777,
    )
    assert ["daemon-reload", ""] == log


@needs_root
def test_an_upgrade_stops_what_runs_and_starts_it_again(host):
    host.start()
    done = host.install(number=1)
    words = [line.split()[0] for line in (host.root / "systemctl.log").read_text().splitlines()]
    assert (0, "2.0", True) == (done.returncode, host.version, host.is_running), done.stderr
    assert words.index("stop") < words.index("start")


@needs_root
def test_an_upgrade_pauses_the_daemons_of_single_treadmills_as_well(host):
    one = host.root / "active/backstride@left.service"
    one.touch()
    done = host.install(number=1)
    log = (host.root / "systemctl.log").read_text().splitlines()
    assert (0, "2.0", True) == (done.returncode, host.version, one.exists()), done.stderr
    stopped, started = (log.index(f"{word} backstride@left.service") for word in ("stop", "start"))
    assert stopped < started


@needs_root
def test_an_upgrade_starts_nothing_that_did_not_run(host):
    assert (0, False) == (host.install(number=1).returncode, host.is_running)


@needs_root
@pytest.mark.parametrize("leave", [leave_claim, leave_journal])
@pytest.mark.parametrize("act", ["upgrade", "remove"])
@pytest.mark.hazard("H25")
async def test_during_a_session_nothing_is_taken_away_and_the_daemon_lives_on(host, leave, act):
    host.start()
    await leave(host.home)
    done = host.install(number=1) if act == "upgrade" else host.dpkg("--remove", "backstride")
    log = (host.root / "systemctl.log").read_text()
    assert "a session is running on living-room" in done.stderr
    assert (True, "1.0", True) == (done.returncode != 0, host.version, host.is_running)
    assert "stop" not in log


@needs_root
async def test_a_session_that_is_over_holds_nothing_up(host):
    await leave_claim(host.home)
    assert await FileLedger(host.home).write(None)
    await leave_journal(host.home)
    (journal,) = (host.home / "journal").iterdir()
    os.utime(journal, (journal.stat().st_mtime - 60,) * 2)
    assert (0, "2.0") == (host.install(number=1).returncode, host.version)


@needs_root
async def test_a_session_that_ends_now_is_waited_for(host):
    await leave_journal(host.home)
    (host.root / "ends").touch()
    assert (0, "2.0") == (host.install(number=1).returncode, host.version)
    assert "1\n" == (host.root / "sleep.log").read_text()


@needs_root
async def test_who_insists_gets_the_upgrade_by_a_controlled_stop(host):
    host.start()
    await leave_claim(host.home)
    done = host.install(number=1, BACKSTRIDE_FORCE_UPGRADE="1")
    assert (0, "2.0", True) == (done.returncode, host.version, host.is_running), done.stderr
    assert "stop backstride.service" in (host.root / "systemctl.log").read_text()
    # Nobody withdrew the claim here, as when the daemon had been killed just before.
    rescues = (host.root / "runuser.log").read_text().splitlines()
    assert all(line.endswith("/opt/backstride/bin/backstride rescue") for line in rescues)
    assert f"-u backstride -- env STATE_DIRECTORY={host.root}/var/lib/backstride" in rescues[0]


@needs_root
def test_removing_keeps_data_and_configuration_and_purging_leaves_only_the_brokers_files(host):
    kept = host.root / "var/lib/backstride/machines/treadmill.yaml"
    kept.parent.mkdir(parents=True)
    kept.touch()
    host.start()
    settings = host.root / "etc/backstride/backstride.toml"
    settings.write_text("# mine\n")
    secret = host.root / "etc/credstore/backstride.mqtt-password"
    secret.write_text("secret")
    enabled = host.root / "etc/systemd/system/multi-user.target.wants/backstride@left.service"
    spoken = host.root / "var/cache/backstride-speaker/en/1.wav"
    authority = host.root / "etc/mosquitto/backstride/authority/ca.key"
    for path in (enabled, spoken, authority):
        path.parent.mkdir(parents=True)
        path.touch()
    (secret.parent / "backstride.exporter-key").touch()

    removed = host.dpkg("--remove", "backstride")
    assert (0, False, True) == (removed.returncode, host.is_running, kept.exists()), removed.stderr
    assert ("# mine\n", True) == (settings.read_text(), secret.exists())

    purged = host.dpkg("--purge", "backstride")
    left = [path for path in host.root.rglob("*backstride*") if "active" not in path.parts]
    # Other hosts depend on what the broker has.
    assert (0, [authority.parents[1]]) == (purged.returncode, left), purged.stderr
    assert authority.exists()
    assert "backstride:" not in (host.root / "etc/passwd").read_text()


@needs_root
def test_an_upgrade_leaves_a_configuration_that_somebody_wrote_alone(host):
    settings = host.root / "etc/backstride/backstride.toml"
    settings.write_text("# mine\n")
    assert (0, "# mine\n") == (host.install(number=1).returncode, settings.read_text())
