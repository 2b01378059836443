"""Keys, tokens and passwords that slipped into the data.

Shapes are those the providers publish for secret scanning; a secret without a shape of its own is found
by the words before it ("api_key = ...") and by its entropy (Shannon 1948): letters and digits mixed, at
least ``ENTROPY`` bits a character. A password is whatever stands behind "password:" or "password is",
as long as it is no ordinary word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

from whet.check.subject import Span

ENTROPY = 3.0  # bits a character: as many as eight different ones, equally frequent, have
_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]{0,20000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)"
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_\w{22,251}"
    r"|glpat-[\w-]{20,}"  # GitLab
    r"|xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"  # Slack
    r"|https://hooks\.slack\.com/services/[\w/]{20,}"
    r"|(?:sk|rk|pk|whsec|[a-z]{2,8})_(?:live|test|prod|secret)_[A-Za-z0-9]{16,}"  # Stripe and its like
    r"|sk-(?:ant-|proj-|svcacct-|or-v1-)?[\w-]{20,}"  # OpenAI, Anthropic, OpenRouter
    r"|hf_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|SG\.[\w-]{16,}\.[\w-]{16,}"  # SendGrid
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}"
    r"|dop_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|key-[a-f0-9]{32}|AC[a-f0-9]{32}"
    r")(?![A-Za-z0-9])"
)
_NAMED = re.compile(
    r"(?i)(?:key|token|secret|bearer)[\"']?(?:\s+(?:is|was)\b)?\s{0,3}(?:[:=]>?|\s)\s{0,3}[\"'`]?"
    r"(?P<value>[A-Za-z0-9+/=_.~-]{16,})"
)
_PASSWORD = re.compile(
    r"(?i)\b(?:pass(?:word|wd|phrase|code)?|pwd|kennwort|passwort|mot de passe|contraseña)\b"
    r"[\"']?\s{0,3}(?P<sign>[:=]|\bis\b|\bwas\b)\s{0,3}[\"'`]?(?P<value>[^\s\"'`,;<>]{4,64})"
)
_PIN = re.compile(r"(?i)\bpin(?: code| number)?\s{0,3}(?:[:=#]|\bis\b|\bwas\b)?\s{0,3}(?P<value>\d{4,8})\b")
_LONG = re.compile(r"\d[\w+/=.-]{7}|[\w+/=.-]{7}\d")
_WORDS = ("pass", "pwd", "pin", "kennwort", "contraseña")
_PLACEHOLDER = re.compile(r"^[\[{<(*x.•]|^(?:your|my)[_-]|\.\.\.$|\*{3}", re.IGNORECASE)


def find_secrets(text: str) -> Iterator[Span]:
    """Spans of ``PRIVATE_KEY``, ``JWT``, ``API_KEY`` and ``PASSWORD``; of an assignment, the value alone."""
    if "-----BEGIN" in text:
        yield from ((m.start(), m.end(), "PRIVATE_KEY") for m in _BLOCK.finditer(text))
    if _LONG.search(text):
        yield from ((m.start(), m.end(), "JWT") for m in _JWT.finditer(text))
        yield from ((m.start(), m.end(), "API_KEY") for m in _KEYS.finditer(text) if _random(m.group()))
        yield from _values(_NAMED, text, "API_KEY", _random)
    lower = text.lower()
    if any(word in lower for word in _WORDS):
        yield from _passwords(text)
        yield from _values(_PIN, text, "PASSWORD", lambda value: True)


def _values(pattern: re.Pattern[str], text: str, kind: str, wanted: Callable[[str], bool]) -> Iterator[Span]:
    for match in pattern.finditer(text):
        if wanted(match["value"]):
            yield match.start("value"), match.end("value"), kind


def _passwords(text: str) -> Iterator[Span]:
    for match in _PASSWORD.finditer(text):
        value = match["value"].rstrip(".!?)")
        if len(value) >= 4 and not _PLACEHOLDER.search(value) and (match["sign"] == "=" or _no_word(value)):
            yield match.start("value"), match.start("value") + len(value), "PASSWORD"


def _no_word(value: str) -> bool:
    """A digit or a sign among the letters: no ordinary word ("password is expired")."""
    return any(c.isdigit() for c in value) or any(not c.isalnum() and c not in "-'’/" for c in value[:-1])


def _random(value: str) -> bool:
    """Letters and digits mixed, and no pattern to them."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and entropy(value) >= ENTROPY


def entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
