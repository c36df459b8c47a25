"""Who on the network has an address: ARP probes (RFC 5227), neighbour solicitations (RFC 4862)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from collections.abc import Callable

ARP, IPV6 = 0x0806, 0x86DD
PROBES = 2
PATIENCE = 0.15  # seconds after each probe; who has the address answers within few milliseconds
NOBODY = bytes(6)


def answering(interface: str, mac: str, address: str) -> str:
    """The MAC of who says that it has `address`, "" when nobody does.

    Asks as one who wants to take the address: no neighbour learns anything from the question.
    Raises OSError when the interface can't be asked on, such as while it is down.
    """
    target = ipaddress.ip_address(address).packed
    mine = bytes.fromhex(mac.replace(":", ""))
    short = len(target) == 4
    kind, read = (ARP, arp_sender) if short else (IPV6, advertiser)
    question = arp_probe(mine, target) if short else solicitation(mine, target)
    # Protocol 0 receives nothing: so no frame of another interface comes in before the bind.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as line:
        line.bind((interface, kind))
        for _ in range(PROBES):
            line.send(question)
            if found := _heard(line, mine, lambda frame: read(frame, target)):
                return found.hex(":")
    return ""


def _heard(line: socket.socket, mine: bytes, read: Callable[[bytes], bytes]) -> bytes:
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            found = read(line.recv(2048))
        except TimeoutError:
            break
        if found not in (b"", mine):
            return found
    return b""


def arp_probe(mine: bytes, target: bytes) -> bytes:
    ethernet = b"\xff" * 6 + mine + struct.pack("!H", ARP)
    return ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mine + bytes(4) + NOBODY + target


def arp_sender(frame: bytes, target: bytes) -> bytes:
    """The sender's MAC of a frame in which it speaks as `target`, else nothing."""
    about = frame[14:22] in (
        struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) for operation in (1, 2)
    )
    return frame[22:28] if about and frame[28:32] == target else b""


def solicitation(mine: bytes, target: bytes) -> bytes:
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + target[-3:]
    ethernet = b"\x33\x33" + group[-4:] + mine + struct.pack("!H", IPV6)
    header = struct.pack("!IHBB", 6 << 28, 24, socket.IPPROTO_ICMPV6, 255) + bytes(16) + group
    pseudo = bytes(16) + group + struct.pack("!II", 24, socket.IPPROTO_ICMPV6)
    rest = bytes(4) + target
    total = _checksum(pseudo + b"\x87\x00\x00\x00" + rest)
    return ethernet + header + b"\x87\x00" + struct.pack("!H", total) + rest


def advertiser(frame: bytes, target: bytes) -> bytes:
    """The MAC that sent a neighbour advertisement for `target`, else nothing."""
    advertised = frame[20:21] == b"\x3a" and frame[54:55] == b"\x88"
    return frame[6:12] if advertised and frame[62:78] == target else b""


def _checksum(text: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(text) // 2}H", text))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
