"""Names and codes of languages, to tell the header of a file from its sentences."""

from __future__ import annotations

import re

_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv "
    "ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne "
    "ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st "
    "su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
    "ara ben bul cat ces cmn cze dan deu dut ell eng est fas fin fra fre ger heb hin hrv hun ind isl ita jpn kor lat "
    "lav lit nld nor pol por ron rum rus slk slv spa srp swe tam tha tur ukr urd vie zho"
)
"""Those of two letters (ISO 639-1), and common ones of three (ISO 639-3, and ISO 639-2 where it has another)."""
_NAMES = (
    "afrikaans albanian amharic arabic armenian azerbaijani basque belarusian bengali bosnian breton bulgarian burmese "
    "catalan chinese croatian czech danish dutch english esperanto estonian finnish french galician georgian german "
    "greek gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish italian japanese kannada kazakh khmer "
    "korean kurdish lao latin latvian lithuanian macedonian malay malayalam maltese mandarin marathi mongolian nepali "
    "norwegian pashto persian polish portuguese punjabi romanian russian sanskrit serbian sinhala slovak slovene "
    "slovenian somali spanish sundanese swahili swedish tagalog tamil telugu thai tibetan turkish ukrainian urdu uzbek "
    "vietnamese welsh yiddish yoruba zulu deutsch englisch français español italiano português nederlands svenska "
    "dansk norsk suomi polski čeština magyar türkçe русский українська 中文 日本語 한국어"
)
"""In English, and what some call themselves."""


_KNOWN_CODES, _KNOWN_NAMES = frozenset(_CODES.split()), frozenset(_NAMES.split())
_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{2,4})?")
"""A code, and what may follow on it: a country or a script."""


def is_language(text: str) -> bool:
    """Return whether a text is nothing but the name or the code of a common language.

    >>> [is_language(text) for text in ("German", "de", "en_US", "zh-Hans", "dog", "so-called")]
    [True, True, True, True, False, False]
    """
    name = text.strip().casefold()
    code = _CODE.fullmatch(name)
    return name in _KNOWN_NAMES or (code is not None and code[1] in _KNOWN_CODES)
