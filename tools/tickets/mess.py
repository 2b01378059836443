"""What typing in a hurry does to a text."""

import random
import re

SLANG = {
    "you": "u",
    "your": "ur",
    "please": "pls",
    "because": "cuz",
    "thanks": "thx",
    "are": "r",
    "something": "smth",
    "people": "ppl",
    "though": "tho",
    "really": "rly",
    "with": "w",
    "what": "wat",
    "going to": "gonna",
    "want to": "wanna",
    "message": "msg",
    "about": "abt",
}
KEYS = {
    "a": "sq",
    "s": "ad",
    "d": "sf",
    "e": "wr",
    "r": "et",
    "t": "ry",
    "i": "uo",
    "o": "ip",
    "n": "bm",
    "l": "k",
    "m": "n",
    "c": "xv",
    "u": "yi",
    "h": "gj",
    "g": "fh",
}
MISSPELT = {
    "receive": "recieve",
    "received": "recieved",
    "definitely": "definately",
    "their": "there",
    "address": "adress",
    "tomorrow": "tommorow",
    "which": "wich",
    "believe": "beleive",
    "until": "untill",
    "separate": "seperate",
    "too": "to",
    "it's": "its",
    "doesn't": "doesnt",
    "don't": "dont",
    "can't": "cant",
    "didn't": "didnt",
    "I'm": "im",
    "I've": "ive",
    "that's": "thats",
    "you're": "your",
    "warranty": "warrenty",
    "guarantee": "garantee",
    "parcel": "parcle",
    "delivery": "delivary",
    "colour": "color",
    "account": "acount",
    "cancel": "cancle",
    "jacket": "jaket",
    "membership": "membershp",
    "password": "pasword",
    "exchange": "exhange",
}
EMOJIS = ("😡", "🙏", "😢", "🙂", "😅", "🤷", ":(", ":)", "👍", "😤", "😩", "🏔️", "!!", "??", "...")


def mess_up(text: str, casual: bool, chat: bool, rng: random.Random) -> str:
    """The text as it comes out of a hurried hand; careful writers leave it as it is."""
    for chance, change in (
        (0.45 if casual else 0.10, _slangy),
        (0.25, _misspell),
        (0.26 if chat or casual else 0.13, _typos),
        (0.60 if casual else 0.30 if chat else 0.09, _lower),
        (0.35 if casual else 0.08, _drop_marks),
        (0.02, _upper),
        (0.22 if casual else 0.06, _emoji),
    ):
        if rng.random() < chance:
            text = change(text, rng)
    return text


def _lower(text: str, _rng: random.Random) -> str:
    return text.lower()


def _upper(text: str, _rng: random.Random) -> str:
    return text.upper()


def _slangy(text: str, rng: random.Random) -> str:
    for word, short in SLANG.items():
        if rng.random() < 0.7:
            text = re.sub(rf"\b{word}\b", short, text)
    return text


def _misspell(text: str, rng: random.Random) -> str:
    for word, wrong in MISSPELT.items():
        if rng.random() < 0.5:
            text = re.sub(rf"\b{re.escape(word)}\b", wrong, text)
    return text


def _typos(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    for _ in range(1 + len(words) // rng.randrange(8, 30)):
        place = rng.randrange(len(words))
        if len(words[place]) > 3 and words[place].isalpha():
            words[place] = _typo(words[place], rng)
    return " ".join(words)


def _typo(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(KEYS.get(word[at], word[at])) + word[at + 1 :]


def _drop_marks(text: str, rng: random.Random) -> str:
    marks = ".,?!" if rng.random() < 0.5 else ".,'"
    return re.sub(rf"(?<!\d)[{re.escape(marks)}](?=\s|$)", "", text)


def _emoji(text: str, rng: random.Random) -> str:
    return f"{text.rstrip('.')} {rng.choice(EMOJIS)}"
