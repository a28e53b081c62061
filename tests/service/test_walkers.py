"""The daemon's copy of who walks here, and what it says about them to the broker."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import structlog
from msgspec.structs import replace

from backstride.domain.events import Ask, Request
from backstride.domain.limits import Caps
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.progression import Now
from backstride.domain.readiness import Question, Readiness
from backstride.domain.record import Head
from backstride.domain.session import Phase, Session
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.store import Store
from backstride.mqtt import schema
from backstride.mqtt.people import NobodyError, NoPlanError
from backstride.service.journal import VERSION, Opening, encode_line
from backstride.service.training import Training
from backstride.service.walkers import Roster, erase_journals, local_now

DAY = 86_400_000
NOON = (local_now().at // DAY) * DAY + DAY // 2
DATE = datetime.fromtimestamp(NOON / 1_000, UTC).date()
TOMORROW = (DATE + timedelta(days=1)).isoformat()
NOW = Now(NOON)
BOOT = "9f86d081"
MACHINE = Machine(
    address="", name="Bench", fingerprint="bench", speed=SpeedRange(50, 1200, 10),
    incline=InclineRange(0, 100, 5), belt_start=BeltStart.REMOTE,
)  # fmt: skip
ANNA = Walker(
    id="anna", name="Anna", weight=71_234, max_heart_rate=187, readiness=Readiness(answered=NOON),
    caps=Caps(reason="Anna's own limit", speed=333),
)  # fmt: skip


def head(day, **changes):
    known = {
        "id": f"s{day}", "treadmill": "home", "program": "plan-1-1", "program_name": "Today",
        "level": Level.BEGINNER, "started": NOON + day * DAY, "outcome": "over", "completed": True,
        "walker": "anna", "backward": 900_000, "work_speed": 100, "effort": 11, "pain": 0,
    }  # fmt: skip
    return Head(**{**known, **changes})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


class Bench:
    """A roster on a file, and the training of one treadmill over it."""

    def __init__(self, path):
        self.path, self.session, self.now = path, Session(machine=MACHINE), NOW
        self.roster = Roster(path)
        self.training = Training(self.roster, lambda: self.session, BOOT, lambda: self.now)

    async def save(self, *walkers, heads=()):
        await asyncio.to_thread(self._save, walkers, heads)
        await self.roster.refresh()

    def _save(self, walkers, heads):
        with Store(self.path) as store:
            for walker in walkers:
                store.save_walker(walker)
            for each in heads:
                store.write(each)

    def erase(self, walker):
        with Store(self.path) as store:
            store.erase_walker(walker)

    def choose(self, walker="anna"):
        self.session = replace(self.session, person=self.training.find(walker))


@pytest.fixture
def bench(path):
    bench = Bench(path)
    yield bench
    bench.roster.close()


async def test_a_file_that_is_not_there_yet_is_nobody(bench):
    await bench.roster.refresh()
    assert ({}, 0) == (bench.roster.book, bench.roster.version)


async def test_whoever_was_added_is_there_after_the_next_look(bench):
    await bench.save(ANNA)
    assert (["anna"], 1) == (list(bench.roster.book), bench.roster.version)
    await bench.roster.refresh()
    assert 1 == bench.roster.version
    await bench.save(heads=[head(0)])
    assert 2 == bench.roster.version
    assert 1 == len(bench.roster.book["anna"].heads)


async def test_what_changes_nothing_about_anybody_is_no_new_version(bench):
    await bench.save(ANNA)
    await bench.save(heads=[head(0, walker=None)])
    assert 1 == bench.roster.version


async def test_a_file_that_cannot_be_read_leaves_the_copy_as_it_was(bench, path):
    await bench.save(ANNA)
    bench.roster.close()
    await asyncio.to_thread(path.write_bytes, b"not a database" * 100)
    await bench.roster.refresh()
    assert ["anna"] == list(bench.roster.book)


async def test_it_looks_by_itself(bench):
    await asyncio.to_thread(bench._save, [ANNA], [])
    async with bench.roster as roster, asyncio.timeout(10):
        while not roster.version:  # noqa: ASYNC110  a new copy calls nobody
            await asyncio.sleep(0)
    assert ["anna"] == list(bench.roster.book)


async def test_a_session_that_lasts_is_no_news(bench):
    await bench.save(ANNA)
    today = local_now().at
    await bench.save(heads=[head(0, started=today, outcome=None)])
    assert (1, ()) == (bench.roster.version, bench.roster.book["anna"].heads)
    await bench.save(heads=[head(0, started=today)])
    assert (2, 1) == (bench.roster.version, len(bench.roster.book["anna"].heads))


@pytest.mark.hazard("H26")
async def test_the_plan_waits_until_the_history_has_the_session_that_was_just_walked(bench):
    await bench.save(ANNA)
    bench.choose()
    for phase in (Phase.ARMED, Phase.COUNTDOWN, Phase.STARTING, Phase.RUNNING):
        bench.session = replace(bench.session, phase=phase)
        bench.training.follow()
    bench.now = Now(NOON + 600_000)
    bench.session = replace(bench.session, phase=Phase.STARTING)  # again, after a turn
    bench.training.follow()
    with pytest.raises(NoPlanError, match="not in the history yet"):
        bench.training.today(ANNA)
    await bench.save(heads=[head(0, started=NOON - 1_000)])
    with pytest.raises(NoPlanError, match="the next session of the plan is on"):
        bench.training.today(ANNA)
    bench.now = Now(NOON + DAY)
    assert "plan-1-2" == bench.training.today(ANNA).id


async def test_who_walks_without_a_name_keeps_nobody_waiting(bench):
    await bench.save(ANNA)
    for phase in (Phase.ARMED, Phase.STARTING):
        bench.session = replace(bench.session, phase=phase)
        bench.training.follow()
    assert "plan-1-1" == bench.training.today(ANNA).id


def test_the_local_time_is_now():
    found = local_now()
    assert abs(found.at - datetime.now(UTC).timestamp() * 1_000) < 60_000
    assert -1_440 < found.offset < 1_440


async def test_a_walker_is_prepared_without_answers(bench):
    await bench.save(ANNA)
    assert replace(ANNA, readiness=None) == bench.training.find("anna")


async def test_answers_that_are_too_old_make_cautious(bench):
    await bench.save(ANNA)
    bench.now = Now(NOON + 56 * DAY)
    assert Level.CAUTIOUS is bench.training.find("anna").level


@pytest.mark.hazard("H26")
async def test_whoever_is_to_ask_a_professional_cannot_be_chosen_and_nobody_is_told_why(bench):
    said = Readiness(answered=NOON, yes=(Question.HEART,))
    await bench.save(replace(ANNA, readiness=said))
    with pytest.raises(NobodyError) as refused:
        bench.training.find("anna")
    assert "backstride walkers show" in str(refused.value)
    assert "heart" not in str(refused.value)


async def test_somebody_unknown_cannot_be_chosen(bench):
    await bench.save(ANNA)
    with pytest.raises(NobodyError, match="nobody here has the id 'nemo'"):
        bench.training.find("nemo")


async def test_whoever_was_chosen_is_looked_up_anew(bench):
    await bench.save(ANNA)
    assert bench.training.present() is None
    bench.choose()
    await bench.save(replace(ANNA, weight=80_000))
    assert 80_000 == bench.training.present().weight


async def test_today_is_the_next_session(bench):
    await bench.save(ANNA)
    assert "plan-1-1" == bench.training.today(ANNA).id
    await bench.save(heads=[head(-1)])
    assert "plan-1-2" == bench.training.today(ANNA).id


@pytest.mark.parametrize(
    ("heads", "walker", "machine", "words"),
    [
        ([], None, MACHINE, "choose a walker first"),
        ([], Walker(id="nemo", name="Nemo"), MACHINE, "choose a walker first"),
        ([], ANNA, None, "has not introduced itself yet"),
        ([head(0)], ANNA, MACHINE, f"the next session of the plan is on {TOMORROW}"),
        ([], ANNA, replace(MACHINE, speed=SpeedRange(200, 600, 10)), "cannot go slower than 2.0 km/h"),
    ],
)  # fmt: skip
async def test_there_is_no_session_of_the_plan_and_why(bench, heads, walker, machine, words):
    await bench.save(ANNA, heads=heads)
    bench.session = replace(bench.session, machine=machine)
    with pytest.raises(NoPlanError, match=words):
        bench.training.today(walker)


async def test_the_plan_of_nobody_is_empty(bench):
    await bench.save(ANNA)
    plan = bench.training.plan()
    assert (None, None, ()) == (plan.walker, plan.program, plan.weeks)
    assert [("anna", "Anna")] == [(w.id, w.name) for w in bench.training.walkers().walkers]
    assert bench.training.walkers().selected is None


async def test_the_plan_says_what_is_next_and_when(bench):
    await bench.save(ANNA, heads=[head(0)])
    bench.choose()
    plan = bench.training.plan()
    assert ("anna", 1, 2, "plan-1-2", "Week 1, session 2", "advance") == (
        plan.walker, plan.week, plan.session, plan.program, plan.title, plan.decision,
    )  # fmt: skip
    assert (TOMORROW, True) == (plan.due, f"on {TOMORROW}" in plan.refusal)
    bench.now = Now(NOON + DAY)
    tomorrow = bench.training.plan()
    assert (TOMORROW, None) == (tomorrow.due, tomorrow.refusal)
    assert [(1, 1.0, 6.0, 0.0, 1), (2, 1.4, 8.0, 0.0, 0)] == [
        (w.week, w.speed, w.minutes, w.incline, w.done) for w in plan.weeks[:2]
    ]
    assert 8 == len(plan.weeks)
    assert "anna" == bench.training.walkers().selected


async def test_the_next_session_stands_at_the_head_of_the_programs(bench):
    await bench.save(ANNA, heads=[head(-1)])
    offered = schema.Programs(programs=())
    assert offered == bench.training.join(offered)
    bench.choose()
    assert [("plan-1-2", None)] == [
        (p.id, p.refusal) for p in bench.training.join(offered).programs
    ]
    bench.now = Now(NOON - DAY)
    (early,) = bench.training.join(offered).programs
    assert "the next session of the plan" in early.refusal
    bench.session = replace(bench.session, machine=None)
    assert offered == bench.training.join(offered)


async def test_the_version_changes_with_what_is_shown(bench):
    versions = [bench.training.version()]
    await bench.save(ANNA)
    versions.append(bench.training.version())
    bench.choose()
    versions.append(bench.training.version())
    bench.now = Now(NOON + DAY)
    versions.append(bench.training.version())
    bench.session = replace(bench.session, machine=None)
    versions.append(bench.training.version())
    assert all(a != b for a, b in pairwise(versions))
    assert versions[-1] == bench.training.version()


@pytest.mark.hazard("H27")
async def test_nothing_of_anybodys_body_goes_to_the_broker(bench):
    wrong = head(-1, effort=19, pain=9, heart_rate_max=186, alarms=1)
    said = Readiness(answered=NOON, yes=(Question.KNEE, Question.BACK))
    await bench.save(replace(ANNA, readiness=said), heads=[wrong])
    bench.choose()
    payloads = (
        bench.training.plan(), bench.training.walkers(),
        bench.training.join(schema.Programs(programs=())),
    )  # fmt: skip
    told = b" ".join(schema.encode(payload) for payload in payloads).decode().lower()
    assert "anna" in told
    for word in (
        "71234",
        "71.2",
        "187",
        "186",
        "333",
        "3.33",
        "knee",
        "heart",
        "pain",
        "19",
    ):
        assert word not in re.sub(r"20\d\d-\d\d-\d\d", "", told), word


def test_journals_in_which_somebody_is_named_are_erased(tmp_path):
    folder = tmp_path / "home" / "journal"
    folder.mkdir(parents=True)
    for name, person in (("a", ANNA), ("b", None), ("c", Walker(id="anna-lisa", name="Anna"))):
        opening = Opening(
            version=VERSION, boot=BOOT, treadmill="home", time="", session=Session(person=person)
        )
        (folder / f"{name}.journal").write_bytes(encode_line(opening))
    asked = Request(at=0, id="1", ask=Ask.WALKER, walker=ANNA)
    (folder / "d.journal").write_bytes(encode_line(asked))
    assert 2 == erase_journals(tmp_path, "anna")
    assert ["b.journal", "c.journal"] == sorted(p.name for p in folder.iterdir())


@pytest.mark.hazard("H26")
async def test_an_edit_is_seen_whatever_the_times_of_the_files_say(bench, path):
    await bench.save(ANNA)
    times = {file: file.stat().st_mtime_ns for file in path.parent.iterdir()}
    await asyncio.to_thread(
        bench._save, [replace(ANNA, caps=Caps(reason="Anna's own limit", speed=150))], []
    )
    for (
        file,
        at,
    ) in times.items():  # as when a look falls between the writing of a commit and its fsync
        if file.exists():
            os.utime(file, ns=(at, at))
    await bench.roster.refresh()
    assert 150 == bench.roster.book["anna"].walker.caps.speed


@pytest.mark.parametrize("made", [False, True])
async def test_a_history_that_its_writer_has_not_filled_yet_is_no_news(bench, path, made):
    if made:
        path.touch()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with structlog.testing.capture_logs() as logs:
        await bench.roster.refresh()
    assert ([], False) == (logs, bench.roster.known)
    with pytest.raises(NobodyError, match="not read from the disk yet: try again"):
        bench.training.find("anna")
    await bench.save(ANNA)
    assert (True, "anna") == (bench.roster.known, bench.training.find("anna").id)


async def test_somebody_who_is_gone_is_told_of_once(bench):
    told = []
    bench.roster.gone.append(lambda: told.append(list(bench.roster.book)))
    await bench.save(ANNA, Walker(id="bo", name="Bo"))
    assert [] == told
    await asyncio.to_thread(bench.erase, "anna")
    await bench.roster.refresh()
    await bench.roster.refresh()
    assert [["bo"]] == told
