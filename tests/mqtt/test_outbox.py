"""What waits to be published."""

import asyncio

from backstride.mqtt.outbox import CAPACITY, Item, Outbox


class Time:
    now = 0.0

    def __call__(self):
        return self.now


def item(topic, payload=b"", **rest):
    return Item(topic=topic, payload=payload, qos=1, **{"retain": False, "put_at": 0.0, **rest})


def drain(outbox):
    items = []
    while (taken := outbox.take()) is not None:
        items.append((taken.topic, taken.payload))
    return items


async def test_only_the_newest_value_of_a_retained_topic_waits():
    outbox = Outbox(Time())
    for payload in (b"1", b"2", b"3"):
        outbox.put(item("state", payload, retain=True))

    assert drain(outbox) == [("state", b"3")]


async def test_events_keep_their_order():
    outbox = Outbox(Time())
    for number in range(3):
        outbox.put(item("event", b"%d" % number))

    assert drain(outbox) == [("event", b"0"), ("event", b"1"), ("event", b"2")]


async def test_values_and_events_take_turns():
    outbox = Outbox(Time())
    for name in "abc":
        outbox.put(item(name, retain=True))
        outbox.put(item(f"event-{name}"))

    assert [topic for topic, _ in drain(outbox)] == ["a", "event-a", "b", "event-b", "c", "event-c"]


async def test_the_oldest_event_gives_way_and_is_counted():
    outbox = Outbox(Time())
    for number in range(CAPACITY + 3):
        outbox.put(item("event", b"%d" % number))

    assert drain(outbox)[0] == ("event", b"3")
    assert outbox.dropped == 3


async def test_what_is_too_old_is_not_sent_and_is_counted():
    time = Time()
    outbox = Outbox(time)
    outbox.put(item("cue", expiry=5))
    time.now = 5.0

    assert drain(outbox) == []
    assert outbox.expired == 1


async def test_every_value_is_sent_again_after_renew():
    outbox = Outbox(Time())
    outbox.put(item("a", retain=True))
    outbox.put(item("b", retain=True))
    drain(outbox)

    outbox.renew()

    assert [topic for topic, _ in drain(outbox)] == ["a", "b"]


async def test_an_event_that_was_not_sent_is_the_next():
    outbox = Outbox(Time())
    outbox.put(item("event", b"1"))
    outbox.put(item("event", b"2"))

    outbox.restore(outbox.take())

    assert [payload for _, payload in drain(outbox)] == [b"1", b"2"]


async def test_a_value_that_was_not_sent_gives_way_to_a_newer_one():
    outbox = Outbox(Time())
    outbox.put(item("state", b"old", retain=True))
    old = outbox.take()
    outbox.put(item("state", b"new", retain=True))

    outbox.restore(old)

    assert drain(outbox) == [("state", b"new")]


async def test_waiting_ends_when_something_comes():
    outbox = Outbox(Time())
    waiting = asyncio.create_task(outbox.next())
    await asyncio.sleep(0)
    outbox.put(item("event", b"1"))

    assert (await asyncio.wait_for(waiting, 1)).payload == b"1"


async def test_what_is_urgent_goes_before_everything_and_in_its_order():
    outbox = Outbox(Time())
    outbox.put(item("state", b"1", retain=True))
    for number in range(3):
        outbox.put(item("event", b"%d" % number))
    for number in range(2):
        outbox.put(item("response", b"%d" % number, urgent=True))

    assert drain(outbox)[:2] == [("response", b"0"), ("response", b"1")]


async def test_what_is_urgent_and_was_not_sent_is_the_first_again():
    outbox = Outbox(Time())
    outbox.put(item("response", b"1", urgent=True))
    outbox.put(item("response", b"2", urgent=True))
    outbox.restore(outbox.take())

    assert drain(outbox) == [("response", b"1"), ("response", b"2")]


async def test_urgent_answers_to_nobody_are_bounded_too():
    outbox = Outbox(Time())
    for number in range(CAPACITY + 5):
        outbox.put(item("response", b"%d" % number, urgent=True))

    assert outbox.dropped == 5
    assert len(drain(outbox)) == CAPACITY
