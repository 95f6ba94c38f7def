"""The body of a request, read under limits of size, speed and memory.

Nothing here trusts what a client says of itself: `Content-Length` may only make a refusal quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from headway.serve.problems import Kind, Problem

__all__ = ["Held", "read_body"]

# A body may take this long, and a second more for each so many bytes.
_GRACE_SECONDS = 10.0
_SLOWEST_BYTES_A_SECOND = 50_000


class Held:
    """How many bytes all requests together hold in memory. Used by the event loop's thread alone.

    Args:
        limit: The most there may be.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0

    @contextmanager
    def request(self) -> Iterator[Share]:
        """One request's share, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.bytes -= share.bytes


class Share:
    """What one request holds of `Held`."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def add(self, count: int) -> None:
        """Notes more bytes.

        Raises:
            Problem: If there is no room for them.
        """
        if self._held.bytes + count > self._held.limit:
            detail = "Too many large bodies are arriving at once. Try again in a moment."
            raise Problem(Kind.BUSY, detail, headers={"retry-after": "1"})
        self._held.bytes += count
        self.bytes += count


async def read_body(request: Request, *, max_bytes: int, share: Share) -> bytes:
    """The whole body.

    Args:
        request: Whose body was not touched yet.
        max_bytes: The largest body there may be.
        share: Where the bytes are counted as they arrive.

    Raises:
        Problem: If it is too large, too slow, or there is no room for it.
        ClientDisconnect: If the client goes away meanwhile.
    """
    if int(request.headers.get("content-length", "0")) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    received = 0
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        async with asyncio.timeout(_GRACE_SECONDS) as limit:
            async for chunk in request.stream():
                received += len(chunk)
                if received > max_bytes:
                    raise _too_large(max_bytes)
                share.add(len(chunk))
                chunks.append(chunk)
                limit.reschedule(start + _GRACE_SECONDS + received / _SLOWEST_BYTES_A_SECOND)
    except TimeoutError:
        seconds = loop.time() - start
        detail = f"{received:,} bytes came in {seconds:.0f} seconds. Send it over a faster line, or less of it."
        raise Problem(Kind.SLOW_BODY, detail, headers={"connection": "close"}) from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Problem:
    detail = f"The limit is {max_bytes / 1e6:.3g} MB a request. Send less at once."
    return Problem(Kind.TOO_LARGE, detail)
