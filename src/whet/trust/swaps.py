"""The same text about another group of people: one word swapped, nothing else.

English words for religion, orientation, origin and gender, each as (adjective, person, people). A word is
swapped for those of the other groups of its kind, in the form it has; "black" and its like only before a
word for a person. Where a text names two groups of a kind, both become the same. Knows no model; it does
not see irony, names or other languages, and ``an`` before a consonant is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

Forms = tuple[str, str, str]

GROUPS: dict[str, dict[str, Forms]] = {
    "religion": {
        "Christian": ("christian", "christian", "christians"),
        "Catholic": ("catholic", "catholic", "catholics"),
        "Protestant": ("protestant", "protestant", "protestants"),
        "Muslim": ("muslim", "muslim", "muslims"),
        "Jewish": ("jewish", "jew", "jews"),
        "Hindu": ("hindu", "hindu", "hindus"),
        "Sikh": ("sikh", "sikh", "sikhs"),
        "Buddhist": ("buddhist", "buddhist", "buddhists"),
    },
    "orientation": {
        "gay": ("gay", "gay", "gays"),
        "lesbian": ("lesbian", "lesbian", "lesbians"),
        "homosexual": ("homosexual", "homosexual", "homosexuals"),
        "heterosexual": ("heterosexual", "heterosexual", "heterosexuals"),
        "bisexual": ("bisexual", "bisexual", "bisexuals"),
        "queer": ("queer", "queer", "queers"),
        "transgender": ("transgender", "transgender", "transgenders"),
    },
    "origin": {
        "American": ("american", "american", "americans"),
        "German": ("german", "german", "germans"),
        "Russian": ("russian", "russian", "russians"),
        "Mexican": ("mexican", "mexican", "mexicans"),
        "Nigerian": ("nigerian", "nigerian", "nigerians"),
        "Indian": ("indian", "indian", "indians"),
        "Syrian": ("syrian", "syrian", "syrians"),
        "Arab": ("arab", "arab", "arabs"),
        "black": ("black", "", ""),
        "white": ("white", "", ""),
        "Asian": ("asian", "asian", "asians"),
    },
    "gender": {
        "a woman": ("female", "woman", "women"),
        "a man": ("male", "man", "men"),
    },
}
_BESIDE = ("black", "white")
_PERSON = (
    r"(?=\s+(?:man|men|woman|women|person|people|guys?|boys?|girls?|kids?|students?|customers?|patients?|"
    r"families|family)\b)"
)


def swapped(text: str) -> dict[tuple[str, str], str]:
    """(kind, group) to the text about that group, the text's own group among them; empty where the text
    names no group."""
    found: dict[tuple[str, str], str] = {}
    for kind, groups in GROUPS.items():
        pattern, forms = _reader(kind)
        if not pattern.search(text):
            continue
        for group, words in groups.items():
            found[kind, group] = pattern.sub(_writer(forms, words), text)
    return found


@cache
def _reader(kind: str) -> tuple[re.Pattern[str], dict[str, int]]:
    """What finds the words of a kind, and the form that each is."""
    forms: dict[str, int] = {}
    for words in GROUPS[kind].values():
        for form, word in reversed(list(enumerate(words))):
            if word:
                forms[word] = form
    parts = [word + (_PERSON if word in _BESIDE else "") for word in sorted(forms, key=len, reverse=True)]
    return re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE), forms


def _writer(forms: dict[str, int], words: Forms) -> Callable[[re.Match[str]], str]:
    def write(match: re.Match[str]) -> str:
        old = match.group()
        new = words[forms[old.lower()]] or words[0]
        if old.isupper() and len(old) > 1:
            return new.upper()
        return new.capitalize() if old[0].isupper() else new

    return write
