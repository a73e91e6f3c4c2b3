"""Names and texts from models and files, made safe to look at.

HTML and SVG escaping is the template's and the writer's work; what stands here removes the attacks
that survive escaping: characters that move the cursor, turn the reading direction or cannot be seen
at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPELLED_OUT = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~$])")
_BULLET = re.compile(r"^(\s*)([-+=])(?=[-+=\s]|$)")
FORMULA = re.compile("'*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that a spreadsheet takes for a formula, or that was guarded before."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_NUMBERED = re.compile(r"^(\s*\d+)([.)])(?=\s|$)")


def visible(text: object) -> str:
    r"""Text in which every control, format or direction character is spelled out.

    Parameters
    ----------
    text : object
        Anything; what is not a string is shown as ``str`` shows it.

    Returns
    -------
    str
        One line. Line breaks and tabs become spaces, the rest of the invisible characters
        become their code, so that two names that differ can be seen to differ.

    Examples
    --------
    >>> print(visible("Q4\x1b[31m\u202e_K"))
    Q4\u001b[31m\u202e_K
    """
    return _spelled_out(str(text).replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def visible_lines(text: object) -> str:
    r"""Text as `visible` gives it, with its line breaks kept: for what is shown as it was written.

    Examples
    --------
    >>> visible_lines("Q:\r\n\tA\x00")
    'Q:\n    A\\u0000'
    """
    lines = str(text).replace("\r\n", "\n").replace("\t", "    ").split("\n")
    return "\n".join(map(_spelled_out, lines))


def _spelled_out(line: str) -> str:
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _SPELLED_OUT else character
        for character in line
    )


def markdown(text: str) -> str:
    r"""Text that Markdown shows as it is read: no markup, no link, no mention.

    Examples
    --------
    >>> print(markdown("Q4_0 | <b>"))
    Q4\_0 \| \<b\>
    """
    escaped = _MARKUP.sub(r"\\\1", visible(text).replace("&", "&amp;"))
    for begins_block in (_BULLET, _NUMBERED):
        escaped = begins_block.sub(r"\1\\\2", escaped)
    # What GitHub and Hugging Face turn into links and mentions without being asked.
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")


def markdown_code(text: str) -> str:
    """Text inside a code span, which knows no escape."""
    return visible(text).replace("`", "'").replace("|", "¦")


def shorten(text: str, limit: int) -> str:
    """Text of at most `limit` characters; head and tail stay, because quants differ at the tail.

    Examples
    --------
    >>> shorten("Model-Instruct-Q4_K_M", 13)
    'Model-I…Q4_K_M'
    >>> shorten("Q8_0", 13)
    'Q8_0'
    """
    if len(text) <= limit + 1:
        return text
    tail = limit // 2
    return f"{text[: limit - tail]}…{text[-tail:]}"


def labels(names: Sequence[str], limit: int = 44) -> tuple[str, ...]:
    """Short, visible and pairwise different labels, in the order of the names.

    Charts place rows by label, so two names that look alike once shortened get a number.

    Examples
    --------
    >>> labels(["Q8_0", "Q8_0"])
    ('Q8_0 (1)', 'Q8_0 (2)')
    """
    short = [shorten(visible(name), limit) for name in names]
    total = Counter(short)
    seen: Counter[str] = Counter()
    result = []
    for label in short:
        seen[label] += 1
        result.append(label if total[label] == 1 else f"{label} ({seen[label]})")
    return tuple(result)


def spreadsheet_text(text: str) -> str:
    """Text that a spreadsheet shows and does not run: what begins like a formula gets a quote.

    A number stays as it is. :func:`from_spreadsheet_text` gives the text back.

    Examples
    --------
    >>> spreadsheet_text("=1+1"), spreadsheet_text("-0.5"), spreadsheet_text("Q4_K_M")
    ("'=1+1", '-0.5', 'Q4_K_M')
    """
    is_plain = _NUMBER.fullmatch(text) is not None or FORMULA.match(text) is None
    return text if is_plain else f"'{text}"


def from_spreadsheet_text(text: str) -> str:
    """Text before :func:`spreadsheet_text`.

    Examples
    --------
    >>> from_spreadsheet_text("'=1+1"), from_spreadsheet_text("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and FORMULA.match(text) is not None else text
