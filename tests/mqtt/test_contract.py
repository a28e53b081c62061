"""What the link relies on in aiomqtt and paho, or works around: a change of it is noticed."""

import asyncio
import inspect

import aiomqtt
import paho.mqtt.client as paho
import pytest


@pytest.fixture
async def plain(broker):
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        yield client


async def test_paho_reads_through_a_method_that_can_be_replaced(plain):
    source = inspect.getsource(paho.Client._packet_read)

    assert source.count("self._sock_recv(") == 3
    assert "self._sock.recv" not in source


async def test_aiomqtt_attaches_the_reader_in_one_place():
    assert "add_reader" in inspect.getsource(aiomqtt.Client._on_socket_open)
    assert "_misc_loop" in inspect.getsource(aiomqtt.Client._on_socket_open)


async def test_aiomqtt_keeps_every_message_in_a_queue_without_end(plain):
    assert plain._queue.maxsize == 0


async def test_aiomqtt_drops_the_reason_code_of_a_publish(plain):
    assert await plain.publish("nobody/listens", qos=1) is None


async def test_aiomqtt_does_not_end_the_wait_when_a_connection_closes_unanswered():
    async def hang_up(_, writer):
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(aiomqtt.MqttError, match="timed out"):
        async with aiomqtt.Client("127.0.0.1", port, timeout=0.3):
            pass
    server.close()
    await server.wait_closed()


async def test_aiomqtt_returns_refused_subscriptions_as_codes(plain):
    codes = await plain.subscribe("a/b", qos=0)
    assert [code.value for code in codes] == [0]


async def test_iterating_the_messages_raises_when_the_connection_is_lost(broker):
    async def read():
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await broker.kill()
            await anext(client.messages)

    with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
        await read()
