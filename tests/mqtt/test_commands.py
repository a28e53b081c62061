"""The rules for commands, without a broker."""

import json

import pytest

from backstride.domain.events import Ask
from backstride.domain.notices import Answer, Reply
from backstride.domain.units import KMH, MINUTE
from backstride.domain.workout import Effort, Facing, Level, Program, Step
from backstride.mqtt.commands import MEMORY, Accepted, Desk, Moment, Rejected, Repeated, Route
from backstride.mqtt.decode import LARGEST, Inbound

BOOT = "boot-0123"
NOW = 1_800_000_000_000
PROGRAM = Program(
    id="first-steps",
    name="First steps",
    goal="learn the gait",
    level=Level.BEGINNER,
    facing=Facing.BACKWARD,
    max_speed=1 * KMH,
    steps=(Step(effort=Effort.WORK, duration=MINUTE, speed=1 * KMH),),
)
MUST_BE_NEW = ["start", "confirm", "continue", "speed", "faster", "skip", "walker"]
VALUES = {"speed": ("speed", 2.4, "2.4", 240), "voice": ("on", False, "OFF", False)}
"""Commands with a value of their own: its key, and it in JSON, as plain text, and in a request."""
OTHERS = sorted({ask.value for ask in Ask} - {*MUST_BE_NEW, *VALUES, "feedback", "stop", "select"})


class Case:
    """A desk and the circumstances of the next message."""

    def __init__(self):
        self.phase = "idle"
        self.synchronised = True
        self.desk = self.make()

    def make(self, **options):
        programs = {PROGRAM.id: PROGRAM}
        return Desk(programs=programs.get, phase=lambda: self.phase, boot=BOOT, **options)

    def judge(self, topic, payload, **message):
        payload = payload.encode() if isinstance(payload, str) else payload
        inbound = Inbound(topic=topic, payload=payload[:LARGEST], size=len(payload), **message)
        return self.desk.judge(inbound, Moment(1234, NOW, self.synchronised))

    def send(self, command="pause", *, v=1, id="a1", message=None, **fields):  # noqa: A002
        note = {"v": v, "id": id, "command": command, **fields}
        return self.judge("command", json.dumps(note), **(message or {}))


@pytest.fixture
def case():
    return Case()


def code(judgement):
    return judgement.answer.code if isinstance(judgement, Rejected) else type(judgement).__name__


@pytest.mark.parametrize("name", OTHERS)
def test_a_command_becomes_a_request(case, name):
    judgement = case.send(name)

    assert isinstance(judgement, Accepted)
    request = judgement.request
    assert (request.at, request.id, request.ask, request.program) == (1234, "a1", Ask(name), None)
    assert request.source == "mqtt:command"


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_a_value_goes_with_its_command_and_with_no_other(case, name, value):
    key, given, text, meant = value
    assert getattr(case.send(name, ts=NOW, **{key: given}).request, key) == meant
    assert getattr(case.judge(f"command/{name}", f" {text} ", expiry=5).request, key) == meant
    assert code(case.send(name, id="a2", ts=NOW)) == "bad_value"
    assert code(case.send("pause", id="a3", **{key: given})) == "bad_value"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        *(("speed", text) for text in ("", "fast", "-1", "1e2", "nan", "2,4", "1000", "100", "٣")),
        *(("voice", text) for text in ("", "1", "true", "ON OFF")),
        *(
            ("feedback", text)
            for text in ("", "5", "21", "12 11", "12 1 1", "12,1", "12.5", "-7", "٦")
        ),
    ],
)
def test_a_value_that_is_none_is_an_error(case, topic, payload):
    answer = case.judge(f"command/{topic}", payload, expiry=5).answer
    assert (answer.reply, answer.code) == (Reply.ERROR, "bad_value")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("6", {"effort": 6}),
        ("20  10", {"effort": 20, "pain": 10}),
        ("12 0", {"effort": 12, "pain": 0}),
    ],
)
def test_feedback_is_an_effort_and_perhaps_a_pain(case, text, fields):
    said = [case.judge("command/feedback", text).request, case.send("feedback", **fields).request]
    meant = fields.get("effort"), fields.get("pain")
    assert [meant, meant] == [(request.effort, request.pain) for request in said]


def test_feedback_in_json_may_say_one_thing_of_the_two_within_its_scale(case):
    assert 3 == case.send("feedback", id="a1", pain=3).request.pain
    wrong = ({}, {"effort": 5}, {"effort": 21}, {"pain": -1}, {"pain": 11}, {"effort": 12.5})
    codes = [code(case.send("feedback", id=f"b{n}", **said)) for n, said in enumerate(wrong)]
    assert ["bad_value"] * len(wrong) == codes
    assert "bad_value" == code(case.send("present", id="c1", pain=3))


@pytest.mark.parametrize("speed", ['"2.4"', "-0.1", "100", "1e400", "true"])
def test_a_speed_in_json_is_a_number_that_a_treadmill_could_have(case, speed):
    note = f'{{"v":1,"id":"a","command":"speed","ts":{NOW},"speed":{speed}}}'
    assert case.judge("command", note).answer.code in {"bad_value", "not_json"}


def test_start_with_a_program_carries_it(case):
    judgement = case.send("start", program="first-steps", ts=NOW)
    assert judgement.request.program == PROGRAM


@pytest.mark.hazard("H26")
def test_a_confirm_may_name_the_program_that_it_means(case):
    assert case.send("confirm", id="a1", program="first-steps", ts=NOW).request.program == PROGRAM
    assert case.send("confirm", id="a2", ts=NOW).request.program is None
    assert code(case.send("confirm", id="a3", program="nothing", ts=NOW)) == "unknown_program"
    assert code(case.send("continue", id="a4", program="first-steps", ts=NOW)) == "bad_value"


def test_start_without_a_program_means_the_selected_one(case):
    assert case.send("start", ts=NOW).request.program is None


def test_select_needs_a_program(case):
    assert code(case.send("select")) == "bad_value"
    assert case.send("select", program="first-steps").request.program == PROGRAM


@pytest.mark.parametrize("program", ["nothing", "a-b"])
def test_an_unknown_program_is_refused(case, program):
    judgement = case.send("start", program=program, ts=NOW)
    assert (judgement.answer.reply, code(judgement)) == (Reply.REFUSED, "unknown_program")


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("name", MUST_BE_NEW)
@pytest.mark.parametrize(
    ("synchronised", "fields", "expiry", "expected"),
    [
        (True, {}, None, "unproven"),
        (True, {"boot": BOOT}, None, "unproven"),
        (True, {}, 10, "unproven"),
        (True, {"ts": NOW}, None, "Accepted"),
        (True, {"ts": NOW - 10_000}, None, "Accepted"),
        (True, {"ts": NOW - 10_001}, None, "stale"),
        (True, {"ts": NOW + 10_001}, None, "stale"),
        (True, {"ts": NOW - 10_001, "boot": BOOT}, 5, "stale"),
        (True, {"ts": NOW, "boot": "boot-9999"}, 5, "foreign_boot"),
        (True, {"boot": BOOT}, 10, "Accepted"),
        (True, {"boot": BOOT}, 11, "unproven"),
        (False, {"ts": NOW}, None, "unproven"),
        (False, {"ts": NOW, "boot": BOOT}, None, "Accepted"),
        (False, {"ts": NOW - 3_600_000, "boot": BOOT}, None, "unproven"),
        (False, {"ts": NOW - 3_600_000, "boot": BOOT}, 10, "Accepted"),
        (False, {"boot": BOOT}, 10, "Accepted"),
        (False, {"boot": BOOT}, 3600, "unproven"),
        (False, {"boot": "boot-9999", "ts": NOW}, 10, "foreign_boot"),
    ],
)
def test_what_can_set_the_belt_in_motion_or_make_it_faster_must_prove_that_it_is_new(  # noqa: PLR0917  one case is five values
    case, name, synchronised, fields, expiry, expected
):
    case.synchronised = synchronised
    value = {"speed": 2.4} if name == "speed" else {}
    assert code(case.send(name, message={"expiry": expiry}, **value, **fields)) == expected


@pytest.mark.parametrize("synchronised", [True, False])
@pytest.mark.parametrize("name", ["slower", "pause", "finish", "present", "acknowledge"])
def test_what_makes_no_belt_faster_needs_no_proof(case, name, synchronised):
    case.synchronised = synchronised
    assert code(case.send(name)) == "Accepted"
    assert code(case.judge(f"command/{name}", "")) == "Accepted"


@pytest.mark.hazard("H02", "H22")
@pytest.mark.parametrize("name", OTHERS)
def test_an_old_command_is_refused_with_a_synchronised_clock_only(case, name):
    assert code(case.send(name, id="a1", ts=NOW - 10_001)) == "stale"
    case.synchronised = False
    assert code(case.send(name, id="a2", ts=NOW - 10_001)) == "Accepted"


@pytest.mark.parametrize(
    "ts",
    [
        NOW,
        NOW / 1000,
        NOW // 1000,
        "2027-01-15T08:00:00Z",
        "2027-01-15T09:00:00.5+01:00",
    ],
)
def test_a_time_stamp_is_seconds_or_ms_or_iso_8601(case, ts):
    assert code(case.send("start", ts=ts)) == "Accepted"


@pytest.mark.parametrize("ts", ["now", "2027-01-15T08:00:00", "", 1e300, -(10**18), "9" * 200])
def test_any_other_time_stamp_is_an_error(case, ts):
    assert code(case.send("start", ts=ts)) == "bad_value"


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("name", [*MUST_BE_NEW, *OTHERS])
def test_a_retained_command_is_refused(case, name):
    message = {"retain": True, "expiry": 5}
    assert code(case.send(name, ts=NOW, boot=BOOT, message=message)) == "retained"
    assert code(case.judge(f"command/{name}", "", **message)) == "retained"


def test_a_command_for_another_phase_is_refused(case):
    case.phase = "running"
    judgement = case.send("confirm", ts=NOW, expect="armed")
    assert (judgement.answer.code, judgement.answer.phase) == ("wrong_phase", "running")
    assert "running, not armed" in judgement.answer.sentence


def test_a_command_refused_for_its_phase_stays_refused_when_it_comes_again(case):
    first = case.send("confirm", ts=NOW, expect="armed")
    case.phase = "armed"

    again = case.send("confirm", ts=NOW, expect="armed")

    assert again == Repeated(first.answer, Route())


@pytest.mark.hazard("H02")
def test_a_duplicate_repeats_the_stored_answer_whatever_its_age(case):
    case.send("pause", ts=NOW)
    answer = Answer(id="a1", reply=Reply.OK, code="ok", sentence="Done.", phase="holding")
    case.desk.settle(answer)

    assert case.send("pause", ts=NOW - 60_000) == Repeated(answer, Route())


def test_a_duplicate_of_an_unanswered_command_waits_for_its_answer(case):
    case.send("start", ts=NOW)
    assert case.send("start", ts=NOW) == Repeated(None, Route())


def test_256_ids_are_remembered(case):
    for number in range(MEMORY + 1):
        case.send(id=f"id-{number}")

    assert code(case.send(id="id-1")) == "Repeated"
    assert code(case.send(id="id-0")) == "Accepted"


def test_refused_junk_does_not_push_ids_out_of_memory(case):
    case.send("start", id="real", ts=NOW)
    for number in range(10 * MEMORY):
        case.send("start", id=f"junk-{number}")

    assert code(case.send("start", id="real", ts=NOW)) == "Repeated"


def test_the_answer_goes_where_the_author_asked(case):
    route = Route("reply/7", b"77")
    payload = b'{"v":1,"id":"a1","command":"pause"}'
    inbound = Inbound(topic="command", payload=payload, size=len(payload))
    case.desk.judge(inbound, Moment(0, NOW, synchronised=True), route)
    answer = Answer(id="a1", reply=Reply.OK, code="ok", sentence="", phase="idle")

    assert case.desk.settle(answer) == route
    assert case.desk.settle(answer) == Route()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", "not_json"),
        ("hello", "not_json"),
        ("pause", "not_json"),
        ("null", "not_json"),
        ("[]", "not_json"),
        ("3", "not_json"),
        ("{", "not_json"),
        ('{"v":1,"id":"a","command":"pause"} x', "not_json"),
        (b"\xff\xfe{}", "not_text"),
        (b'{"v":1,"id":"a","command":"\xc3\x28"}', "not_text"),
        ("[" * 4000, "not_json"),
        ('{"v":1,"id":' + "[" * 4000, "bad_value"),
        ('{"v":1,"id":"a","command":"pause","x":' + "[" * 1500 + "]" * 1500 + "}", "unknown_key"),
        ("{}", "bad_value"),
        ('{"v":1,"id":"a"}', "bad_value"),
        ('{"id":"a","command":"pause"}', "bad_value"),
        ('{"v":1,"command":"pause"}', "bad_value"),
        ('{"v":2,"id":"a","command":"pause"}', "bad_version"),
        ('{"v":0,"id":"a","command":"pause"}', "bad_value"),
        ('{"v":"1","id":"a","command":"pause"}', "bad_value"),
        ('{"v":true,"id":"a","command":"pause"}', "bad_value"),
        ('{"v":1.5,"id":"a","command":"pause"}', "bad_value"),
        ('{"v":1,"id":7,"command":"pause"}', "bad_value"),
        ('{"v":1,"id":"","command":"pause"}', "bad_value"),
        ('{"v":1,"id":"a\\n","command":"pause"}', "bad_value"),
        ('{"v":1,"id":"a b","command":"pause"}', "bad_value"),
        (json.dumps({"v": 1, "id": "a" * 65, "command": "pause"}), "bad_value"),
        ('{"v":1,"id":"a","command":"explode"}', "unknown_command"),
        ('{"v":1,"id":"a","command":"PAUSE"}', "unknown_command"),
        ('{"v":1,"id":"a","command":""}', "unknown_command"),
        ('{"v":1,"id":"a","command":null}', "bad_value"),
        ('{"v":1,"id":"a","command":["pause"]}', "bad_value"),
        ('{"v":1,"id":"a","command":"pause","gear":9}', "unknown_key"),
        ('{"v":1,"id":"a","command":"pause","Boot":"x"}', "unknown_key"),
        ('{"v":1,"id":"a","command":"pause","program":"first-steps"}', "bad_value"),
        ('{"v":1,"id":"a","command":"start","program":"../etc"}', "bad_value"),
        ('{"v":1,"id":"a","command":"start","program":7}', "bad_value"),
        ('{"v":1,"id":"a","command":"pause","expect":7}', "bad_value"),
        ('{"v":1,"id":"a","command":"pause","boot":7}', "bad_value"),
        ('{"v":1,"id":"a","command":"pause","ts":{}}', "bad_value"),
        (json.dumps({"v": 1, "id": "a", "command": "pause", "boot": "x" * 5000}), "too_large"),
        ("x" * 1_000_000, "too_large"),
    ],
)
def test_what_is_not_understood_is_an_error_with_a_code_and_a_sentence(case, payload, expected):
    judgement = case.judge("command", payload)

    assert (judgement.answer.reply, judgement.answer.code) == (Reply.ERROR, expected)
    assert 20 < len(judgement.answer.sentence) < 400


def test_an_error_names_the_command_that_it_answers_if_its_id_is_legible(case):
    judgement = case.judge("command", '{"v":1,"id":"a7","command":"pause","x":1}')
    assert judgement.answer.id == "a7"


STOPS = [
    "stop",
    "STOP",
    " Stop!\n",
    '"stop"',
    '["stop"]',
    "please stop now",
    b"\xff\xfes\x00t\x00o\x00p\x00",
    b"\xef\xbb\xbfstop",
    '{"command":"stop"}',
    '{"v":1,"id":"s1","command":"stop"}',
    '{"v":99,"command":"stop","nonsense":[1,2,3]}',
    '{"COMMAND":"STOP"}',
    "{'command': 'stop'}",
    '{"v":1,"id":"s1","command":"stop"',
    '{"command"  :\n "stop", "boot":"boot-9999", "ts":0, "expect":"running"}',
    '{"command":"\\u0073top"}',
    '{"v":1,"id":"stop","program":"stop","command":"stop"}',
    '{"command":"stop"}' + " " * 100_000,
]


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("payload", STOPS)
def test_stop_is_taken_in_any_form(case, payload, retain):
    judgement = case.judge("command", payload, retain=retain)

    assert isinstance(judgement, Accepted)
    assert judgement.request.ask is Ask.STOP


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize(
    "payload", [*STOPS, "", "0", "start", "{", b"\x00\xff\xfe", "x" * 1_000_000, "[" * 4096]
)
@pytest.mark.parametrize("topic", ["command/stop", "command/STOP"])
def test_stop_by_its_topic_needs_nothing(case, topic, payload, retain):
    judgement = case.judge(topic, payload, retain=retain)

    assert isinstance(judgement, Accepted)
    assert judgement.request.ask is Ask.STOP


def test_the_same_stop_is_taken_every_time(case):
    for _ in range(3):
        judgement = case.judge("command", '{"v":1,"id":"s1","command":"stop","ts":0}')
        assert (judgement.request.ask, judgement.request.id) == (Ask.STOP, "s1")


def test_stops_without_an_id_get_one_each(case):
    first, second = (case.judge("command/stop", "").request.id for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("command", "stopwatch"),
        ("command", "nonstop"),
        ("command", '{"v":1,"id":"a","command":"start","program":"stop"}'),
        ("command", '{"v":1,"id":"stop","command":"pause"}'),
        ("command", "x" * 70 + " stop"),
        ("command/select", "stop"),
        ("command/pause", "stop"),
    ],
)
def test_what_only_mentions_the_word_is_not_a_stop(case, topic, payload):
    judgement = case.judge(topic, payload)
    assert not (isinstance(judgement, Accepted) and judgement.request.ask is Ask.STOP)


@pytest.mark.parametrize("name", OTHERS)
def test_a_scalar_command_needs_no_payload(case, name):
    judgement = case.judge(f"command/{name}", "PRESS")
    assert (judgement.request.ask, judgement.request.source) == (Ask(name), f"mqtt:command/{name}")


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("name", MUST_BE_NEW)
@pytest.mark.parametrize(
    ("expiry", "trust", "expected"),
    [
        (None, False, "unproven"),
        (11, False, "unproven"),
        (10, False, "Accepted"),
        (0, False, "Accepted"),
        (None, True, "Accepted"),
    ],
)
def test_a_scalar_that_must_be_new_needs_an_expiry_or_a_site_that_trusts_it(
    case, name, expiry, trust, expected
):
    case.desk = case.make(trust_scalars=trust)
    text = "2.4" if name == "speed" else ""
    assert code(case.judge(f"command/{name}", text, expiry=expiry)) == expected


def test_a_scalar_names_its_program_in_the_payload(case):
    assert case.judge("command/select", " first-steps\n").request.program == PROGRAM
    assert case.judge("command/start", "first-steps", expiry=5).request.program == PROGRAM
    assert case.judge("command/start", "", expiry=5).request.program is None
    assert code(case.judge("command/select", "")) == "bad_value"
    assert code(case.judge("command/select", "../x")) == "unknown_program"
    assert code(case.judge("command/select", b"\xff")) == "not_text"
    assert code(case.judge("command/select", "x" * 5000)) == "too_large"


@pytest.mark.parametrize("topic", ["command/explode", "command/", "command/Start", "command/a/b"])
def test_a_scalar_topic_of_no_command_is_an_error(case, topic):
    assert code(case.judge(topic, "")) == "unknown_command"
