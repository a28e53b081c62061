"""The link against a real broker that is absent, killed, frozen and restarted."""

import asyncio
import json
import socket
import time

import aiomqtt
import pytest
from blockbuster import blockbuster_ctx

from backstride.domain.events import Ask, BusDown, BusUp, CueHeard, Request
from backstride.domain.notices import Answer, Reply
from backstride.mqtt.broker import Mosquitto, free_port
from backstride.mqtt.topics import TopicError
from backstride.ports import Publication

PREFIX = "backstride/gym"


async def test_announces_itself_only_after_it_listens_to_commands(broker, make_bench, observer):
    bench = make_bench(broker.port)

    message = await observer.next(f"{PREFIX}/availability")
    await observer.send("command/stop")

    assert message.payload == b"online"
    [request] = await bench.events.until(Request)
    assert request.ask is Ask.STOP


async def test_availability_is_retained(bench, broker, observe):
    late = await observe(broker.port)

    message = await late.next(f"{PREFIX}/availability")

    assert (message.payload, message.retain) == (b"online", True)


async def test_ends_with_offline_and_without_the_will(bench, broker, observer):
    await observer.next(f"{PREFIX}/availability")

    await bench.end()

    message = await observer.next(f"{PREFIX}/availability")
    assert message.payload == b"offline"
    assert [type(event) for event in bench.events.all] == [BusUp, BusDown]
    await asyncio.wait_for(broker.logged("Client backstride-gym disconnected."), 5)


async def test_sends_what_is_left_before_it_ends(bench, observer):
    bench.bus.publish(Publication("state", b"last words", retain=True))
    await bench.end()

    message = await observer.next(f"{PREFIX}/state")

    assert message.payload == b"last words"


async def test_connects_when_the_broker_appears_later(tmp_path, make_bench, observe):
    bench = make_bench(free_port())
    port = bench.bus._settings.port
    bench.bus.publish(Publication("state", b"1", retain=True))

    async with Mosquitto(tmp_path, port=port):
        await bench.up()
        message = await (await observe(port)).next(f"{PREFIX}/state")

    assert message.payload == b"1"


async def test_a_killed_broker_is_noticed_and_found_again(bench, broker, observe):
    bench.bus.publish(Publication("state", b"before", retain=True))

    await broker.kill()
    await bench.events.until(BusDown)
    await broker.start()
    await bench.up(2)

    message = await (await observe(broker.port)).next(f"{PREFIX}/state")
    assert message.payload == b"before"
    assert [type(e) for e in bench.events.all] == [BusUp, BusDown, BusUp]


async def test_every_retained_topic_is_said_again_to_a_broker_that_forgot_them(
    bench, broker, observe
):
    said = {f"topic-{i}": str(i).encode() for i in range(5)}
    for topic, payload in said.items():
        bench.bus.publish(Publication(topic, payload, retain=True))

    await broker.stop()
    await broker.start()
    await bench.up(2)

    observer = await observe(broker.port)
    heard = {}
    async for message in observer.client.messages:
        heard[message.topic.value.removeprefix(f"{PREFIX}/")] = message.payload
        if len(heard) == len(said) + 1:
            break
    assert heard == {**said, "availability": b"online"}


async def test_a_frozen_broker_is_noticed_by_an_unanswered_publish(bench, broker, observe):
    broker.suspend()
    bench.bus.publish(Publication("state", b"anybody?", retain=True))

    began = time.monotonic()
    await bench.events.until(BusDown)
    took = time.monotonic() - began
    broker.proceed()
    await bench.up(2)

    assert took < 2.0 + 1.0
    assert (await (await observe(broker.port)).next(f"{PREFIX}/state")).payload == b"anybody?"
    assert bench.bus.counters()["publishes_failed"] == 1


@pytest.mark.hazard("H12")
async def test_a_frozen_broker_is_noticed_without_traffic_by_keepalive(broker, make_bench):
    bench = make_bench(broker.port, keepalive=1)
    await bench.up()

    broker.suspend()
    began = time.monotonic()
    await bench.events.until(BusDown)
    broker.proceed()

    assert time.monotonic() - began < 5
    await bench.up(2)


async def test_a_publish_caught_by_a_disconnect_does_not_wait_for_its_timeout(broker, make_bench):
    bench = make_bench(broker.port, timeout=30.0)
    await bench.up()

    broker.suspend()
    bench.bus.publish(Publication("state", b"1", retain=True))
    began = time.monotonic()
    await broker.kill()
    await bench.events.until(BusDown)

    assert time.monotonic() - began < 2


async def test_the_will_is_published_when_the_process_vanishes(bench, broker, observer):
    await observer.next(f"{PREFIX}/availability")

    # What the kernel does to the connection of a killed process.
    _client_of(bench)._client.socket().shutdown(socket.SHUT_RDWR)

    message = await observer.next(f"{PREFIX}/availability")
    assert message.payload == b"offline"
    # As when it is said alive; a broker's words for us must not differ.
    assert ("text/plain", 1) == (
        message.properties.ContentType,
        message.properties.PayloadFormatIndicator,
    )
    assert (await observer.next(f"{PREFIX}/availability")).payload == b"online"


def _client_of(bench):
    frame = bench.task.get_coro().cr_await
    while "client" not in frame.cr_frame.f_locals:
        frame = frame.cr_await
    return frame.cr_frame.f_locals["client"]


async def test_each_attempt_uses_a_new_client(bench, broker):
    first = _client_of(bench)

    await broker.kill()
    await bench.events.until(BusDown)
    await broker.start()
    await bench.up(2)

    assert _client_of(bench) is not first


@pytest.mark.hazard("H02")
async def test_commands_sent_while_it_was_away_do_not_arrive_later(bench, broker, observe):
    observer = await observe(broker.port)
    _client_of(bench)._client.socket().shutdown(socket.SHUT_RDWR)
    await bench.events.until(BusDown)
    await observer.send("command", '{"v":1,"id":"old","command":"pause"}')
    await bench.up(2)

    await observer.send("command", '{"v":1,"id":"new","command":"pause"}')

    [request] = await bench.events.until(Request)
    assert request.id == "new"


async def test_nothing_queues_in_the_library(bench, observer):
    for i in range(50):
        await observer.send("command", f'{{"v":1,"id":"a{i}","command":"pause"}}')

    await bench.events.until(Request, 50)

    assert len(_client_of(bench).messages) == 0


async def test_another_daemon_for_the_same_treadmill_throws_the_first_out(
    bench, broker, make_bench
):
    other = make_bench(broker.port, retry_after=30.0)
    await other.up()

    await bench.events.until(BusDown)
    await bench.up(2)
    await other.events.until(BusDown)


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.003, 0.01])
async def test_cancelled_while_it_connects_it_leaves_nothing_behind(broker, make_bench, moment):
    for _ in range(5):
        bench = make_bench(broker.port)
        await asyncio.sleep(moment)  # the moment of the cancellation is the case itself
        await bench.end()

    bench = make_bench(broker.port)
    await bench.up()


async def test_cancelled_while_it_waits_for_a_silent_broker_it_ends_at_once(make_bench):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.setblocking(False)
        bench = make_bench(silent.getsockname()[1], timeout=30.0)
        accepted, _ = await asyncio.get_running_loop().sock_accept(silent)
        began = time.monotonic()
        await bench.end()
        took = time.monotonic() - began
        accepted.close()

    assert took < 1
    assert bench.events.all == []


async def test_a_silent_broker_is_given_up_after_the_timeout(make_bench):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.setblocking(False)
        make_bench(silent.getsockname()[1], timeout=0.2)
        loop = asyncio.get_running_loop()
        connections = [(await asyncio.wait_for(loop.sock_accept(silent), 5))[0] for _ in range(2)]
        for connection in connections:
            connection.close()


async def test_request_and_response_do_not_wait_for_nagle(bench, observer):
    took = []
    for i in range(50):
        began = time.perf_counter()
        await observer.send("command", f'{{"v":1,"id":"r{i}","command":"bogus"}}')
        await observer.next(f"{PREFIX}/response")
        took.append(time.perf_counter() - began)

    took.sort()
    print(f"request/response p50 {took[25] * 1000:.2f} ms, p98 {took[48] * 1000:.2f} ms")
    assert took[25] < 0.02


async def test_only_the_newest_of_a_retained_topic_is_sent_after_an_outage(bench, broker, observe):
    await broker.kill()
    await bench.events.until(BusDown)
    for i in range(100):
        bench.bus.publish(Publication("state", str(i).encode(), retain=True))
    await broker.start()
    observer = await observe(broker.port)
    await bench.up(2)

    bench.bus.publish(Publication("event", b"end"))
    heard = []
    async for message in observer.client.messages:
        heard.append((message.topic.value, message.payload))
        if message.payload == b"end":
            break

    assert [payload for topic, payload in heard if topic.endswith("/state")] == [b"99"]


async def test_events_of_an_outage_arrive_in_order_and_the_oldest_are_dropped(
    bench, broker, observe
):
    await broker.kill()
    await bench.events.until(BusDown)
    for i in range(1_200):
        bench.bus.publish(Publication("event", str(i).encode()))
    await broker.start()
    observer = await observe(broker.port)
    await bench.up(2)

    heard = [int((await observer.next(f"{PREFIX}/event")).payload) for _ in range(1_000)]

    assert heard == list(range(200, 1_200))
    assert bench.bus.counters()["events_dropped"] == 200


@pytest.mark.hazard("H28")
async def test_a_cue_that_waited_too_long_is_not_said(bench, broker, observe):
    await broker.kill()
    await bench.events.until(BusDown)
    bench.bus.publish(Publication("cue", b"late", expiry=0, cue=1))
    await broker.start()
    observer = await observe(broker.port)
    await bench.up(2)
    bench.bus.publish(Publication("cue", b"now", cue=2))

    assert (await observer.next(f"{PREFIX}/cue")).payload == b"now"
    [heard] = await bench.events.until(CueHeard)
    assert heard.cue == 2
    assert bench.bus.counters()["messages_expired"] == 1


async def test_a_cue_counts_as_heard_when_somebody_listens(bench, observer):
    bench.bus.publish(Publication("cue", b"step on", cue=7))

    [heard] = await bench.events.until(CueHeard)

    assert heard.cue == 7


@pytest.mark.hazard("H28")
async def test_a_cue_that_nobody_listens_to_is_not_heard(bench, broker, observe):
    bench.bus.publish(Publication("cue", b"to an empty room", cue=7))
    observer = await observe(broker.port, f"{PREFIX}/event")
    bench.bus.publish(Publication("event", b"after"))
    await observer.next(f"{PREFIX}/event")

    assert bench.events.of(CueHeard) == []
    assert bench.bus.counters()["cues_unheard"] == 1


async def test_messages_carry_expiry_and_content_type(bench, observer):
    bench.bus.publish(Publication("state", b"{}", retain=True))

    properties = (await observer.next(f"{PREFIX}/state")).properties

    assert properties.MessageExpiryInterval == 120
    assert properties.ContentType == "application/json"


async def test_an_answer_goes_to_the_response_topic_with_its_correlation(bench, observe, broker):
    observer = await observe(broker.port, "desk/7")
    properties = aiomqtt.client.Properties(3 << 0)
    properties.ResponseTopic = "desk/7"
    properties.CorrelationData = b"\x00\xff77"
    await observer.send("command", '{"v":1,"id":"a1","command":"pause"}', properties=properties)
    await bench.events.until(Request)

    bench.bus.answer(Answer(id="a1", reply=Reply.OK, code="ok", sentence="Done.", phase="holding"))

    message = await observer.next("desk/7")
    assert message.properties.CorrelationData == b"\x00\xff77"
    assert json.loads(message.payload) == {
        "v": 1,
        "id": "a1",
        "reply": "ok",
        "code": "ok",
        "sentence": "Done.",
        "phase": "holding",
    }


@pytest.mark.hazard("H27")
@pytest.mark.parametrize(
    "topic",
    [
        "backstride/gym/command",
        "backstride/gym/state",
        "backstride/other/command/stop",
        "homeassistant/device/x/config",
        "$SYS/x",
    ],
)
async def test_an_answer_never_goes_where_it_could_do_something(bench, observer, topic):
    properties = aiomqtt.client.Properties(3)
    properties.ResponseTopic = topic
    await observer.send("command", "junk", properties=properties)

    message = await observer.next(f"{PREFIX}/response")

    assert json.loads(message.payload)["code"] == "not_json"


async def test_a_duplicate_gets_the_stored_answer_and_no_second_request(bench, observer):
    command = '{"v":1,"id":"once","command":"pause"}'
    await observer.send("command", command)
    await bench.events.until(Request)
    bench.bus.answer(
        Answer(id="once", reply=Reply.REFUSED, code="no", sentence="No.", phase="idle")
    )
    first = await observer.next(f"{PREFIX}/response")

    await observer.send("command", command)

    assert (await observer.next(f"{PREFIX}/response")).payload == first.payload
    assert len(bench.events.of(Request)) == 1
    assert bench.bus.counters()["duplicates"] == 1


def test_a_treadmill_needs_an_id_that_fits_a_topic(make_bench):
    with pytest.raises(TopicError, match="living-room"):
        make_bench(1883, treadmill="Gym/#")


async def test_nothing_blocks_the_loop(broker, make_bench, observer):
    with blockbuster_ctx("backstride") as detector:
        bench = make_bench(broker.port)
        await bench.up()
        for number in range(20):
            bench.bus.publish(Publication("state", b"x" * 1000, retain=True))
            await observer.send("command", f'{{"v":1,"id":"b{number}","command":"pause"}}')
            await bench.events.until(Request, number + 1)
        await broker.kill()
        await bench.events.until(BusDown)
        detector.deactivate()  # starting a broker looks for its program on the disk
        await broker.start()
        detector.activate()
        await bench.up(2)
        await bench.end()
