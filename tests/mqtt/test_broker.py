"""The private broker that the demo, the benchmark and these tests share."""

import socket

import pytest

from backstride.mqtt.broker import BrokerError, Mosquitto, find_mosquitto, make_demo_broker


async def test_accepts_connections_as_soon_as_it_is_started(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        with socket.create_connection((broker.host, broker.port), timeout=1) as connection:
            assert connection.getpeername() == ("127.0.0.1", broker.port)


async def test_comes_back_on_the_same_port(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        first, port = broker.pid, broker.port
        await broker.kill()
        await broker.start()
        assert (broker.port, broker.pid != first) == (port, True)


async def test_is_gone_when_stopped_even_while_suspended(tmp_path):
    broker = Mosquitto(tmp_path)
    await broker.start()
    broker.suspend()
    await broker.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, broker.port), timeout=1)
    with pytest.raises(BrokerError, match="not running"):
        _ = broker.pid


async def test_says_why_it_did_not_start(tmp_path):
    with pytest.raises(BrokerError, match=r"did not start: .*nonsense"):
        await Mosquitto(tmp_path, extra=("nonsense true",)).start()


async def test_the_demo_takes_mosquitto_when_it_is_there(tmp_path):
    assert find_mosquitto() is not None
    async with make_demo_broker(tmp_path) as broker:
        assert isinstance(broker, Mosquitto)


async def test_serves_websockets_when_asked(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Mosquitto(tmp_path, websockets=port):
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            assert connection.getpeername()[1] == port
