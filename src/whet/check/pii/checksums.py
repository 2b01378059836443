"""Check digits: what tells a card or an identity number from any other row of digits.

Each function takes the bare number (no spaces, no dashes; letters in upper case) and says whether it
can be one. Sources: ISO/IEC 7812-1 annex B (Luhn), ISO 13616 and ISO 7064 (IBAN, MOD 97-10; MOD 11,10),
J. Verhoeff, "Error Detecting Decimal Codes" (1969), and the issuing offices' own rules, named below. A
number that passes is well formed; nobody here knows whether it was ever given out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

# Length of an IBAN by country: SWIFT IBAN Registry, release 99.
IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
# First digits (from, to) and lengths that a card scheme gives out.
CARD_RANGES = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard, 2 series
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("5018", "5018", (16, 18, 19)),  # Maestro
    ("5020", "5020", (16, 18, 19)),
    ("5038", "5038", (16, 18, 19)),
    ("6304", "6304", (16, 18, 19)),
    ("6759", "6763", (16, 18, 19)),
)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def card(digits: str) -> bool:
    """A length and first digits that a scheme gives out, and Luhn's check digit."""
    known = any(
        len(digits) in lengths and first <= digits[: len(first)] <= last
        for first, last, lengths in CARD_RANGES
    )
    return known and len(set(digits)) > 1 and luhn(digits)


def iban(code: str) -> bool:
    """Country, length and ISO 7064 MOD 97-10."""
    if len(code) != IBAN_LENGTHS.get(code[:2]) or not code.isascii() or not code.isalnum():
        return False
    return "02" <= code[2:4] <= "98" and int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


def verhoeff(digits: str) -> bool:
    """Verhoeff 1969: products in the dihedral group of order ten."""
    permuted = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = permuted[value]
        check = _dihedral(check, value)
    return check == 0


def _dihedral(left: int, right: int) -> int:
    """The product of two elements, written 0..9: rotations first, then reflections."""
    turn = left + right if left < 5 else left - right
    return turn % 5 + 5 * ((left < 5) != (right < 5))


def weighted(digits: str, weights: Sequence[int], modulus: int) -> int:
    """Sum of digits times weights, modulo."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def us_ssn(digits: str) -> bool:
    """Social Security Administration: area 001-665 and 667-899, group and serial not zero."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def us_itin(digits: str) -> bool:
    """Internal Revenue Service: 9xx, fourth and fifth digit 50-65, 70-88, 90-92 or 94-99."""
    group = digits[3:5]
    given = "50" <= group <= "65" or "70" <= group <= "88" or ("90" <= group <= "99" and group != "93")
    return digits[0] == "9" and given


def uk_nino(code: str) -> bool:
    """HM Revenue & Customs NIM39110: prefixes never given out."""
    return code[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"} and code[1] != "O"


def uk_nhs(digits: str) -> bool:
    """NHS Data Dictionary: modulus 11 with weights 10..2."""
    return (11 - weighted(digits, range(10, 1, -1), 11)) % 11 == int(digits[9])


def es_nif(code: str) -> bool:
    """Spanish NIF and NIE: the letter is the number modulo 23."""
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


def it_fiscal(code: str) -> bool:
    """Codice fiscale, D.M. 23 December 1976: odd places by table, even places by value, modulo 26."""
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in code[:15]]
    total = sum(odd[value] if place % 2 == 0 else value for place, value in enumerate(values))
    return chr(ord("A") + total % 26) == code[15]


def de_tax(digits: str) -> bool:
    """Steuerliche Identifikationsnummer: one digit twice or thrice in the first ten, MOD 11,10."""
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    once = counts[:-1] == [1] * (len(counts) - 1)
    return digits[0] != "0" and once and counts[-1] in {2, 3} and mod_11_10(digits)


def mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def fr_nir(code: str) -> bool:
    """Numéro de sécurité sociale: key 97 - n modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    number = code[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(code[13:])


def ch_ahv(digits: str) -> bool:
    """AHV number: EAN-13 beginning with 756."""
    return digits.startswith("756") and weighted(digits, (1, 3) * 6 + (1,), 10) == 0


def nl_bsn(digits: str) -> bool:
    """Burgerservicenummer: the test of eleven."""
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0 and int(digits) > 0


def be_nrn(digits: str) -> bool:
    """Rijksregisternummer: 97 - n modulo 97, with a 2 in front for births from 2000 on."""
    check = int(digits[9:])
    return check in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def pl_pesel(digits: str) -> bool:
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0 and _day(digits[4:6])


def se_personal(digits: str) -> bool:
    """Personnummer: Luhn over the last ten digits; the day may be raised by 60."""
    return luhn(digits[-10:]) and "01" <= digits[-8:-6] <= "12" and _day(digits[-6:-4], 60)


def fi_hetu(code: str) -> bool:
    """Henkilötunnus: the letter is date and number modulo 31; the sign of the century does not count."""
    letter = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(code[:6] + code[-4:-1]) % 31]
    return letter == code[-1] and _day(code[:2])


def br_cpf(digits: str) -> bool:
    """Cadastro de Pessoas Físicas: two digits modulo 11."""
    first = weighted(digits, range(10, 1, -1), 11)
    second = weighted(digits, range(11, 1, -1), 11)
    wanted = [str(11 - rest if rest > 1 else 0) for rest in (first, second)]
    return len(set(digits)) > 1 and list(digits[9:]) == wanted


def au_tfn(digits: str) -> bool:
    """Australian tax file number."""
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10), 11) == 0


def sg_nric(code: str) -> bool:
    """Singapore NRIC and FIN (series S, T, F, G)."""
    rest = (weighted(code[1:8], (2, 7, 6, 5, 4, 3, 2), 11) + 4 * (code[0] in "TG")) % 11
    letters = "JZIHGFEDCBA" if code[0] in "ST" else "XWUTRQPNMLK"
    return letters[rest] == code[8]


def base58check(code: str) -> bool:
    """Bitcoin's base58 with four bytes of double SHA-256."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for letter in code:
        number = number * 58 + alphabet.index(letter)
    if number >= 1 << 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def bech32(code: str) -> bool:
    """BIP 173 and BIP 350: the checksum of a segwit address."""
    prefix, _, data = code.lower().rpartition("1")
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in values + [alphabet.index(c) for c in data]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, mask in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= mask * (top >> bit & 1)
    return check in {1, 0x2BC830A3}


def _day(two: str, raised: int = 0) -> bool:
    day = int(two)
    return 1 <= day <= 31 or (raised > 0 and 1 <= day - raised <= 31)
