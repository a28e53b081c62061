"""A person's stop, again and again: python -m bench.probe PORT TOPIC. A process of its own.

Each line on standard input is a number of stops to send, one after the other; the answer is a JSON list with
the ms from the moment before the stop was handed to the socket until its answer was read, None for one that
had no answer within PATIENCE_S.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
from typing import Final

from bench import raw

PATIENCE_S: Final = 2.0
SHORTEST_PAUSE_S: Final = 0.022
"""Stops closer than 20 ms are one stop to the daemon."""
LONGEST_PAUSE_S: Final = 0.042


class Probe:
    """One connection; what comes in is looked through for the answer that is waited for."""

    def __init__(self, port: int, topic: str) -> None:
        self._command = f"{topic}/command".encode()
        self._answers = f"{topic}/response/probe".encode()
        self._connection = raw.connect(port, "probe")
        self._connection.sendall(raw.subscribe(self._answers))
        self._connection.recv(1024)

    def stop(self, number: int) -> float | None:
        """Send one stop and wait for its answer; ms."""
        mark = struct.pack("!I", number)
        frame = raw.publish(self._command, b'{"command":"stop"}', respond=(self._answers, mark))
        begun = time.monotonic_ns()
        self._connection.sendall(frame)
        heard = b""
        while (left := PATIENCE_S - (time.monotonic_ns() - begun) / 1e9) > 0:
            self._connection.settimeout(left)
            try:
                heard += self._connection.recv(65_536)
            except TimeoutError:
                break
            if raw.text(mark) in heard:
                return (time.monotonic_ns() - begun) / 1e6
        return None


def main(port: int, topic: str) -> None:
    """Serve until standard input ends."""
    probe, rng, number = Probe(port, topic), random.Random(port), 0
    print("ready", flush=True)
    for line in sys.stdin:
        found = []
        for _ in range(int(line)):
            number += 1
            found.append(probe.stop(number))
            time.sleep(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S))
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
