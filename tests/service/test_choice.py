"""Whoever was chosen stays so when the daemon dies, until they choose otherwise or are erased."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog

from backstride.domain.events import Ask, Request
from backstride.domain.readiness import Readiness
from backstride.domain.session import Phase
from backstride.domain.walker import Walker
from backstride.domain.workout import Level
from backstride.history.store import Store
from backstride.mqtt.people import NobodyError
from backstride.service.choice import FILE, Choice, forget_choice, read_choice, walks_now
from backstride.service.recovery import CLAIM
from backstride.service.training import Training
from backstride.service.walkers import Roster, local_now

BO = Walker(
    id="bo", name="Bo", level=Level.CAUTIOUS, readiness=Readiness(answered=local_now().at)
)  # fmt: skip


@pytest.fixture
def audible():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "history.db"
    with Store(path) as store:
        store.save_walker(BO)
    return path


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


class Life:
    """What one life of a daemon knows of one treadmill's people, beside its session on a stage."""

    def __init__(self, play, history, choice):
        self.play, self.roster, self.choice = play, Roster(history), choice
        self.training = Training(self.roster, lambda: play.session, "9f86d081", choice=self.choice)
        controller = play.stage.controller
        controller.watchers.append(self.choice.follow(self.roster, controller.sink))

    async def __aenter__(self):
        await self.roster.refresh()
        return self

    async def __aexit__(self, *_):
        await self.choice.settle()
        await asyncio.to_thread(self.roster.close)

    def say(self, ask, walker=None, program=None):
        now = self.play.session.now
        self.play.sink(Request(at=now, id="1", ask=ask, walker=walker, program=program))


@pytest.fixture
def live(stage_play, history, home):
    def run(story):
        choice = Choice(home)

        async def play_it(play):
            async with Life(play, history, choice) as life:
                await play.phase(Phase.IDLE)
                return await story(life)

        return stage_play(play_it)

    return run


@pytest.mark.hazard("H26")
def test_the_limits_of_whoever_was_chosen_hold_in_the_next_life(live, home):
    async def before(life):
        life.say(Ask.WALKER, life.training.find("bo"))

    async def after(life):
        return life.play.session.person, life.training.present(), life.training.walkers().selected

    live(before)
    assert "bo" == read_choice(home)
    person, present, selected = live(after)
    assert (None, "bo", Level.CAUTIOUS, "bo") == (person, present.id, present.level, selected)


def test_whoever_is_named_in_a_start_is_chosen_and_nobody_is_a_choice_too(live, home):
    async def start(life):
        await life.play.stage.until(lambda s: s.evidence.speed is not None, 60_000)
        life.say(Ask.START, life.training.find("bo"), life.play.program)
        assert life.play.session.phase is Phase.ARMED

    async def nobody(life):
        life.say(Ask.WALKER)
        return life.training.present()

    live(start)
    assert "bo" == read_choice(home)
    assert live(nobody) is None
    assert not (home / FILE).exists()


def test_a_start_that_is_refused_chooses_nobody_else(live, home):
    (home / FILE).write_text("bo")

    async def story(life):
        life.say(Ask.START)  # no program
        return life.training.present()

    assert "bo" == live(story).id


@pytest.mark.hazard("H26")
def test_nothing_starts_for_nobody_while_the_history_is_not_read(live, home, history):
    (home / FILE).write_text("bo")
    for file in history.parent.glob("history.db*"):
        file.unlink()

    async def story(life):
        with pytest.raises(NobodyError, match="try again in a moment"):
            life.training.present()
        return life.choice.walker

    assert "bo" == live(story)


@pytest.mark.hazard("H27")
def test_whoever_was_erased_is_chosen_no_more_once_the_belt_is_at_rest(live, home, history):
    def erase():
        with Store(history) as store:
            store.erase_walker("bo")

    async def story(life):
        life.say(Ask.WALKER, life.training.find("bo"))
        await life.play.stage.until(lambda s: s.evidence.speed is not None, 60_000)
        life.say(Ask.START, None, life.play.program)
        await asyncio.to_thread(erase)
        await life.roster.refresh()
        await asyncio.sleep(2)
        armed = life.play.session.phase, life.play.session.person.id
        life.say(Ask.STOP)
        await life.play.phase(Phase.IDLE, Phase.FINISHED)
        await life.play.stage.until(lambda s: s.person is None, 60_000)
        return armed, life.training.present(), life.training.walkers()

    armed, present, told = live(story)
    assert (Phase.ARMED, "bo") == armed
    assert (None, (), None) == (present, told.walkers, told.selected)
    assert not (home / FILE).exists()


@pytest.mark.parametrize("content", [b"", b"Not An Id", b"\xff", b"a\n"])
def test_a_damaged_file_is_nobody_and_is_logged(home, content, audible):
    (home / FILE).write_bytes(content)
    with structlog.testing.capture_logs() as logs:
        assert read_choice(home) is None
    assert ["who was chosen cannot be read"] == [line["event"] for line in logs]


def test_a_disk_that_does_not_take_it_is_logged_and_the_choice_holds_in_this_life(
    live, home, audible
):
    (home / FILE).with_suffix(".new").mkdir()

    async def story(life):
        with structlog.testing.capture_logs() as logs:
            life.say(Ask.WALKER, life.training.find("bo"))
            await life.choice.settle()
        return [line["event"] for line in logs if line["log_level"] == "error"]

    assert ["who was chosen is not kept for the next start"] == live(story)
    assert read_choice(home) is None


def test_a_choice_is_forgotten_at_every_treadmill_and_others_stay(tmp_path):
    for treadmill, walker in (("a", "bo"), ("b", "anna"), ("c", "bo")):
        (tmp_path / treadmill).mkdir()
        (tmp_path / treadmill / FILE).write_text(walker)
    (tmp_path / "b" / CLAIM).touch()
    assert (False, True) == (walks_now(tmp_path, "bo"), walks_now(tmp_path, "anna"))
    forget_choice(tmp_path, "bo")
    assert [None, "anna", None] == [read_choice(tmp_path / name) for name in "abc"]
