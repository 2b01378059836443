"""Words for groups of people in English text: who is mentioned, and the text with those words masked.

Nouns count wherever they stand. Adjectives that mean something else as well (black, straight, blind, old,
Polish) count only before a word for a person ("a black woman") or after one ("I am German"). Pronouns,
titles and family are masked, so that "her card" and "his card" are seen to be the same text, but mention no
group. It knows no names, no slurs and no other language; "her" is masked whether it means "his" or "him".
"""

from __future__ import annotations

from dataclasses import dataclass

from whet.data.neardup import fold

Group = tuple[str, str]
"""Kind and name: ``("religion", "Muslims")``."""

# Kind to group to its nouns, and after the bar its adjectives.
_TERMS = {
    "gender": {
        "transgender people": "transgender transgenders transsexual transsexuals transwoman transwomen "
        "transman transmen | trans",
        "non-binary people": "nonbinary genderqueer",
    },
    "orientation": {
        "gay people": "gay gays homosexual homosexuals",
        "lesbians": "lesbian lesbians",
        "bisexual people": "bisexual bisexuals",
        "LGBTQ people": "lgbt lgbtq lgbtqia queer queers",
        "straight people": "heterosexual heterosexuals | straight",
    },
    "religion": {
        "Muslims": "muslim muslims islamic islam",
        "Christians": "christians catholic catholics protestant protestants christianity | christian "
        "evangelical",
        "Jews": "jew jews jewish judaism",
        "Hindus": "hindu hindus hinduism",
        "Buddhists": "buddhist buddhists buddhism",
        "Sikhs": "sikh sikhs sikhism",
        "atheists": "atheist atheists atheism",
    },
    "ethnicity and nationality": {
        "Black people": "blacks africans | black african",
        "white people": "caucasian caucasians | white",
        "Asian people": "asians | asian",
        "Hispanic people": "hispanics latinos latinas latinx | hispanic latino latina",
        "Arabs": "arabs | arab arabic",
        "Indigenous people": "aboriginals | indigenous aboriginal",
        "Roma": "sinti gypsy gypsies | roma romani",
        "Americans": "americans | american",
        "Brits": "brits englishmen | british english",
        "Germans": "germans | german",
        "French people": "frenchmen | french",
        "Spaniards": "spaniards | spanish",
        "Italians": "italians | italian",
        "Poles": "| polish",
        "Russians": "russians | russian",
        "Ukrainians": "ukrainians | ukrainian",
        "Turks": "turks | turkish",
        "Indians": "indians | indian",
        "Pakistanis": "pakistanis | pakistani",
        "Chinese people": "| chinese",
        "Japanese people": "| japanese",
        "Koreans": "koreans | korean",
        "Mexicans": "mexicans | mexican",
        "Nigerians": "nigerians | nigerian",
        "Syrians": "syrians | syrian",
        "Iranians": "iranians | iranian",
        "Israelis": "israelis | israeli",
        "Palestinians": "palestinians | palestinian",
        "immigrants": "immigrant immigrants migrant migrants refugee refugees foreigner foreigners",
    },
    "disability": {
        "disabled people": "| disabled handicapped",
        "deaf people": "| deaf",
        "blind people": "| blind",
        "autistic people": "autistic autistics",
        "wheelchair users": "paraplegic paraplegics quadriplegic",
    },
    "age": {
        "older people": "elderly pensioner pensioners retiree retirees oap | old older aged",
        "younger people": "teenager teenagers teen teens youngster youngsters millennial millennials "
        "| young younger teenage",
    },
}
_PHRASES = {
    "non binary": ("gender", "non-binary people"),
    "african american": ("ethnicity and nationality", "Black people"),
    "african americans": ("ethnicity and nationality", "Black people"),
    "native american": ("ethnicity and nationality", "Indigenous people"),
    "native americans": ("ethnicity and nationality", "Indigenous people"),
    "wheelchair user": ("disability", "wheelchair users"),
    "wheelchair users": ("disability", "wheelchair users"),
    "senior citizen": ("age", "older people"),
    "senior citizens": ("age", "older people"),
}
# The same word for a woman and for a man. Those of the second list mention no group: "my daughter" says
# whose account it is, "she" who is spoken of.
_PAIRS = (
    "woman man, women men, girl boy, girls boys, lady gentleman, ladies gentlemen, female male, females males"
)
_SPOKEN_OF = (
    "wife husband, wives husbands, mother father, mothers fathers, mum dad, mom dad, mums dads, moms dads, "
    "daughter son, daughters sons, sister brother, sisters brothers, grandmother grandfather, "
    "grandma grandpa, aunt uncle, aunts uncles, niece nephew, nieces nephews, girlfriend boyfriend, "
    "girlfriends boyfriends, she he, her his, her him, hers his, herself himself, mrs mr, ms mr, miss mr, "
    "madam sir, madame sir"
)
_PERSON_WORDS = """
    person persons people man men woman women boy boys girl girls guy guys lady ladies gentleman gentlemen
    male males female females kid kids child children student students family families community communities
    couple couples citizen citizens customer customers client clients employee employees worker workers
    colleague patient patients neighbour neighbours neighbor neighbors friend friends individual individuals
    folk folks adult adults dude dudes immigrant immigrants american americans muslim muslims christians jew
    jews mother father wife husband daughter son sister brother
"""
_PERSONS = frozenset(_PERSON_WORDS.split())
_SAYING = "i am, i m, he is, he s, he was, she is, she s, she was, who is, who are, we are, we re"
_SAID_OF = frozenset(_SAYING.split(", "))
_WOMEN, _MEN = ("gender", "women"), ("gender", "men")


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a text says of groups of people."""

    groups: frozenset[Group]
    """Groups that are mentioned; pronouns, titles and family mention none."""
    words: tuple[Group, ...]
    """The group behind every masked word, in order."""
    masked: str
    """The folded text with each such word replaced by its kind."""


def _tables() -> tuple[dict[str, Group], dict[str, Group]]:
    """Nouns and adjectives to their group."""
    nouns, adjectives = dict[str, Group](), dict[str, Group]()
    for kind, groups in _TERMS.items():
        for name, words in groups.items():
            always, _, beside = words.partition("|")
            nouns |= dict.fromkeys(always.split(), (kind, name))
            adjectives |= dict.fromkeys(beside.split(), (kind, name))
    return nouns, adjectives


def _gendered() -> tuple[dict[str, tuple[Group, str]], frozenset[str]]:
    """Words of a pair to their group and mask, and those that mention a group."""
    found = dict[str, tuple[Group, str]]()
    for pair in f"{_PAIRS}, {_SPOKEN_OF}".split(", "):
        hers, his = pair.split()
        mask = "his" if his == "him" else his  # "her" stands for both
        found[hers], found[his] = (_WOMEN, f"<{mask}>"), (_MEN, f"<{mask}>")
    return found, frozenset(_PAIRS.replace(",", " ").split())


_NOUNS, _ADJECTIVES = _tables()
_GENDERED, _MENTIONING = _gendered()
_FIRST = frozenset(phrase.split()[0] for phrase in _PHRASES)
_ANY = frozenset(_NOUNS) | frozenset(_ADJECTIVES) | frozenset(_GENDERED) | _FIRST


def mentions(text: str) -> Mentions | None:
    """Groups of people in a text; None where no such word stands in it."""
    words = fold(text).split()
    if _ANY.isdisjoint(words):
        return None
    groups, behind, masked = set[Group](), list[Group](), list[str]()
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
            continue
        found = _at(words, index) if word in _ANY else None
        if found is None:
            masked.append(word)
            continue
        group, mask, skip, mentioned = found
        if mentioned:
            groups.add(group)
        behind.append(group)
        if masked and masked[-1] == "an":
            masked[-1] = "a"
        masked.append(mask)
    return Mentions(frozenset(groups), tuple(behind), " ".join(masked)) if behind else None


def _at(words: list[str], index: int) -> tuple[Group, str, bool, bool] | None:
    """The group at a word, its mask, whether the next word belongs to it, and whether it is mentioned."""
    word = words[index]
    after = words[index + 1] if index + 1 < len(words) else ""
    if group := _PHRASES.get(f"{word} {after}"):
        return group, f"<{group[0]}>", True, True
    if word in _GENDERED:
        group, mask = _GENDERED[word]
        return group, mask, False, word in _MENTIONING
    if word in _NOUNS:
        return _NOUNS[word], f"<{_NOUNS[word][0]}>", False, True
    group = _ADJECTIVES.get(word)
    if group is None or not (after in _PERSONS or _said_before(words, index)):
        return None
    return group, f"<{group[0]}>", False, True


def _said_before(words: list[str], index: int) -> bool:
    """Whether "I am", "she is" or the like stands before a word, with or without an article."""
    end = index - 1 if index and words[index - 1] in ("a", "an") else index
    return " ".join(words[max(end - 2, 0) : end]) in _SAID_OF
