"""What the rules of instruction following count in a text.

Every count takes time proportional to the text, whatever the text is: answers are hostile input.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
# Every run of marks is looked at once, from its beginning: no text takes long.
_SENTENCE_END = re.compile(r"(?<![.?!])[.?!]++[\"')\]*_\u201d\u2019\u00bb]{0,8}(?=\s)")
_NEXT = re.compile(r"\s*(\S)")
_LAST_WORD = re.compile(r"[^\s(\[{\"'\u201c\u2018*_]*\Z")
_ABBREVIATIONS = (
    *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "gen", "rep", "sen", "gov", "capt", "col"),
    *("lt", "sgt", "rev", "hon", "co", "corp", "inc", "ltd", "bros", "vs", "no", "fig", "vol"),
    *("e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "u.n", "ph.d", "b.a", "m.a", "m.d", "pp", "ed"),
    *("jan", "feb", "mar", "apr", "aug", "sep", "sept", "oct", "nov", "dec", "ave", "mt", "dept"),
)
_LONGEST_ABBREVIATION = 8
_STARRED = re.compile(r"^[^\S\n]*\*[^*].*$", flags=re.MULTILINE)
_DASHED = re.compile(r"^[^\S\n]*-.*$", flags=re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
_STRONG_HIGHLIGHT = re.compile(r"\*\*[^\n*]*\*\*")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_TOKEN = re.compile(r"[^\s;@#$%&?!()\[\]{}<>\"\u201c\u201d\u00ab\u00bb`*]+")
_COMMA_OR_COLON = re.compile(r"[,:](?!\d)|--+|\.{2,}|\u2026")
_CONTRACTION = re.compile(r"(?i)(?=n't\Z)|(?='(?:s|m|d|ll|re|ve)\Z)")
_QUOTES = "'\u2018\u2019"


def word_count(text: str) -> int:
    """Count runs of letters, digits and underscores; a hyphen or an apostrophe ends a word."""
    # Python's \w does not know the vowel signs inside words of Indian scripts.
    signs = {ord(sign): None for sign in set(text) if unicodedata.category(sign) in {"Mn", "Mc"}}
    return sum(1 for _ in _WORD.finditer(text.translate(signs) if signs else text))


def sentence_count(text: str) -> int:
    """Sentences by their final punctuation; a line break alone ends none.

    A sentence ends with a full stop, a question mark or an exclamation mark, perhaps closing
    quotes, and white space. No full stop ends one after a known abbreviation, after a single
    letter, or, where there are several in a row, before a small letter.

    Examples
    --------
    >>> sentence_count("Dr. No waits... and waits. Why? He likes it.")
    3
    """
    stripped = text.strip()
    if not stripped:
        return 0
    ends = sum(_ends_sentence(stripped, match) for match in _SENTENCE_END.finditer(stripped))
    return ends + 1


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    mark = match[0]
    if "?" in mark or "!" in mark:
        return True
    if mark.startswith(".."):
        following = _NEXT.match(text, match.end())
        return following is None or not following[1].islower()
    before = text[max(0, match.start() - _LONGEST_ABBREVIATION - 1) : match.start()]
    word = _last_word(before)
    if word.lower() in _ABBREVIATIONS:
        return False
    return not (len(word) == 1 and word.isalpha() and word != "I")


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text)
    return found[0] if found else ""


def bullet_count(text: str) -> int:
    """Lines that begin with a hyphen, or with one asterisk that another one does not follow."""
    return sum(1 for bullet in (_STARRED, _DASHED) for _ in bullet.finditer(text))


def highlight_count(text: str) -> int:
    """Parts between asterisks on one line; one between double asterisks counts for itself."""
    single = sum(1 for match in _HIGHLIGHT.finditer(text) if match[0].strip("*").strip())
    strong = sum(1 for match in _STRONG_HIGHLIGHT.finditer(text) if match[0][2:-2].strip())
    return single + strong


def placeholder_count(text: str) -> int:
    """Parts in square brackets on one line."""
    return sum(map(_brackets, text.split("\n")))


def _brackets(line: str) -> int:
    count = 0
    start = line.find("[")
    while start >= 0:
        end = line.find("]", start + 1)
        if end < 0:
            break
        count += 1
        start = line.find("[", end + 1)
    return count


def has_title(text: str) -> bool:
    """Whether a line holds something between double angular brackets."""
    for line in text.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        is_long_enough = start >= 0 and end >= start + 3
        if is_long_enough and line[start : end + 2].lstrip("<").rstrip(">").strip():
            return True
    return False


def divided_paragraphs(text: str) -> int | None:
    """Paragraphs between three asterisks; null where one in the middle is empty."""
    parts = _DIVIDER.split(text)
    if not all(part.strip() for part in parts[1:-1]):
        return None
    ends = parts[:1] + parts[1:][-1:]
    return len(parts) - sum(1 for part in ends if not part.strip())


def section_count(text: str, name: str) -> int:
    """How often a section is begun: its name and a number."""
    return sum(1 for _ in re.finditer(rf"{re.escape(name)}\s?\d+", text))


def capital_word_count(text: str) -> int:
    """Words without small letters and with at least one letter; ``I`` and ``A`` are such words.

    A hyphenated word is one; what an apostrophe cuts off (``DON'T``) counts for itself.
    """
    return sum(
        1
        for match in _TOKEN.finditer(text)
        for piece in _COMMA_OR_COLON.split(match[0])
        for word in _CONTRACTION.split(piece.strip(_QUOTES))
        if word.isupper()
    )


def two_different_parts(text: str) -> bool:
    """Whether six asterisks divide the text into two parts that differ."""
    parts = [part.strip() for part in text.split("******")]
    if not all(parts[1:-1]):
        return False
    present = [part for part in parts if part]
    return len(present) == 2 and present[0] != present[1]


def first_word_of_paragraph(text: str, number: int) -> tuple[int, str | None]:
    """Paragraphs between blank lines that are not empty, and how the asked one begins.

    Parameters
    ----------
    text : str
    number : int
        From 1, counting empty ones.

    Returns
    -------
    count : int
    word : str or None
        In small letters, up to the first punctuation mark; null where there is no such paragraph.
    """
    paragraphs = text.split("\n\n")
    count = sum(1 for paragraph in paragraphs if paragraph.strip())
    if number > count or not paragraphs[number - 1].strip():
        return count, None
    word = paragraphs[number - 1].split(maxsplit=1)[0].lstrip("'").lstrip('"')
    return count, re.split(r"[.,?!'\"]", word, maxsplit=1)[0].lower()
