"""A server on this host, spoken to without a program: a text out, and all that comes back."""

from __future__ import annotations

import time

from .shell import Result

HOST = "127.0.0.1"
CHUNK = 1 << 16  # bytes
LARGEST = 4 << 20  # bytes of an answer


def said(port: int, text: str, timeout: float) -> Result:
    """What comes until the server hangs up, `timeout` seconds at most; exit -1 when it does not.

    Bytes that are no UTF-8 are in it as surrogates, so that lengths can be counted.
    """
    from _socket import AF_INET, SOCK_STREAM, error, socket  # socket's own imports take 8 ms

    end = time.monotonic() + timeout
    parts: list[bytes] = []
    line = socket(AF_INET, SOCK_STREAM)
    try:
        line.settimeout(timeout)
        line.connect((HOST, port))
        line.sendall(text.encode())
        while sum(map(len, parts)) < LARGEST:
            line.settimeout(max(0.001, end - time.monotonic()))
            part = line.recv(CHUNK)
            if not part:
                return Result(0, _text(parts), "")
            parts.append(part)
    except TimeoutError:
        return Result(-1, _text(parts), f"port {port} did not answer within {timeout:g} s")
    except error as failed:
        return Result(-1, _text(parts), f"port {port} of {HOST}: {failed.strerror or failed}")
    finally:
        line.close()
    return Result(-1, "", f"port {port} says more than {LARGEST} bytes")


def _text(parts: list[bytes]) -> str:
    return b"".join(parts).decode(errors="surrogateescape")
