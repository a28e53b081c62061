"""`backstride walkers` and `backstride plan`, on a history of their own."""

from __future__ import annotations

import json
import os
import re

import pytest
from msgspec.structs import replace

from backstride.domain.record import Head, Sample
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.store import Entry, Store
from backstride.resources import profiles_dir
from backstride.service.choice import FILE, read_choice
from backstride.service.recovery import CLAIM
from backstride.service.walkers import local_now

DAY = 86_400_000


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A configuration with a state directory of its own; the history's file."""
    state = tmp_path / "state"
    config = tmp_path / "backstride.toml"
    config.write_text(f'[service]\nstate_directory = "{state}"\n')
    monkeypatch.setenv("BACKSTRIDE_CONFIG", str(config))
    return state / "history.db"


def walk(path, *programs, walker="anna"):
    """Clean sessions, the last the day before yesterday."""
    start = local_now().at - 2 * len(programs) * DAY
    with Store(path) as store:
        for n, program in enumerate(programs):
            head = Head(
                id=f"s{n}", treadmill="home", program=program, program_name="Today",
                level=Level.BEGINNER, started=start + 2 * n * DAY, outcome="over", completed=True,
                walker=walker, backward=900_000, work_speed=100, effort=11, pain=0,
            )  # fmt: skip
            store.write(head, [Entry(0, Sample(at=0, speed=100))])


def stored(path, walker="anna"):
    with Store(path, writes=False) as store:
        return store.walker(walker)


def test_looking_makes_no_file(run, site):
    assert "nobody yet" in run("walkers").out
    assert [] == json.loads(run("walkers", "list", "--json").out)
    assert "Somebody new" in run("plan").out
    assert 2 == run("walkers", "show", "anna").code
    assert not site.exists()


def test_somebody_is_added_with_what_they_tell(run, site):
    told = run(
        "walkers", "add", "Jörg Ås", "--weight", "70.5", "--max-heart-rate", "180", "--units", "mph",
        "--language", "no", "--max-speed", "2.5 km/h", "--max-incline", "2 %",
        "--max-backward-time", "12 min", "--level", "cautious",
    )  # fmt: skip
    assert 0 == told.code
    assert "in commands, within 10 s: backstride start --walker jorg-as" in told.out
    assert "the cautious limits apply until: backstride walkers readiness jorg-as" in told.out
    found = stored(site, "jorg-as")
    assert ("Jörg Ås", 70_500, 180, "no", "mph", Level.CAUTIOUS) == (
        found.name, found.weight, found.max_heart_rate, found.language, found.units, found.level,
    )  # fmt: skip
    assert (250, 20, 720_000, "the walker's own limit") == (
        found.caps.speed, found.caps.incline, found.caps.backward_time, found.caps.reason,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--weight", "5"), "between 20 and 300 kg"),
        (("--weight", "nan"), "between 20 and 300 kg"),
        (("--weight", "1e400"), "between 20 and 300 kg"),
        (("--weight", "-inf"), "between 20 and 300 kg"),
        (("--weight", "1e300"), "between 20 and 300 kg"),
        (("--max-heart-rate", "400"), "between 100 and 230"),
        (("--level", "locked"), "unlocked by its criteria"),
        (("--language", "xx"), "no cues in 'xx'"),
        (("--id", "Not An Id"), "cannot be an id"),
        (("--max-speed", "3"), "3"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_kept(run, site, words, says):
    told = run("walkers", "add", "Anna", *words)
    assert told.code in {1, 2}
    assert says in told.err
    assert "nobody yet" in run("walkers").out


def test_an_id_is_there_once(run, site):
    run("walkers", "add", "Anna")
    again = run("walkers", "add", "Anna")
    assert (1, True) == (again.code, "there is a walker 'anna' already" in again.err)


def test_what_was_told_is_changed_and_forgotten(run, site):
    run("walkers", "add", "Anna", "--weight", "70", "--max-speed", "2 km/h")
    run("walkers", "edit", "anna", "--name", "Anne", "--max-incline", "1 %")
    found = stored(site)
    assert ("Anne", 70_000, 200, 10) == (
        found.name, found.weight, found.caps.speed, found.caps.incline,
    )  # fmt: skip
    run("walkers", "edit", "anna", "--forget", "weight", "--forget", "limits")
    assert Walker(id="anna", name="Anne") == stored(site)
    assert 2 == run("walkers", "edit", "anna", "--forget", "name").code


@pytest.mark.hazard("H26")
def test_readiness_is_answered_by_options_and_says_what_follows(run, site):
    run("walkers", "add", "Anna")
    assert "No question was answered with yes" in run("walkers", "readiness", "anna", "--none").out
    assert "beginner (told: beginner)" in run("walkers", "show", "anna").out
    knee = run("walkers", "readiness", "anna", "--yes", "knee")
    assert "knee. The cautious limits apply. Ask a doctor" in " ".join(knee.out.split())
    shown = run("walkers", "show", "anna").out
    assert "cautious (told: beginner)" in shown
    assert "2.0 km/h, 0.0 % (the cautious limits)" in shown
    heart = run("walkers", "readiness", "anna", "--yes", "heart")
    assert "You answered yes to: heart. Ask a doctor" in heart.out
    agreed = run("walkers", "readiness", "anna", "--yes", "heart", "--agreed")
    assert "The cautious limits apply" in agreed.out


@pytest.mark.parametrize("words", [(), ("--none", "--yes", "knee")])
def test_readiness_without_a_terminal_needs_its_answers(run, site, words):
    run("walkers", "add", "Anna")
    assert 2 == run("walkers", "readiness", "anna", *words).code


def test_readiness_is_asked_one_by_one_at_a_terminal(run, site, monkeypatch):
    answers = iter([False, True, False, False, True, False, False, True])
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda words: asked.append(words) or next(answers))
    run("walkers", "add", "Anna")
    found = stored(site).readiness
    assert (("knee", "dizziness"), True, 8) == (found.yes, found.agreed, len(asked))


def test_everything_of_somebody_is_exported(run, site, tmp_path):
    run("walkers", "add", "Anna", "--weight", "70")
    walk(site, "plan-1-1", "plan-1-2")
    data = json.loads(run("walkers", "export", "anna").out)
    assert ("Anna", 70_000) == (data["walker"]["name"], data["walker"]["weight"])
    assert ["s1", "s0"] == [each["head"]["id"] for each in data["sessions"]]
    assert 1 == len(data["sessions"][0]["samples"])
    told = run("walkers", "export", "anna", "-o", tmp_path / "anna.json")
    assert data == json.loads((tmp_path / "anna.json").read_text())
    assert 0o600 == (tmp_path / "anna.json").stat().st_mode & 0o777
    assert "2 sessions" in told.out
    assert 1 == run("walkers", "export", "anna", "-o", tmp_path / "no" / "where.json").code


def test_erasing_asks_and_then_leaves_nothing(run, site):
    run("walkers", "add", "Anna")
    walk(site, "plan-1-1")
    asked = run("walkers", "erase", "anna")
    assert (1, True) == (asked.code, "nothing was erased" in asked.err)
    told = run("walkers", "erase", "anna", "--yes")
    assert "erased: Anna, 1 sessions, 0 journals" in told.out
    with Store(site, writes=False) as store:
        assert ((), ()) == (store.walkers(), store.heads())


def walked_now(site):
    with Store(site) as store:
        store.write(replace(store.heads()[0], outcome=None))


def claimed(site):
    (site.parent / "home").mkdir()
    (site.parent / "home" / CLAIM).touch()
    (site.parent / "home" / FILE).write_text("anna")


@pytest.mark.hazard("H27")
@pytest.mark.parametrize("lasts", [walked_now, claimed])
def test_nobody_is_erased_while_a_session_of_theirs_lasts(run, site, lasts):
    run("walkers", "add", "Anna")
    walk(site, "plan-1-1")
    lasts(site)
    told = run("walkers", "erase", "anna", "--yes")
    assert 1 == told.code
    assert "has not ended: backstride stop, then erase again" in " ".join(told.err.split())
    assert "Anna" == stored(site).name


@pytest.mark.hazard("H27")
def test_whoever_is_erased_is_chosen_nowhere(run, site):
    run("walkers", "add", "Anna")
    claimed(site)
    (site.parent / "home" / CLAIM).unlink()
    assert 0 == run("walkers", "erase", "anna", "--yes").code
    assert read_choice(site.parent / "home") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_adds_before_the_first_start_is_the_services_own(run, site):
    site.parent.mkdir(mode=0o700)
    os.chown(site.parent, 65_534, 65_533)
    assert 0 == run("walkers", "add", "Anna").code
    with Store(site) as store:  # the log is there while it is open
        store.save_walker(Walker(id="bo", name="Bo"))
        owners = {file.name: file.stat() for file in site.parent.iterdir()}
    assert {"history.db", "history.db-wal", "history.db-shm"} == set(owners)
    assert {(65_534, 65_533)} == {(each.st_uid, each.st_gid) for each in owners.values()}


def test_where_the_package_is_installed_root_adds_to_the_services_history(
    run, tmp_path, monkeypatch
):
    config, service = tmp_path / "backstride.toml", tmp_path / "service"
    config.write_text("")
    service.mkdir()
    for name, value in (("BACKSTRIDE_CONFIG", config), ("XDG_STATE_HOME", tmp_path / "own")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("backstride.service.config.SYSTEM_STATE", service)
    assert 0 == run("walkers", "add", "Anna").code
    assert "Anna" == stored(service / "history.db").name
    assert ["anna"] == [each["id"] for each in json.loads(run("walkers", "list", "--json").out)]
    assert not (tmp_path / "own").exists()


def test_the_plan_shows_eight_weeks_and_why(run, site):
    run("walkers", "add", "Anna")
    walk(site, "plan-1-1", "plan-1-2", "plan-1-3")
    shown = run("plan", "--walker", "anna", "--machine", "ideal").out
    assert "next: week 2, session 1" in shown
    assert "the speed goes up to 1.2 km/h and nothing else changes" in " ".join(shown.split())
    rows = [line for line in shown.splitlines() if re.match(r" +[1-8]   [✓▶·]", line)]
    assert 8 == len(rows)
    assert ("✓ ✓ ✓", "▶ · ·") == (rows[0].split("   ")[2].strip(), rows[1].split("   ")[2].strip())
    assert "6 times 1:00 min at 1.2 km/h" in shown
    assert "km/h └" in shown


def test_the_plan_as_json(run, site):
    run("walkers", "add", "Anna")
    walk(site, "plan-1-1")
    data = json.loads(run("plan", "--json", "--machine", "ideal").out)
    assert ("anna", 1, 2, "plan-1-2", "advance", None) == tuple(
        data[key] for key in ("walker", "week", "session", "program", "decision", "wait")
    )
    assert 24 == len(data["sessions"])
    assert ["done", "next", "planned"] == [each["state"] for each in data["sessions"][:3]]
    assert data["goal"].startswith("6 times")
    assert 3 == len(data["jog_needs"])


def test_the_plan_on_a_machine_that_is_too_fast_says_so(run, site, tmp_path):
    text = (profiles_dir() / "machines" / "ideal.yaml").read_text()
    fast = tmp_path / "fast.yaml"
    fast.write_text(text.replace("minimum: 0.80 km/h", "minimum: 2.00 km/h", 1))
    shown = run("plan", "--machine", fast).out
    assert "cannot go slower than" in " ".join(shown.split())


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_plan_as_a_picture(run, site, tmp_path, suffix):
    picture = tmp_path / f"plan.{suffix}"
    assert 0 == run("plan", "-o", picture).code
    assert picture.read_bytes()[:4] in {b"<?xm", b"\x89PNG"}


def test_a_picture_that_cannot_be_written(run, site, tmp_path):
    assert 2 == run("plan", "-o", tmp_path / "plan.txt").code
    assert 1 == run("plan", "-o", tmp_path / "no" / "plan.svg").code


def test_whose_plan_must_be_said_where_there_are_several(run, site):
    run("walkers", "add", "Anna")
    run("walkers", "add", "Ola")
    told = run("plan")
    assert (2, True) == (told.code, "anna, ola" in told.err)
    assert "Ola" in run("plan", "-w", "ola").out
