"""One sender of abuse: python -m bench.junk PORT TOPIC KIND RATE SECONDS. Tells what it sent, as JSON.

Prepares its messages before it begins and sends them at an even pace, as far as the broker takes them.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from bench import raw

SLICE_S: Final = 0.002
"""Between two writes to the socket; at 10,000 messages a second each has 20."""
PREPARED: Final = 5_000
"""Different messages; after the last the first comes again, but for the ids."""
MEGABYTE: Final = 1_000_000

type Maker = Callable[[random.Random, int], tuple[str, bytes, bool]]
"""Makes the message with a number: the topic below the command's, the payload, and whether it is retained."""


def _noise(rng: random.Random, _: int) -> tuple[str, bytes, bool]:
    return "", rng.randbytes(rng.randrange(8, 200)).hex().encode(), False


def _large(rng: random.Random, _: int) -> tuple[str, bytes, bool]:
    return "", rng.choice((b"{", b"x", b'["stop", ')) + b" " * MEGABYTE, False


def _deep(rng: random.Random, _: int) -> tuple[str, bytes, bool]:
    opening = rng.choice((b"[", b'{"a":', b'{"command":['))
    return "", opening * (rng.choice((200, 4_000, 60_000)) // len(opening)), False


def _not_text(rng: random.Random, _: int) -> tuple[str, bytes, bool]:
    return "", b'{"v":1,"id":"' + rng.randbytes(rng.randrange(8, 120)) + b'\xff\xfe"}', False


def _ids(rng: random.Random, number: int) -> tuple[str, bytes, bool]:
    ask = rng.choice(("pause", "slower", "present", "finish", "acknowledge"))
    return "", b'{"v":1,"id":"m-%d","command":"%s"}' % (number, ask.encode()), False


def _starts(rng: random.Random, number: int) -> tuple[str, bytes, bool]:
    """Whatever might start a belt if one of the rules were not there."""
    ask = rng.choice(("start", "confirm", "continue"))
    note = {"v": 1, "id": f"s-{number}", "command": ask}
    match rng.randrange(4):
        case 0:
            note["ts"] = time.time() - 3600
        case 1:
            note |= {"ts": time.time(), "boot": "00000000"}
        case 2:
            return f"/{ask}", b"bench-steps" if ask == "start" else b"", False
        case _:
            return "", json.dumps(note | {"ts": time.time()}).encode(), True
    return "", json.dumps(note).encode(), False


def _names(rng: random.Random, number: int) -> tuple[str, bytes, bool]:
    return (
        f"/{rng.choice(('faster', 'slower', 'skip', 'pause', 'present'))}{'x' * (number % 3)}",
        b"",
        False,
    )


MAKERS: Final[dict[str, Maker]] = {
    "noise": _noise,
    "large": _large,
    "deep": _deep,
    "not-text": _not_text,
    "ids": _ids,
    "starts": _starts,
    "names": _names,
}


def prepare(kind: str, topic: str, seed: int, count: int) -> list[bytes]:
    """The frames of `count` messages, whole."""
    rng, make = random.Random(seed), MAKERS[kind]
    frames = []
    for number in range(count):
        below, payload, retain = make(rng, number)
        frames.append(raw.publish(f"{topic}/command{below}".encode(), payload, retain=retain))
    return frames


def send(port: int, topic: str, kind: str, rate: float, seconds: float) -> dict[str, float]:
    """Send at this rate for so long."""
    total = int(rate * seconds)
    # Ids must not come again; of megabytes a few must do.
    most = total if kind == "ids" else 3 if kind == "large" else PREPARED
    frames = prepare(kind, topic, seed=total, count=min(total, most))
    connection = raw.connect(port, f"junk-{kind}-{time.monotonic_ns()}")
    threading.Thread(target=_drain, args=(connection,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.readline()
    begun, sent = time.monotonic(), 0
    while sent < total and time.monotonic() - begun < seconds * 1.5:
        due = min(int((time.monotonic() - begun) * rate) + 1, total)
        while sent < due:
            part = frames[sent % len(frames) :][: due - sent]
            connection.sendall(b"".join(part))
            sent += len(part)
        time.sleep(SLICE_S)
    return {"sent": sent, "seconds": time.monotonic() - begun}


def _drain(connection: object) -> None:
    while connection.recv(65_536):  # type: ignore[attr-defined]
        pass


if __name__ == "__main__":
    port, topic, kind, rate, seconds = sys.argv[1:]
    print(json.dumps(send(int(port), topic, kind, float(rate), float(seconds))), flush=True)
