"""Identity and tax numbers of twenty countries, by shape, check digit and, where needed, context.

A shape of digits alone needs a word near it that names it: one number of nine digits in eleven passes
the Dutch test. The rules of the check digits stand in ``checksums.py``. Numbers without a public check
digit (passports, driving licences) are found by context alone; those of other countries are not found.
"""

from __future__ import annotations

from whet.check.pii import checksums
from whet.check.pii.shapes import Pattern, whole, words

NATIONAL = (
    Pattern("US_SSN", whole(r"\d{3}-\d{2}-\d{4}"), checksums.us_ssn),
    Pattern("US_SSN", whole(r"\d{3}( ?)\d{2}\1\d{4}"), checksums.us_ssn, words("ssn", "social security")),
    Pattern("US_ITIN", whole(r"9\d{2}([- ]?)\d{2}\1\d{4}"), checksums.us_itin, words("itin", "taxpayer")),
    Pattern(
        "UK_NINO",
        whole(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]( ?)\d\d\1\d\d\1\d\d\1[A-D]"),
        checksums.uk_nino,
    ),
    Pattern("UK_NHS", whole(r"\d{3}([ -]?)\d{3}\1\d{4}"), checksums.uk_nhs, words("nhs", "national health")),
    Pattern("ES_NIF", whole(r"(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]"), checksums.es_nif),
    Pattern(
        "DE_TAX_ID",
        whole(r"\d{2}( ?)\d{3}\1\d{3}\1\d{3}"),
        checksums.de_tax,
        words(r"steuer\w*", "idnr", r"id-nr", "tax", "tin"),
    ),
    Pattern(
        "FR_NIR",
        whole(r"[1-478]( ?)\d\d\1\d\d\1(?:\d\d|2[AB])\1\d{3}\1\d{3} ?\d\d"),
        checksums.fr_nir,
    ),
    Pattern("CH_AHV", whole(r"756([. ]?)\d{4}\1\d{4}\1\d\d"), checksums.ch_ahv),
    Pattern(
        "NL_BSN",
        whole(r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}"),
        checksums.nl_bsn,
        words("bsn", r"burgerservice\w*", r"sofi\w*"),
    ),
    Pattern(
        "BE_NRN",
        whole(r"\d\d\.?\d\d\.?\d\d-?\d{3}\.?\d\d"),
        checksums.be_nrn,
        words(r"rijksregister\w*", "registre national", "niss", "insz", "national number"),
    ),
    Pattern("PL_PESEL", whole(r"\d{11}"), checksums.pl_pesel, words("pesel")),
    Pattern("SE_PERSONNUMMER", whole(r"(?:19|20)?\d{6}[-+]\d{4}"), checksums.se_personal),
    Pattern("FI_HETU", whole(r"\d{6}[-+AB]\d{3}[0-9A-FHJ-NPR-Y]"), checksums.fi_hetu),
    Pattern("BR_CPF", whole(r"\d{3}\.\d{3}\.\d{3}-\d{2}"), checksums.br_cpf),
    Pattern("BR_CPF", whole(r"\d{11}"), checksums.br_cpf, words("cpf")),
    Pattern("AU_TFN", whole(r"\d{3}( ?)\d{3}\1\d{3}"), checksums.au_tfn, words("tfn", "tax file")),
    Pattern("SG_NRIC", whole(r"[STFG]\d{7}[A-Z]"), checksums.sg_nric),
    Pattern("IN_AADHAAR", whole(r"[2-9]\d{3}([ -])\d{4}\1\d{4}"), checksums.verhoeff),
    Pattern("IN_AADHAAR", whole(r"[2-9]\d{11}"), checksums.verhoeff, words("aadhaar", "aadhar", "uidai")),
    Pattern(
        "DRIVER_LICENSE",
        whole(r"[A-Z]{0,2}\d{5,14}[A-Z]{0,2}|[A-Z]{5}\d{6}[A-Z]{2}\d[A-Z]{2}|[A-Z]\d{3}(?:-\d{3,4}){2,4}"),
        near=words(r"driv(?:er|ers|er['’]s|ing)[ -]*licen[cs]e", r"DL(?: ?no\.?| ?#|:)"),
    ),
    Pattern("PASSPORT", whole(r"[A-Z]{0,2}\d{6,9}"), near=words("passport", "reisepass", "passeport")),
)
# Fewer than six digits in a row: these are looked for wherever there is a digit.
LETTERED = (
    Pattern(
        "IT_FISCAL_CODE",
        whole(r"[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z]"),
        checksums.it_fiscal,
    ),
    Pattern("IN_PAN", whole(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]"), near=words("pan", "permanent account")),
)
