"""Text from a model of next tokens, token by token. It runs while serving, too: numpy and `tokenizers` alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError
from headway.inputs.protocols import Step
from headway.seeds import generator

if TYPE_CHECKING:
    from headway.inputs.text_blocks.field import TextBlocks

__all__ = ["MAX_TOKENS", "Sampling", "write"]

# That one call writes.
MAX_TOKENS = 100_000


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is drawn from a model's logits.

    Attributes:
        max_tokens: Tokens to write, unless the text ends before; from 1 to 100,000.
        temperature: What logits are divided by: below 1 the likely becomes likelier; at 0 the likeliest is taken.
        top_k: Only so many of the likeliest tokens are drawn from; 0 for all.
        top_p: Only the likeliest tokens that together have this probability; above 0, and 1 for all.
        seed: Decides the draws: the same seed and model write the same text.

    Raises:
        ConfigError: If a value is out of its range.

    Example:
        >>> Sampling(temperature=0).draw(np.array([0.0, 2.0, 1.0]), position=0)
        1

    Source:
        Fan, Lewis and Dauphin 2018, arXiv:1805.04833 (top_k); Holtzman et al. 2019, arXiv:1904.09751 (top_p).
    """

    max_tokens: int = 200
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        # Comparisons are false for NaN.
        allowed = {
            "max_tokens": type(self.max_tokens) is int and 1 <= self.max_tokens <= MAX_TOKENS,
            "temperature": _is_number(self.temperature) and 0 <= self.temperature <= 100,
            "top_k": type(self.top_k) is int and self.top_k >= 0,
            "top_p": _is_number(self.top_p) and 0 < self.top_p <= 1,
            "seed": type(self.seed) is int and 0 <= self.seed < 2**64,
        }
        wrong = [name for name, is_allowed in allowed.items() if not is_allowed]
        if wrong:
            given = ", ".join(f"{name}={getattr(self, name)!r}" for name in wrong)
            fix = f"Allowed: {'; '.join(f'{name} {_RANGES[name]}' for name in wrong)}."
            raise ConfigError("An option of writing is out of its range.", given=given, fix=fix)

    def draw(self, logits: np.ndarray, *, position: int) -> int:
        """The index of a token, from logits `[vocabulary]`; `position` is how many were drawn before."""
        if self.temperature == 0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / self.temperature
        weights = np.exp(scaled - scaled.max())
        if 0 < self.top_k < len(weights):
            weights[weights < np.partition(weights, -self.top_k)[-self.top_k]] = 0
        weights /= weights.sum()
        if self.top_p < 1:
            order = np.argsort(-weights, kind="stable")
            # Those before which less than `top_p` is reached: always the likeliest one.
            sums = np.cumsum(weights[order])
            weights[order[1:][sums[:-1] >= self.top_p]] = 0
        sums = np.cumsum(weights)
        drawn = generator(self.seed, "write", step=position).random() * sums[-1]
        return int(np.searchsorted(sums, drawn, side="right"))


_RANGES = {
    "max_tokens": f"from 1 to {MAX_TOKENS:,}",
    "temperature": "from 0 to 100",
    "top_k": "from 0",
    "top_p": "above 0 and at most 1",
    "seed": "a whole number from 0 and below 2**64",
}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Memory:
    """What a model has read, in one array with room for more, so that a step copies no more than what is new."""

    def __init__(self, step: Step, capacity: int) -> None:
        self._step = step
        self._array, self._length = step.empty, 0
        if step.grows:
            batch, _, *rest = step.empty.shape
            self._array = np.empty((batch, capacity, *rest), dtype=step.empty.dtype)

    def read(self, tokens: list[int]) -> np.ndarray:
        """Reads tokens; gives the logits of the one that follows, `[vocabulary]`."""
        past = self._array[:, : self._length] if self._step.grows else self._array
        logits, new = self._step.run(np.array([tokens], dtype=np.int32), past)
        if self._step.grows:
            self._array[:, self._length : self._length + len(tokens)] = new
        else:
            self._array = new
        self._length += len(tokens)
        return logits[0]

    def has_room(self) -> bool:
        """Whether another token can be read."""
        return not self._step.grows or self._length < self._array.shape[1]


def write(field: TextBlocks, step: Step, prompt: str, **options: int | float) -> Iterator[str]:
    """The text that follows a prompt, a piece each time; it ends where the model ends the text.

    Once the model has read as much as training's longest block, it reads the second half of that anew and goes on.

    Args:
        field: Fitted.
        step: How the model goes on.
        prompt: What the text begins with; it may be empty.
        options: The attributes of `Sampling`.

    Raises:
        ConfigError: If an option is out of its range, or the prompt is not text.
    """
    sampling = Sampling(**options)  # pyright: ignore[reportArgumentType]
    if not isinstance(prompt, str) or prompt.encode(errors="replace").decode() != prompt:
        given = type(prompt).__name__ if not isinstance(prompt, str) else ascii(prompt)[:80]
        raise ConfigError("The prompt must be text.", given=given, fix='Pass a text such as "Once".')
    # A function of its own, so that mistakes are found before the first piece is asked for.
    return _pieces(field, step, prompt, sampling)


def _pieces(field: TextBlocks, step: Step, prompt: str, sampling: Sampling) -> Iterator[str]:
    from tokenizers.decoders import DecodeStream

    tokens = [field.start, *field.token_indices(prompt)]
    tokenizer, stream = field.opened, DecodeStream(skip_special_tokens=True)
    memory, unread = _Memory(step, field.context), tokens[-field.context :]
    for position in range(sampling.max_tokens):
        if not memory.has_room():
            memory, unread = _Memory(step, field.context), tokens[-max(field.context // 2, 1) :]
        logits = memory.read(unread)
        if field.start != field.end_index:
            # Nothing begins twice.
            logits = logits.copy()
            logits[field.start] = -np.inf
        token = sampling.draw(logits, position=position)
        if token == field.end_index:
            return
        tokens.append(token)
        unread = [token]
        # Nothing as long as the bytes of a character are not all there.
        piece = stream.step(tokenizer, token)
        if piece:
            yield piece
