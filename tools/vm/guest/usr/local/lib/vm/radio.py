"""The guest's end of the Bluetooth adapter: carries HCI packets between /dev/vhci and the host, unread.

The kernel takes and gives one whole packet at a time; the virtio port is a stream. Each packet begins with
its type, and each type has its length at a place of its own (Bluetooth Core, volume 4, part A, 2).
"""

import os
import select
import struct

PORT = "/dev/virtio-ports/radio"
VHCI = "/dev/vhci"
CREATE_PRIMARY = b"\xff\x00"
VENDOR = 0xFF
LENGTHS = {1: (3, "B"), 2: (3, "<H"), 3: (3, "B"), 4: (2, "B"), 5: (3, "<H")}
"""HCI packet type: where its length stands, and how it is written."""


def cut(stream: bytearray) -> bytes | None:
    """Take the first whole packet off the stream, or None while it is not all there."""
    at, form = LENGTHS[stream[0]] if stream else (0, "")
    head = at + struct.calcsize(form)
    if not stream or len(stream) < head:
        return None
    end = head + struct.unpack_from(form, stream, at)[0]
    if len(stream) < end:
        return None
    packet = bytes(stream[:end])
    del stream[:end]
    return packet


def main() -> None:
    """Plug the adapter in and carry packets until the process ends."""
    port = os.open(PORT, os.O_RDWR)
    vhci = os.open(VHCI, os.O_RDWR)
    os.write(vhci, CREATE_PRIMARY)
    stream = bytearray()
    while True:
        ready, _, _ = select.select([port, vhci], [], [])
        if vhci in ready:
            packet = os.read(vhci, 4096)
            if packet and packet[0] != VENDOR:
                view = memoryview(packet)
                while view:
                    view = view[os.write(port, view) :]
        if port in ready:
            stream += os.read(port, 4096)
            while (packet := cut(stream)) is not None:
                os.write(vhci, packet)


main()
