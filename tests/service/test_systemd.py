"""sd_notify against real datagram sockets."""

import os
import socket

import pytest

from backstride.service.systemd import (
    READY,
    STOPPING,
    WATCHDOG,
    notify,
    status,
    watchdog_interval,
)


@pytest.fixture
def listener():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        yield sock


def test_states_arrive_in_one_datagram(listener, tmp_path):
    path = str(tmp_path / "notify")
    listener.bind(path)
    told = notify(READY, status("watching\n the belt"), environ={"NOTIFY_SOCKET": path})
    assert (told, listener.recv(200)) == (True, b"READY=1\nSTATUS=watching the belt")


def test_an_abstract_socket_is_reached(listener):
    name = f"backstride-test-{os.getpid()}"
    listener.bind(f"\0{name}")
    told = notify(WATCHDOG, environ={"NOTIFY_SOCKET": f"@{name}"})
    assert (told, listener.recv(200)) == (True, b"WATCHDOG=1")


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_without_systemd_nothing_is_said_and_nothing_breaks(address):
    assert notify(STOPPING, environ={"NOTIFY_SOCKET": address}) is False


def test_a_full_queue_does_not_block(listener, tmp_path):
    path = str(tmp_path / "notify")
    listener.bind(path)
    told = [notify(WATCHDOG, environ={"NOTIFY_SOCKET": path}) for _ in range(3_000)]
    assert (told[0], told[-1]) == (True, False)


@pytest.mark.hazard("H23")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 10_000),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10_000),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "1"}, 1),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time(environ, expected):
    assert watchdog_interval(environ) == expected
