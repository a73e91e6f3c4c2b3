"""In which language a text is written, by its script and its commonest words.

A rule that anybody can follow by hand and that gives the same answer every time, instead of a
statistical detector; it knows the languages of the table and no others.
"""

# ruff: noqa: RUF001 - Cyrillic words are meant as they stand.

from __future__ import annotations

import re
from collections import Counter

_SCRIPTS = {
    "latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "cyrillic": ((0x400, 0x52F),),
    "hebrew": ((0x590, 0x5FF),),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    "devanagari": ((0x900, 0x97F),),
    "bengali": ((0x980, 0x9FF),),
    "gurmukhi": ((0xA00, 0xA7F),),
    "gujarati": ((0xA80, 0xAFF),),
    "tamil": ((0xB80, 0xBFF),),
    "telugu": ((0xC00, 0xC7F),),
    "kannada": ((0xC80, 0xCFF),),
    "malayalam": ((0xD00, 0xD7F),),
    "thai": ((0xE00, 0xE7F),),
    "hangul": ((0x1100, 0x11FF), (0xAC00, 0xD7AF)),
    "kana": ((0x3040, 0x30FF),),
    "han": ((0x4E00, 0x9FFF),),
}
_SCRIPT_OF_LANGUAGE = {
    "bn": "bengali", "gu": "gujarati", "he": "hebrew", "kn": "kannada", "ko": "hangul",
    "ml": "malayalam", "pa": "gurmukhi", "ta": "tamil", "te": "telugu", "th": "thai",
    "ja": "kana",
}  # fmt: skip
_WORDS = {
    "latin": {
        "en": "the and of to in is that it for you with are was this have not be on as by from they"
        " we an or but at will can your my what which their has all been i a he she his her if do"
        " there when who so no would could should me our",
        "es": "el la de que y en un una los las es por con para del se no al lo como más pero sus"
        " su le ya muy este esta son está ser hay cuando también fue todo tiene sin sobre entre"
        " porque",
        "pt": "o a de que e do da em um uma os as é por com para não se na no dos das mais como mas"
        " ao ele ela seu sua foi são está ser há quando também muito nos já pelo pela você isso"
        " à às tem",
        "fr": "le la de et les des est un une du en que qui dans pour pas sur au par ce il elle"
        " nous vous avec plus sont ne se son sa ses mais ou où cette aux être comme leur très"
        " c'est je",
        "it": "il la di che e è un una in per non del della con le si sono da al i gli lo come più"
        " ma dei delle nel nella questo questa anche ha suo sua essere molto se alla ogni o loro"
        " perché",
        "de": "der die das und ist in zu den von mit ein eine nicht sich auf für es im dem des auch"
        " als an wie aus bei er sie wir ich sind war werden wird oder aber noch nach zum zur einen"
        " einer so man",
        "nl": "de het een en van is in dat op te zijn voor met niet aan er maar ook als bij dit die"
        " wordt naar heeft hij ze wij je ik deze door over worden kan nog",
        "sv": "och att det i en är som på av för med den till inte om ett har de jag men var kan"
        " eller så vi du sig från när också",
        "fi": "ja on ei se että oli hän mutta ovat myös kun joka tai kuin niin sen ole minä mitä"
        " jos voi olla nyt hyvin hänen tämä kaikki vain sitten sekä joka siitä jotka",
        "pl": "i w na z że się nie to jest do jak po co ale od za przez dla tak są był była by być"
        " oraz tym już tylko może jego jej ich czy który która które o gdy bardzo",
        "vi": "và của là có cho không được một những các trong này với người đã để từ khi tôi bạn"
        " nhiều cũng về như sẽ đến rất ở thể ra vào hay mỗi",
        "sw": "na ya wa ni kwa za katika la hii hiyo kama pia hivyo yake wake sana lakini kuwa"
        " watu si au cha vya ambayo ambao zaidi yetu wetu siku kila mimi wewe hilo huu huo yangu",
        "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada"
        " mereka adalah kita bisa atau oleh sudah",
        "tr": "ve bir bu için çok ile de da ne ama gibi daha olan olarak var sonra kadar en her ben"
        " değil şey onun",
        "ro": "și de la în cu un o pe care nu este să din pentru mai ce sunt că se au fost dar"
        " sau această",
    },
    "cyrillic": {
        "ru": "и в не на что с по это как к у он она но из за то все его для мы вы от о так был"
        " была или же их только ещё когда я есть если очень который может",
        "uk": "і в не на що з по це як у він вона але із за та її його для ми ви від про так був"
        " була або ж їх тільки ще коли я є якщо дуже який й до бути може",
        "bg": "и в не на че с по това като к у той тя но от за да се са го му ние вие е така беше"
        " или им само още когато аз има ако много който ще със през към",
    },
    "arabic": {
        "ar": "في من على أن إلى هذا هذه التي الذي مع كان عن لا ما هو هي كل بعد قد أو بين لم ذلك"
        " كما حيث إن عند ولا وفي يجب",
        "fa": "و در به از که این را با است برای آن یک می خود تا بر هم نیز ما شما او بود شد کرد اما"
        " یا اگر هر باید شود همه",
        "ur": "کے کی میں ہے اور سے کا کو اس کہ ہیں یہ پر نے نہیں ایک بھی تھا کر ہو ہم آپ وہ تو جو"
        " لیے گیا تھے اپنے کیا ساتھ",
    },
    "devanagari": {
        "hi": "के है में की और से का को हैं यह पर ने नहीं एक भी था कर हो हम आप वह तो जो लिए कि इस"
        " ही या अपने थे साथ बहुत",
        "mr": "आहे आणि या मध्ये ही हे तो ती ते एक नाही होते होता आहेत मी आपण तर की साठी त्या ने"
        " केली केला म्हणून खूप असे हा आपल्या तुम्ही पण करा",
        "ne": "छ र मा को का को लाई यो त्यो हो छन् पनि एक गर्न भएको हुन् थियो तर हामी तपाईं म"
        " गर्नुहोस् लागि बाट धेरै ले छैन हुन्छ आफ्नो साथ",
    },
}  # fmt: skip
LANGUAGES = tuple(
    sorted({*_SCRIPT_OF_LANGUAGE, *(code for words in _WORDS.values() for code in words)})
)
"""ISO 639-1 codes that the rule knows."""
_SETS = {
    script: {code: frozenset(words.split()) for code, words in languages.items()}
    for script, languages in _WORDS.items()
}
_TEXT_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019\u0300-\u036f\u0900-\u097f\u200c])*")
_FEW_WORDS = 5
_LONGEST_READ = 20_000


def is_written_in(text: str, language: str) -> bool:
    """Whether a text reads as that language, rather than as another one of the table.

    Parameters
    ----------
    text : str
        The first 20,000 characters are read; capitals do not matter.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    bool
        The commonest script must be the language's. Between languages of one script no other one
        may have more of its commonest words in the text, and there must be one of them, unless
        the text has fewer than five words. A text without letters is every language's.
    """
    read = text[:_LONGEST_READ].lower()
    script = _script(read)
    if script is None:
        return True
    wanted = _SCRIPT_OF_LANGUAGE.get(language)
    if wanted is not None:
        return script == wanted
    languages = _SETS.get(script, {})
    if language not in languages:
        return False
    words = Counter(match[0].replace("\u2019", "'") for match in _TEXT_WORD.finditer(read))
    found = {code: _evidence(words, known) for code, known in languages.items()}
    is_best = found[language] == max(found.values())
    return is_best and (found[language] > 0 or words.total() < _FEW_WORDS)


def _evidence(words: Counter[str], known: frozenset[str]) -> int:
    return sum(count for word, count in words.items() if word in known)


def _script(text: str) -> str | None:
    """Commonest script among the letters; null without any letter, '' for one not in the table."""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if character.isalpha():
            counts[_script_of(ord(character))] += count
    if not counts:
        return None
    # Japanese is written in both; Chinese never in kana.
    if counts["kana"]:
        counts["kana"] += counts.pop("han", 0)
    return max(counts, key=lambda script: (counts[script], script))


def _script_of(code: int) -> str:
    for script, ranges in _SCRIPTS.items():
        if any(first <= code <= last for first, last in ranges):
            return script
    return ""
