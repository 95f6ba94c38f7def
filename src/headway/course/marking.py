"""What decides whether an answer is right: small functions of plain values, the same in Python and on the site.

`course/site` has each of them in JavaScript. Both run the table of `tests/course/marking_cases.json`, so nothing here
uses what only one of the two languages has: ASCII digits, explicit lists of signs, no locale.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = [
    "broken_order",
    "fold_word",
    "has_keyword",
    "is_close",
    "is_nearly",
    "output_tokens",
    "read_as_points",
    "read_number",
    "same_output",
    "words_of",
]

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?"
_SEPARATORS = re.compile(r"[ \t\n\r\u00a0.,;:!?()\[\]{}\"'`´‘’“”*_/\\<>=+|-]+")
_TOKEN = re.compile(rf"{_NUMBER}|[a-z_][a-z0-9_.]*|[^ \t\n\r,]")
_WRAPPERS = (
    "tensor",
    "array",
    "torch.size",
    "torch.tensor",
    "np.array",
    "size",
    "np.float64",
    "np.float32",
    "np.int64",
)
_LONG = 7
# How a tensor is stored is not what the question is about, and no one types it.
_DETAILS = re.compile(r",?[ \n]*(?:dtype=[a-z0-9_.]+|device='[^']*'|grad_fn=<[^>]*>|requires_grad=(?:true|false))")


def read_number(text: str, units: Sequence[str] = ()) -> float | None:
    """The number that a text means; None if it means none.

    It takes 0.5, 1/2, 50 %, 5e-1, a decimal comma, thousands with commas or spaces, and one of `units` behind it.
    Where "%" is one of the units, a percentage is not divided by 100.

    Example:
        >>> read_number("12 %"), read_number("1/4"), read_number("3 s", ["s"]), read_number("many")
        (0.12, 0.25, 3.0, None)
    """
    # Signs that phones and word processors write: the true minus and the no-break space. `strip()` alone would differ
    # from JavaScript's, which marks by the same rules.
    text = text.strip(" \t\n\r\u00a0").replace("\u2212", "-").replace("\u00a0", " ").lower()
    # The longest first: "ms" ends with "s".
    for unit in sorted(units, key=len, reverse=True):
        if unit and text.endswith(unit.lower()):
            text = text[: -len(unit)].rstrip(" ")
            break
    divisor = 1.0
    if text.endswith("%"):
        text, divisor = text[:-1].rstrip(" "), 100.0
    above, slash, below = text.partition("/")
    value = _plain_number(above.strip(" "))
    if slash:
        bottom = _plain_number(below.strip(" "))
        value = None if value is None or not bottom else value / bottom
    return None if value is None else value / divisor


def read_as_points(text: str, units: Sequence[str] = ()) -> float | None:
    """What a share is in points, where points are the unit and the text has none behind it; None elsewhere.

    Example:
        >>> read_as_points("0.13", ["points"]), read_as_points("13 points", ["points"]), read_as_points("0.13")
        (13.0, None, None)
    """
    share = read_number(text) if "points" in units else None
    return None if share is None else 100 * share


def _plain_number(text: str) -> float | None:
    # Three digits behind a comma are thousands, any other number of digits are decimals: 1,000 is a thousand, 0,500 a
    # half.
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2}(?:[ ,][0-9]{3})+(?:\.[0-9]+)?", text):
        text = text.replace(",", "").replace(" ", "")
    elif re.fullmatch(r"[+-]?[0-9]*,[0-9]+", text):
        text = text.replace(",", ".")
    return float(text) if re.fullmatch(_NUMBER, text) else None


def is_close(value: float, answer: float, within: float) -> bool:
    """Whether a value lies within a distance of an answer, both ends included whatever the last bit says."""
    return abs(value - answer) <= within + 1e-9 * max(within, abs(answer))


def fold_word(text: str) -> str:
    """A word or term in one form: small letters, no signs around it, no article, singular.

    Example:
        >>> fold_word(" The Mini-Batches. "), fold_word("mini batch"), fold_word("bias")
        ('mini batch', 'mini batch', 'bias')
    """
    words = words_of(text)
    # A lone "a" may be the answer itself.
    if len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    return " ".join([*words[:-1], _singular(words[-1])]) if words else ""


def is_nearly(word: str, term: str) -> bool:
    """Whether a word is a term, a slip of one letter aside where the term has seven or more.

    Example:
        >>> is_nearly("overfiting", "overfitting"), is_nearly("parametre", "parameter"), is_nearly("had", "head")
        (True, True, False)
    """
    if len(term) < _LONG:
        return word == term
    start = 0
    while start < min(len(word), len(term)) and word[start] == term[start]:
        start += 1
    own, right = word[start:], term[start:]
    # Another letter, one too many, one missing, or two that changed places.
    slips = (own[1:] == right[1:], own[1:] == right, own == right[1:], own == right[1:2] + right[:1] + right[2:])
    return any(slips)


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, without the signs between them."""
    return [word for word in _SEPARATORS.split(text.lower()) if word]


def _singular(word: str) -> str:
    # Words such as loss, basis and bias end like plurals and are none.
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "is", "ias")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "zes", "ches", "shes", "iases")) else word[:-1]


def has_keyword(text: str, keyword: str) -> bool:
    """Whether a text has a word that begins with a keyword, or words that begin as a keyword of several words does.

    Example:
        >>> has_keyword("It learned features elsewhere.", "learn"), has_keyword("unlearned", "learn")
        (True, False)
    """
    # The blank before the keyword makes it begin a word; none behind it lets endings follow.
    return f" {' '.join(words_of(keyword))}" in f" {' '.join(words_of(text))}"


def output_tokens(text: str) -> list[str]:
    """What a program printed, as numbers, words and signs; what says only how a tensor is stored is left out.

    `tensor(...)`, `array(...)` and `torch.Size(...)` count as what is in them, round brackets as square ones, and a
    pair of brackets around several things as none: "604, 151" is "(604, 151)".

    Example:
        >>> output_tokens("torch.Size([2, 3])"), output_tokens("tensor([1., 2.], dtype=torch.float64)")
        (['2', '3'], ['1.', '2.'])
    """
    tokens: list[str] = _TOKEN.findall(_DETAILS.sub("", text.lower()).replace("\u2212", "-"))
    tokens = [{"(": "[", ")": "]", '"': "'"}.get(token, token) for token in tokens]
    # From the end, so that what is inside is unwrapped before what is around it.
    for start in range(len(tokens) - 2, -1, -1):
        if tokens[start] in _WRAPPERS and tokens[start + 1] == "[":
            end = _closing(tokens, start + 1)
            # What is wrapped stays: one list, or one number.
            tokens = tokens[:start] + tokens[start + 2 : end] + tokens[end + 1 :]
    if len(tokens) > 3 and tokens[0] == "[" and _closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[str], start: int) -> int:
    """The position of the bracket that closes the one at `start`; the end where none does."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position] == "[") - (tokens[position] == "]")
        if depth == 0:
            return position
    return len(tokens)


def same_output(text: str, expected: str) -> bool:
    """Whether a text says what a program printed: whole numbers exactly, others to four digits.

    Example:
        >>> same_output("[0.333, 2]", "tensor([0.3333, 2.0000])"), same_output("(3,)", "torch.Size([3])")
        (False, True)
    """
    tokens, wanted = output_tokens(text), output_tokens(expected)
    return len(tokens) == len(wanted) and all(
        _same_token(token, other) for token, other in zip(tokens, wanted, strict=True)
    )


def _same_token(token: str, expected: str) -> bool:
    if not re.fullmatch(_NUMBER, expected) or not re.fullmatch(_NUMBER, token):
        return token == expected
    value, answer = float(token), float(expected)
    # A shape or a count that is off by one is wrong however large it is.
    whole = re.fullmatch(r"[+-]?[0-9]+", expected) is not None
    return value == answer if whole else is_close(value, answer, 1e-4 * max(1.0, abs(answer)))


def broken_order(order: Sequence[int], before: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The pairs that an order has the wrong way round.

    Args:
        order: Steps from first to last.
        before: Pairs of steps, of which the first must come before the second.

    Example:
        >>> broken_order([0, 2, 1], [(0, 1), (1, 2)])
        [(1, 2)]
    """
    position = {step: number for number, step in enumerate(order)}
    return [(first, second) for first, second in before if position[first] > position[second]]
