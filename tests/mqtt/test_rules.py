"""The rules for commands at a real broker, with everything that a broker repeats."""

import asyncio
import json
import random
import string
import time

import aiomqtt
import pytest
import structlog

from backstride.domain.events import Ask, BusDown, Request
from backstride.domain.notices import Answer, Reply
from backstride.mqtt.intake import BURST, RATE

PREFIX = "backstride/gym"
START = {"v": 1, "id": "old", "command": "start", "program": "first-steps", "boot": "boot-0123"}


def properties(**values):
    made = aiomqtt.client.Properties(3)
    for name, value in values.items():
        setattr(made, name, value)
    return made


async def answer(observer):
    return json.loads((await observer.next(f"{PREFIX}/response")).payload)


async def test_a_start_of_now_is_passed_on(bench, observer):
    await observer.send("command", json.dumps({**START, "ts": bench.wall}))

    [request] = await bench.events.until(Request)
    assert (request.ask, request.program.id) == (Ask.START, "first-steps")


@pytest.mark.hazard("H02")
async def test_a_start_that_the_broker_kept_is_not_replayed_to_the_daemon(
    broker, make_bench, observe
):
    observer = await observe(broker.port, f"{PREFIX}/response")
    await observer.send("command", json.dumps(START), retain=True)
    await observer.send("command/start", "first-steps", retain=True)
    bench = make_bench(broker.port)
    await bench.up()

    await observer.send("command", '{"v":1,"id":"new","command":"pause"}')

    [request] = await bench.events.until(Request)
    assert request.id == "new"
    assert bench.bus.counters()["messages"] == 1


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("topic", ["command", "command/start"])
async def test_a_live_start_with_the_retain_flag_is_refused(bench, observer, topic):
    payload = json.dumps({**START, "ts": bench.wall}) if topic == "command" else "first-steps"
    expiry = properties(MessageExpiryInterval=5)

    await observer.send(topic, payload, retain=True, properties=expiry)

    assert (await answer(observer))["code"] == "retained"
    assert bench.events.of(Request) == []
    assert bench.bus.counters()["refused"] == 1


@pytest.mark.hazard("H02")
async def test_a_start_queued_for_a_former_session_does_not_arrive(broker, make_bench, observe):
    """Somebody used our client id with a persistent session, and the broker kept commands for it."""
    async with aiomqtt.Client(
        "127.0.0.1",
        broker.port,
        protocol=aiomqtt.ProtocolVersion.V5,
        identifier="backstride-gym",
        clean_start=False,
        properties=_session(3600),
    ) as former:
        await former.subscribe(f"{PREFIX}/command", qos=1)
    observer = await observe(broker.port, f"{PREFIX}/response")
    await observer.send("command", json.dumps(START))

    bench = make_bench(broker.port)
    await bench.up()
    await observer.send("command", '{"v":1,"id":"new","command":"pause"}')

    [request] = await bench.events.until(Request)
    assert request.id == "new"


def _session(seconds):
    made = aiomqtt.client.Properties(1)
    made.SessionExpiryInterval = seconds
    return made


@pytest.mark.hazard("H02")
async def test_a_start_does_not_survive_a_restart_of_the_broker(bench, broker, observe):
    observer = await observe(broker.port)
    await observer.send("command", json.dumps({**START, "ts": bench.wall}), retain=True)
    await answer(observer)

    await broker.stop()
    await bench.events.until(BusDown)
    await broker.start()
    await bench.up(2)
    await (await observe(broker.port)).send("command/pause")

    [request] = await bench.events.until(Request)
    assert request.ask is Ask.PAUSE


@pytest.mark.hazard("H02")
async def test_an_old_start_is_refused(bench, observer):
    await observer.send("command", json.dumps({**START, "ts": bench.wall - 10_001}))

    assert (await answer(observer))["code"] == "stale"
    assert bench.events.of(Request) == []


@pytest.mark.hazard("H02")
async def test_a_start_for_another_life_of_the_daemon_is_refused(bench, observer):
    await observer.send("command", json.dumps({**START, "ts": bench.wall, "boot": "boot-before"}))

    assert (await answer(observer))["code"] == "foreign_boot"
    assert bench.events.of(Request) == []


async def test_a_start_without_proof_is_refused(bench, observer):
    await observer.send("command", json.dumps(START))

    assert (await answer(observer))["code"] == "unproven"
    assert bench.events.of(Request) == []


async def test_a_scalar_start_with_an_expiry_is_passed_on(bench, observer):
    expiry = properties(MessageExpiryInterval=10)

    await observer.send("command/start", "first-steps", properties=expiry)

    [request] = await bench.events.until(Request)
    assert (request.ask, request.program.id) == (Ask.START, "first-steps")


async def test_a_scalar_start_that_waited_in_the_broker_is_never_delivered(
    broker, make_bench, observe
):
    bench = make_bench(broker.port)
    await bench.up()
    await bench.end()
    observer = await observe(broker.port, f"{PREFIX}/response")
    await observer.send("command/start", properties=properties(MessageExpiryInterval=1))
    again = make_bench(broker.port)
    await again.up()
    await observer.send("command/pause")

    [request] = await again.events.until(Request)
    assert request.ask is Ask.PAUSE


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize(
    ("topic", "payload", "retain"),
    [
        ("command", '{"v":1,"id":"s","command":"stop"}', False),
        ("command", "stop", False),
        ("command", "STOP", True),
        ("command", '{"command":"stop","ts":0,"boot":"boot-before"}', True),
        ("command/stop", "", False),
        ("command/stop", b"\xff\x00", True),
        ("command/stop", "x" * 60_000, False),
    ],
)
async def test_stop_is_taken_in_any_form(bench, observer, topic, payload, retain, qos):  # noqa: PLR0917  one case is four values
    await observer.client.publish(f"{PREFIX}/{topic}", payload, qos=qos, retain=retain)

    [request] = await bench.events.until(Request)
    assert request.ask is Ask.STOP


async def test_every_stop_is_passed_on_also_twice_the_same(bench, observer):
    for count in (1, 2, 3):
        await observer.send("command", '{"v":1,"id":"s","command":"stop"}')
        await bench.events.until(Request, count)

    assert [request.ask for request in bench.events.of(Request)] == [Ask.STOP] * 3


async def test_a_flood_of_stops_stops_without_flooding_the_session(bench, observer):
    await asyncio.gather(*(observer.send("command/stop") for _ in range(1_000)))
    await observer.send("command/pause")

    await bench.events.until(Ask.PAUSE)
    counters = bench.bus.counters()
    stops = len(bench.events.at(Ask.STOP))
    print(f"1,000 stops became {stops}, merged {counters['stops_merged']}")
    assert counters["stops"] == 1_000
    assert 1 <= stops < 1_000


def _random_command(chance):
    """Anything from nearly right to noise; never a stop, never fully right."""
    kind = chance.randrange(8)
    word = "".join(chance.choices(string.printable, k=chance.randrange(20)))
    note = {"v": 1, "id": f"r{chance.random()}", "command": "pause"}
    match kind:
        case 0:
            return chance.randbytes(chance.randrange(200))
        case 1:
            note["command"] = word
        case 2:
            note[word or "x"] = chance.random()
        case 3:
            note[chance.choice(["v", "id", "command", "ts", "boot", "expect", "program"])] = (
                chance.choice([None, [], {}, [[]], -1.5, True, "\ud800", 10**30])
            )
            note["v"] = chance.choice(["1", 2, None, -1])
        case 4:
            note = {**START, "ts": chance.randrange(10**12)}
        case 5:
            return json.dumps(note)[: chance.randrange(5, 30)].encode()
        case 6:
            note = chance.choice([[], 1, None, "x", [note], {"a": note}])
        case 7:
            return b"[" * chance.randrange(5_000)
    return json.dumps(note).encode()


async def test_10_000_random_commands_are_answered_or_counted_and_pass_nothing_on(bench, observer):
    seed = 20261120
    print("seed", seed)
    chance = random.Random(seed)
    topics = ["command"] * 8 + ["command/start", "command/x", "command/confirm"]
    sent = 0
    for _ in range(100):
        batch = []
        for _ in range(100):
            topic, payload = chance.choice(topics), _random_command(chance)
            if b"stop" not in payload.lower():
                batch.append(observer.send(topic, payload))
        sent += len(batch)
        await asyncio.gather(*batch)
    await observer.send("command/pause")
    [request] = await bench.events.until(Request)

    assert request.ask is Ask.PAUSE
    counters = bench.bus.counters()
    print(counters)
    assert counters["messages"] == sent + 1
    assert counters["errors"] + counters["refused"] + counters["dropped"] == sent
    assert counters["errors"] > 100
    assert counters["refused"] > 100


async def test_each_refusal_is_answered(bench, observer):
    for number in range(50):
        await observer.send("command", f'{{"v":1,"id":"r{number}","command":"explode"}}')

    answers = [await answer(observer) for _ in range(50)]

    assert [a["id"] for a in answers] == [f"r{number}" for number in range(50)]
    assert {(a["reply"], a["code"], a["phase"]) for a in answers} == {
        ("error", "unknown_command", "idle")
    }


async def test_a_long_message_reaches_nobody_and_breaks_nothing(bench, observer):
    await observer.send("command", "x" * 1_000_000)
    await observer.send("command", "x" * 50_000)
    await observer.send("command/pause")

    assert (await answer(observer))["code"] == "too_large"
    await bench.events.until(Ask.PAUSE)
    assert bench.bus.counters()["connections"] == 1


async def test_what_is_refused_is_counted_by_code_and_logged_once_in_a_while(bench, observer):
    with structlog.testing.capture_logs() as logs:
        for number in range(5):
            await observer.send("command", f'{{"v": 1, "id": "n{number}", "command": "dance"}}')
        await observer.send("command/dance")
        await observer.send("command", "junk")
        await observer.send("command/pause")
        (request,) = await bench.events.until(Request)
        bench.bus.answer(
            Answer(
                id=request.id, reply=Reply.REFUSED, code="wrong_phase", sentence="no", phase="idle"
            )
        )

    assert bench.bus.refused() == {"unknown_command": 6, "not_json": 1, "wrong_phase": 1}
    lines = [
        (log["kind"], log["source"], log["id"])
        for log in logs
        if log["event"] == "mqtt_command_refused"
    ]
    assert lines == [
        ("unknown_command", "command", "n0"),
        ("not_json", "command", None),
        ("wrong_phase", "command/pause", request.id),
    ]


async def test_a_flood_is_counted_and_not_read(bench, observer):
    for _ in range(3 * BURST):
        await observer.send("command/pause")
    await observer.send("command/stop")
    await bench.events.until(Ask.STOP)

    heard = len(bench.events.at(Ask.PAUSE))
    assert bench.bus.refused() == {"flood": 3 * BURST - heard}


@pytest.mark.hazard("H02")
async def test_the_answer_to_a_stop_goes_before_those_to_junk_and_junk_is_not_answered_for_ever(
    bench, observer
):
    begun = time.monotonic()
    for number in range(RATE // 2):
        for topic in ("command", "command/junk", "command/faster", "command/skip", "command/pause"):
            await observer.client.publish(f"{PREFIX}/{topic}", b"\xff%d" % number, qos=0)
    await observer.send("command", '{"id": "mine", "command": "stop"}')
    await bench.events.until(Ask.STOP)
    bench.bus.answer(Answer(id="mine", reply=Reply.OK, code="stop", sentence="", phase="idle"))

    before = 0
    while (await answer(observer))["id"] != "mine":
        before += 1
    assert before <= BURST + RATE * (time.monotonic() - begun)
    refused = bench.bus.refused()
    assert refused["unknown_command"] + refused["not_text"] + refused.get("flood", 0) >= RATE
