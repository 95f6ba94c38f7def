"""The limits of a server, and what it writes down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headway.errors import ConfigError

__all__ = ["MAX_FILES", "MAX_HEADER_BYTES", "MAX_ROWS", "Settings"]

# In one request.
MAX_FILES = 64
MAX_ROWS = 256

# A request's address and headers together.
MAX_HEADER_BYTES = 32_768


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server admits, and what it keeps of it.

    Args:
        max_body_bytes: Of a request, however many items are in it.
        max_pixels: As they are decoded. A JPEG is decoded near the size that the model wants, so a photo of 100
            megapixels is usually no problem; a PNG is decoded whole.
        queue: Items that may wait for their answers; a request beyond that gets 503.
        deadline_seconds: From the end of a request's body to its answer; a request beyond that gets 504.
        log: A folder for one JSON line an item. Default: nothing is written.
        host_names: The names that requests may have in `Host`, in lower case. Default: any.
        keep_inputs: Whether items are kept there too: files as they came, rows in their lines.
        providers: What of onnxruntime runs the model, as for `hw.load`. Default: the CPU.

    Raises:
        ConfigError: If a limit is not positive, or inputs are to be kept without a folder.
    """

    max_body_bytes: int = 10_000_000
    max_pixels: int = 40_000_000
    queue: int = 256
    deadline_seconds: float = 10.0
    log: Path | None = None
    keep_inputs: bool = False
    host_names: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        limits = {
            "max_body": self.max_body_bytes,
            "max_pixels": self.max_pixels,
            "queue": self.queue,
            "deadline": self.deadline_seconds,
        }
        wrong = [f"{name}={value}" for name, value in limits.items() if not 0 < value < float("inf")]
        if wrong:
            raise ConfigError("A limit must be a positive number.", given=wrong, fix="Leave it out for the default.")
        if self.keep_inputs and self.log is None:
            what = "Inputs can be kept only in the folder of a log."
            raise ConfigError(what, given="keep_inputs without log", fix="Add --log DIR.")
