"""What is wrong with a file, collected so that a person can repair all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_PROBLEMS: Final = 10
_SHOWN_CHARACTERS: Final = 60


def shown(value: object) -> str:
    r"""Give a value as a message shows it: quoted, control characters spelled out, not too long.

    Examples
    --------
    >>> print(shown("Q4\tK"))
    'Q4\tK'
    """
    text = str(value)
    cut = text[:_SHOWN_CHARACTERS] + "..." if len(text) > _SHOWN_CHARACTERS else text
    return repr(cut)


def heading_shown(heading: str) -> str:
    """Give a heading as a message shows it."""
    return f"`{shown(heading)[1:-1]}`"


def listed(texts: Iterable[str], separator: str = ", ") -> str:
    """Join the first few texts and say how many more there are.

    Examples
    --------
    >>> listed(str(number) for number in range(12))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    all_texts = list(texts)
    more = len(all_texts) - SHOWN_PROBLEMS
    head = separator.join(all_texts[:SHOWN_PROBLEMS])
    return f"{head} and {more} more" if more > 0 else head


class Problems:
    """Everything found wrong with one file so far; the first few in words, the others counted."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.count = 0
        self._found: list[str] = []

    def add(self, what: str, *, place: str = "", column: str | None = None) -> None:
        """Note one problem.

        Parameters
        ----------
        what : str
            What is wrong and what to do about it.
        place : str
            Such as ``line 7``; empty where the whole file is meant.
        column : str, optional
            Heading.
        """
        self.count += 1
        if len(self._found) < SHOWN_PROBLEMS:
            inside = None if column is None else f"column {heading_shown(column)}"
            where = ", ".join(filter(None, (place, inside)))
            self._found.append(" ".join(filter(None, (f"`{self.source}`", where))) + f": {what}")

    def add_unseen(self, count: int) -> None:
        """Count problems that are not put in words; only after `SHOWN_PROBLEMS` that were."""
        self.count += count

    def raise_if_any(self, hint: str | None = None) -> None:
        """Raise one error for all of them.

        Raises
        ------
        TableError
            With the first problems in the order they were found, and the number of the others.
        """
        if self.count == 1:
            raise TableError(self._found[0], hint=hint)
        if self.count:
            lines = "".join(f"\n- {text}" for text in self._found)
            more = self.count - len(self._found)
            rest = f"\nand {more} more" if more else ""
            raise TableError(
                f"`{self.source}` cannot be used, {self.count} things are wrong:{lines}{rest}",
                hint=hint,
            )
