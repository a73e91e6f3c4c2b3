"""A few made-up items in the three forms that llama-perplexity's tasks read.

python synthetic_tasks.py FOLDER
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

CONTINUED = (
    ("Ann opens the door", 1, ("and the sea is green.", "and walks into the room.",
     "but seven is a number.", "of a hat with a lamp.")),
    ("The cat sees a mouse", 0, ("and runs after it.", "and sings an opera.",
     "because paper is blue.", "into nine of them.")),
    ("He puts the kettle on", 2, ("and forgets all his names.", "to the moon by train.",
     "and makes a cup of tea.", "with a wall of string.")),
    ("Rain begins to fall", 3, ("so the stone laughs.", "and the soup is late.",
     "but twelve are round.", "so she opens her umbrella.")),
    ("The boy throws the ball", 0, ("to a Tuesday in May.", "and his friend catches it.",
     "under the word of glass.", "and rice is a colour.")),
    ("The baker takes the bread", 2, ("until it was a river.", "so the window sings.",
     "out of the oven.", "over four of the songs.")),
)  # fmt: skip
"""Context, index of the right ending, endings; the fifth one's gold is wrong on purpose."""
REFERRED = (
    ("The cup did not fit into the box because the _ was too large.", "cup", "box", 1),
    ("The lamp fell on the table and the _ broke into pieces of glass.", "lamp", "table", 1),
    ("Tom lent Paul his coat because _ was cold in the wind.", "Tom", "Paul", 2),
    ("The rope held the boat until the _ tore in the storm.", "rope", "boat", 1),
    ("Anna thanked Clara because _ had helped her with the work.", "Anna", "Clara", 2),
    ("The tea was hot, so the ice in the _ melted at once.", "tea", "ice", 1),
)


def hellaswag() -> str:
    """Six lines per item: context, gold, four endings."""
    return "".join(
        f"{context}\n{gold}\n" + "".join(f"{ending}\n" for ending in endings)
        for context, gold, endings in CONTINUED
    )


def winogrande() -> str:
    """CSV: index, sentence, two choices, answer."""
    return "".join(
        f'{k},"{sentence}",{one},{other},{gold}\n'
        for k, (sentence, one, other, gold) in enumerate(REFERRED)
    )


def multiple_choice() -> bytes:
    """Number of items, their offsets, then question, answers and labels of each."""
    tasks = [_text(context) + 2 * _answers(endings, gold) for context, gold, endings in CONTINUED]
    offsets = [sum(map(len, tasks[:k])) for k in range(len(tasks))]
    return struct.pack(f"<I{len(tasks)}I", len(tasks), *offsets) + b"".join(tasks)


def _answers(endings: tuple[str, ...], gold: int) -> bytes:
    labels = struct.pack(f"<{len(endings)}i", *(k == gold for k in range(len(endings))))
    return struct.pack("<I", len(endings)) + b"".join(map(_text, endings)) + labels


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("ascii")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "hellaswag.txt").write_text(hellaswag(), "ascii")
    (folder / "winogrande.csv").write_text(winogrande(), "ascii")
    (folder / "multiple_choice.bin").write_bytes(multiple_choice())
