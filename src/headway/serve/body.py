"""The body of a request, read under limits of size, speed and memory.

Nothing here trusts what a client says of itself: `Content-Length` may only make a refusal quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import Request

from headway.serve.problems import Kind, Problem

__all__ = ["Held", "read_body"]

# A body may take this long, and a second more for each so many bytes.
_GRACE_SECONDS = 10.0
_SLOWEST_BYTES_A_SECOND = 50_000


class Held:
    """How many bytes all requests together hold in memory, `limit` at most. Used by the event loop's thread alone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """What notes more bytes of one request, and raises a Problem where there is no room; given back at the end."""
        share = 0

        def add(count: int) -> None:
            nonlocal share
            if self.bytes + count > self.limit:
                detail = "Too many large bodies are arriving at once. Try again in a moment."
                raise Problem(Kind.BUSY, detail, headers={"retry-after": "1"})
            self.bytes += count
            share += count

        try:
            yield add
        finally:
            self.bytes -= share


async def read_body(request: Request, *, max_bytes: int, add: Callable[[int], None]) -> bytes:
    """The whole body of a request, of which `add` is told as it arrives.

    Raises:
        Problem: If it is too large, too slow, or there is no room for it.
        ClientDisconnect: If the client goes away meanwhile.
    """
    # The web server has refused a length that is not a number.
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
                add(len(chunk))
                chunks.append(chunk)
                # By all bytes so far, not by the last chunk: a byte a second would keep any clock of chunks running.
                limit.reschedule(start + _GRACE_SECONDS + received / _SLOWEST_BYTES_A_SECOND)
    except TimeoutError:
        seconds = loop.time() - start
        detail = f"{received:,} bytes came in {seconds:.0f} seconds. Send it over a faster line, or less of it."
        raise Problem(Kind.SLOW_BODY, detail, headers={"connection": "close"}) from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Problem:
    detail = f"The limit is {max_bytes / 1e6:.3g} MB a request. Send less at once."
    return Problem(Kind.TOO_LARGE, detail)
