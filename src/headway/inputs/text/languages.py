"""The language of a text in Latin letters, by its most frequent words."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["language_of"]

# Short words that every text of some length has. A word can be of several languages, and counts for each.
_WORDS = {
    "English": (
        "the of and to in is that it was for with as you are this but have not on be at i we he she they or do no me so"
        " go can what who by from will his her their there if about up out all more has an one a my your had would"
    ),
    "German": "der die das und ist nicht ein eine ich zu den mit von auch auf sich dem es war für im sie wir wie",
    "French": "le la les des et est un une que pas dans pour qui sur du il elle ce je vous nous avec sont ne",
    "Spanish": "el la los las de que y en un una es por con para no se del lo como más pero su al este",
    "Italian": "il la che di e è un una per non con del della sono si le lo gli nel ma come più anche al",
    "Portuguese": "o a os as que de e é um uma em não para com se do da por mais no na ao mas eu",
    "Dutch": "de het een en van is niet dat in op te zijn ik met voor die er aan maar om ook je hij was",
    "Swedish": "och att det som en på är av för den med till inte har jag ett om men han var så vi du de",
    "Danish": "og at det er en på af til den for med ikke har jeg et som de men der han var så vi kan",
    "Polish": "i w nie na się z to do jest że o jak ale po co za ja od ma tak dla czy przez był",
    "Turkish": "bir ve bu da de için çok ne ben o ile var mi gibi daha ama en olan kadar sonra değil her olarak şey",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _list in _WORDS.items():
    for _word in _list.split():
        _LANGUAGES.setdefault(_word, []).append(_language)
_LETTERS = re.compile(r"[^\W\d_]+")
# Different words that must speak for a language: how many, their share of all, and how many times those of another.
_FEWEST, _SHARE, _TIMES = 3, 0.2, 1.5
# Of a long text the beginning is enough.
_MOST = 300


def language_of(text: str) -> str:
    """The language that a text is surely in, by its English name; "" where it is too short to say, or another.

    Example:
        >>> language_of("the film is too long, and it was not that good"), language_of("ok!")
        ('English', '')
        >>> language_of("der Film ist zu lang, und das Ende war nicht gut")
        'German'
    """
    # Each word once: "a comedy, a drama, a romance" is English.
    words = set(_LETTERS.findall(text.lower())[:_MOST])
    counts = Counter(language for word in words for language in _LANGUAGES.get(word, ()))
    [(language, count), (_, next_count)] = [*counts.most_common(2), ("", 0), ("", 0)][:2]
    is_sure = count >= max(_FEWEST, _SHARE * len(words)) and count > _TIMES * next_count
    return language if is_sure else ""
