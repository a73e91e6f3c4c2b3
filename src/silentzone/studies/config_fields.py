"""Checks of single fields of a configuration, collecting what is wrong instead of stopping."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALL: Final = "all"
"""Written where TOML, which has no null, must say "no limit"."""
_MAX_NAME_CHARACTERS: Final = 200
_MAX_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Field:
    """What one key may hold."""

    kind: type
    low: int | None = None
    high: int | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    """Regular expression that the whole of a text must match."""
    all_allowed: bool = False
    """Whether ``"all"`` may stand for no limit."""

    def problem(self, value: object) -> str | None:
        """Say what the value should have been; None where it is right."""
        if self.all_allowed and value == ALL:
            return None
        if not self._is_kind(value):
            words = {
                str: "a text",
                bool: "true or false",
                int: "a whole number",
                float: "a finite number",
            }
            more = f' or "{ALL}"' if self.all_allowed else ""
            return f"must be {words[self.kind]}{more}"
        if self.choices and value not in self.choices:
            return "must be " + " or ".join(f'"{choice}"' for choice in self.choices)
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            return f"must match {self.pattern}"
        return self._range_problem(value)

    def _is_kind(self, value: object) -> bool:
        if self.kind is str:
            return isinstance(value, str)
        if isinstance(value, bool) or self.kind is bool:
            return isinstance(value, bool) and self.kind is bool
        if self.kind is int:
            return isinstance(value, int)
        # An integer beyond the floats would overflow in the conversion.
        return isinstance(value, (int, float)) and abs(value) < 1e300 and math.isfinite(value)

    def _range_problem(self, value: Any) -> str | None:  # noqa: ANN401 - of the field's kind
        if self.low is not None and value < self.low:
            return f"must be at least {self.low}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high}"
        if (self.above is not None and value <= self.above) or (
            self.below is not None and value >= self.below
        ):
            return f"must be between {self.above} and {self.below}, both excluded"
        return None

    def converted(self, value: Any) -> Any:  # noqa: ANN401 - of the field's kind
        """Give the value as the record stores it."""
        if self.all_allowed and value == ALL:
            return None
        return float(value) if self.kind is float else value


class Problems:
    """Everything found wrong so far."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, text: str) -> None:
        """Note one problem."""
        self._found.append(text)

    def raise_if_any(self) -> None:
        """Raise one ConfigError that lists all problems."""
        if not self._found:
            return
        distinct = list(dict.fromkeys(self._found))
        if len(distinct) == 1:
            raise ConfigError(distinct[0])
        lines = "".join(f"\n- {problem}" for problem in distinct)
        raise ConfigError(f"{len(distinct)} things are wrong in the study:{lines}")

    def check_keys(self, title: str, mapping: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note every key that is not known, with the nearest that is."""
        known = list(known)
        for key in mapping:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                advice = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
                self.add(f"{title} has the unknown key {key[:_MAX_SHOWN]!r}; {advice}")

    def check_plain_name(self, title: str, name: str) -> None:
        """Note a name that is empty, too long, or would be a path."""
        shown = name[:_MAX_SHOWN]
        if not name.strip():
            self.add(f"{title} needs a `name` that is not empty")
        elif len(name) > _MAX_NAME_CHARACTERS:
            self.add(f"{title} `name` = {shown!r}... is longer than {_MAX_NAME_CHARACTERS}")
        elif "/" in name or "\\" in name or name in {".", ".."}:
            self.add(f"{title} `name` = {shown!r} is a path; give a plain name beside `path`")
        elif not name.isprintable():
            self.add(f"{title} `name` = {shown!r} holds control characters")

    def check_names(self, what: str, names: Sequence[str]) -> None:
        """Note names given twice, also when they differ in case only."""
        seen: dict[str, str] = {}
        for name in filter(None, names):
            other = seen.get(name.casefold())
            seen.setdefault(name.casefold(), name)
            if other is None:
                continue
            if other == name:
                self.add(f"two {what} entries are named {name[:_MAX_SHOWN]!r}")
            else:
                self.add(
                    f"the {what} names {other[:_MAX_SHOWN]!r} and {name[:_MAX_SHOWN]!r} differ "
                    "in case only"
                )


class Section:
    """One table of the file with its right values; what is wrong has been noted."""

    def __init__(
        self, title: str, table: object, fields: Mapping[str, Field], problems: Problems
    ) -> None:
        self.title = title
        self.values: dict[str, Any] = {}
        self._given: frozenset[str] = frozenset()
        self._problems = problems
        if not isinstance(table, dict):
            problems.add(f"{title} must be a table")
            return
        self._given = frozenset(table)
        problems.check_keys(title, table, fields)
        for key, field in fields.items():
            if key not in table:
                continue
            problem = field.problem(table[key])
            if problem is None:
                self.values[key] = field.converted(table[key])
            else:
                shown = repr(table[key])[:_MAX_SHOWN]
                problems.add(f"{title} `{key}` {problem}, is {shown}")

    @classmethod
    def of(
        cls,
        mapping: Mapping[str, Any],
        name: str,
        fields: Mapping[str, Field],
        problems: Problems,
        required: tuple[str, ...] = (),
    ) -> Section:
        """Read the table ``[name]``; an absent one is empty."""
        section = cls(f"[{name}]", mapping.get(name, {}), fields, problems)
        for key in required:
            section.require(key)
        return section

    @classmethod
    def all_of(
        cls,
        mapping: Mapping[str, Any],
        name: str,
        fields: Mapping[str, Field],
        problems: Problems,
    ) -> list[Section]:
        """Read the tables ``[[name]]``."""
        tables = mapping.get(name, [])
        if not isinstance(tables, list):
            problems.add(f"{name} must be written as [[{name}]]")
            return []
        return [
            cls(f"[[{name}]] {number}", table, fields, problems)
            for number, table in enumerate(tables, 1)
        ]

    def has(self, key: str) -> bool:
        """Whether the key was given, right or wrong."""
        return key in self._given

    def require(self, key: str) -> None:
        """Note the key as missing unless it was given."""
        if not self.has(key):
            self._problems.add(f"{self.title} needs `{key}`")

    def file(self, key: str, base: Path, *, folder_allowed: bool = False) -> str:
        """Give the absolute path of an existing file; empty, and noted, where there is none."""
        given = self.values.get(key)
        if given is None:
            return ""
        try:
            path = base / Path(given).expanduser()
            path.resolve()  # refuses a NUL character, which the tests below would call missing
            is_file, is_folder = path.is_file(), path.is_dir()
        except (OSError, ValueError, RuntimeError) as error:
            self._problems.add(f"{self.title} `{key}` = {given[:_MAX_SHOWN]!r}: {error}")
            return ""
        if not is_file and not (is_folder and folder_allowed):
            what = "is a folder" if is_folder else "does not exist"
            self._problems.add(f"{self.title} `{key}`: `{path}` {what}")
        return str(path)
