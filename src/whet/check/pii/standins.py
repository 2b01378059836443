"""The forms of stand-ins: how one is known, so that it is neither found nor replaced again.

E-mail and URL stand at a reserved name (RFC 2606), telephone numbers are 555-01xx of the North American
plan with an extension, addresses of machines lie in 198.18.0.0/15 (RFC 2544) and 2001:db8::/32 (RFC 3849),
names are made of three parts that no language joins so. Everything else is a mark:
``[CREDIT_CARD_K7QX2M4A]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from whet.check.pii.spans import GROUP_OF, NAMED
from whet.check.subject import Span

STARTS = re.findall(
    r"\w+", "Ar Bel Cor Dal Er Fen Gal Hol Il Jar Kel Lor Mar Nel Or Pel Quar Ros Sel Tam Ul Ver Wil Yor Zel"
)
MIDDLES = re.findall(r"\w+", "a an ar e el en i il in o ol or u un")
ENDS = re.findall(
    r"\w+",
    "bren cai dovin fery gath hild jorn kem lisk mond nough pradt rux sevin thorp vask wyck xell yorin zand",
)
# Words of a name that stay: titles, particles, legal forms, parts of an address.
KEPT = frozenset(
    re.findall(
        r"\w+",
        "mr mrs ms miss dr prof sir ltd inc llc gmbh ag plc co corp van von de der den del da di la le of and"
        " the apt suite flat unit floor box street st road rd avenue ave lane drive close court way square",
    )
)
SIGNS = ("]", "555-01", "198.1", "redacted", "2001:")  # one of these stands in every stand-in but names
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MADE = re.compile(rf"(?:{'|'.join(STARTS)})(?:{'|'.join(MIDDLES)})(?:{'|'.join(ENDS)})+", re.IGNORECASE)
_MARK = re.compile(r"\[[A-Z_]+_[A-Z2-7]{8}\]")
_EMAIL = re.compile(r"[a-z2-7]{10}@redacted\.example\.com", re.IGNORECASE)
_PHONE = re.compile(r"\(555\) 555-01\d\d x\d{7}")
_URL = re.compile(r"https://redacted\.example\.com/[a-z2-7]{10}", re.IGNORECASE)
_MACHINE = re.compile(r"198\.1[89]\.\d{1,3}\.\d{1,3}|2001:db8(?::[0-9a-f]{4}){6}", re.IGNORECASE)
_FORMS = {"EMAIL_ADDRESS": _EMAIL, "PHONE_NUMBER": _PHONE, "URL": _URL, "IP_ADDRESS": _MACHINE}


def is_stand_in(kind: str, value: str) -> bool:
    """Whether a value is one of ours, by its form."""
    if _MARK.fullmatch(value):
        return True
    if GROUP_OF[kind] in NAMED:
        words = [word for word in WORD.findall(value) if says_who(word)]
        return bool(words) and all(map(is_made, words))
    form = _FORMS.get(kind)
    return bool(form and form.fullmatch(value))


def is_made(word: str) -> bool:
    """Whether a word is an invented name."""
    return bool(_MADE.fullmatch(word))


def says_who(word: str) -> bool:
    """Whether a word of a name is one that is replaced by an invented one."""
    return not is_kept(word) and not any(map(str.isdigit, word))


def is_kept(word: str) -> bool:
    """Whether a word of a name says nothing of whose it is: a title, a particle, an initial."""
    return word.casefold() in KEPT or (len(word) == 1 and not word.isdigit())


def without_stand_ins(text: str, spans: Iterable[Span]) -> list[Span]:
    """The spans that are no stand-ins and touch none."""
    if not any(sign in text for sign in SIGNS):
        return [span for span in spans if not is_stand_in(span[2], text[span[0] : span[1]])]
    ours = [m.span() for pattern in (_MARK, *_FORMS.values()) for m in pattern.finditer(text)]
    return [
        span
        for span in spans
        if not is_stand_in(span[2], text[span[0] : span[1]])
        and not any(span[0] < end and start < span[1] for start, end in ours)
    ]
