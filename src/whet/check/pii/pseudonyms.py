"""Stand-ins: the same person or value gets the same one everywhere, different ones differ.

A stand-in follows from the value and a secret by HMAC-SHA256 (RFC 2104): without the secret nobody can
try out values, and no table of originals is written. What has a range that belongs to nobody keeps its
form (``standins.py``); names become invented names word by word, so that "Ms Lopez" is still of the family
of "Maria Lopez". Cards, accounts, identity numbers and secrets become marks: a number that passes its check
may be somebody's, and one that fails it would teach a model to write false ones. Two values that meet in
one stand-in are told apart by the order in which they came. Knows no files.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from whet.check.pii.shapes import bare
from whet.check.pii.spans import GROUP_OF, NAMED, apart
from whet.check.pii.standins import ENDS, MIDDLES, STARTS, WORD, is_kept, is_made, is_stand_in, says_who
from whet.check.subject import Span

CROWDED = 64  # tries after which a range counts as full


@dataclass
class Pseudonyms:
    """Gives stand-ins. Hold on to one for as long as values must agree; it writes nothing."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Keep it, and the next file gets the same stand-ins; lose it, and nobody can link them."""
    _taken: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Stand-in to the digest of what it stands for, in memory only."""

    @classmethod
    def seeded(cls, seed: int) -> Pseudonyms:
        """The same stand-ins each time. Whoever knows the seed can try out values."""
        return cls(hashlib.sha256(f"whet pseudonyms {seed}".encode()).digest())

    def stand_in(self, kind: str, value: str) -> str:
        """The stand-in of a value; its spaces, dashes and case make no difference, a stand-in stays."""
        if is_stand_in(kind, value):
            return value
        named = GROUP_OF[kind] in NAMED
        if named and any(map(says_who, WORD.findall(value))):
            return WORD.sub(lambda match: self._word(match.group()), value)
        return self._only(kind, _key(kind, value))

    def _only(self, kind: str, key: str) -> str:
        """A stand-in that nothing else has."""
        own, attempt = self._digest(kind, key), 0
        while True:
            made = _made(kind, key, self._digest(kind, f"{key}\0{attempt}"), attempt)
            if self._taken.setdefault(made, own) == own:
                return made
            attempt += 1

    def _word(self, word: str) -> str:
        """An invented word in the same case; digits become digits; titles and particles stay."""
        if is_kept(word) or is_made(word):
            return word
        if any(map(str.isdigit, word)):
            return self._digits(word)
        return _like(word, self._only("word", word.casefold()))

    def _digits(self, word: str) -> str:
        """As many digits, one to one: each is turned by what stands before it (Xu and others 2002)."""
        turned = ""
        for place, letter in enumerate(word):
            turn = self._digest("digits", word[:place])[0]
            turned += str((int(letter) + turn) % 10) if letter.isdecimal() else letter
        return turned

    def _digest(self, kind: str, key: str) -> bytes:
        text = f"{kind}\0{key}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, text, hashlib.sha256).digest()


def redact(text: str, spans: Sequence[Span], pseudonyms: Pseudonyms) -> str:
    """The text with stand-ins in place of the spans; overlapping spans are settled by ``apart``."""
    parts, last = list[str](), 0
    for start, end, kind in apart(spans):
        parts += [text[last:start], pseudonyms.stand_in(kind, text[start:end])]
        last = end
    return "".join([*parts, text[last:]])


def _key(kind: str, value: str) -> str:
    """What makes two values the same: for most kinds, letters and digits in upper case."""
    if kind == "PHONE_NUMBER":  # with the country's code or without: the last nine digits tell
        number, _, extension = bare(value).partition("X")
        return f"{number[-9:]}x{extension}" if extension else number[-9:]
    if GROUP_OF[kind] in {"secrets", "passwords", "accounts"} and kind != "IBAN_CODE":
        return value
    return value.strip().casefold() if kind in {"EMAIL_ADDRESS", "URL", "IP_ADDRESS"} else bare(value)


def _made(kind: str, key: str, digest: bytes, attempt: int) -> str:
    """The form of a kind, filled from a digest."""
    number, letters = int.from_bytes(digest[:8], "big"), base64.b32encode(digest).decode()
    match kind:
        case "EMAIL_ADDRESS":
            return f"{letters[:10].lower()}@redacted.example.com"
        case "URL":
            return f"https://redacted.example.com/{letters[:10].lower()}"
        case "PHONE_NUMBER":
            return f"(555) 555-01{number % 100:02d} x{number // 100 % 10**7:07d}"
        case "IP_ADDRESS" if ":" in key:
            return "2001:db8:" + ":".join(digest[i : i + 2].hex() for i in range(0, 12, 2))
        case "IP_ADDRESS" if attempt < CROWDED:
            return f"198.{18 + digest[0] % 2}.{digest[1]}.{digest[2]}"
        case "word":
            ends = [ENDS[byte % 20] for byte in digest[8 : 9 + digest[2] % 2 + attempt // CROWDED]]
            made: str = STARTS[digest[0] % 25] + MIDDLES[digest[1] % 14] + "".join(ends)
            return made
        case _:
            return f"[{kind}_{letters[:8]}]"


def _like(word: str, made: str) -> str:
    """``made`` in the case of ``word``."""
    if word.isupper() and len(word) > 1:
        return made.upper()
    return made.lower() if word.islower() else made
