"""A log of llama-perplexity, line by line: what it prints of one run, and nothing else of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError
from silentzone.importers.cells import LONGEST_NAME
from silentzone.importers.perplexity_print import (
    FINAL_PPL,
    KLD_HEADING,
    KLD_WINDOW,
    OLD_HEADING,
    PPL_ROW,
    PPL_WINDOW,
    STRIDE_ROW,
    BlockRow,
    Printed,
    block_row,
)
from silentzone.importers.problems import Problems, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS: Final = ("ppl", "ln_ratio", "kld", "delta_p_rms", "top1")
"""Running means of the KLD mode, in the order of the tool."""

_PLAN: Final = re.compile(
    r"(?P<mode>kl_divergence|perplexity_v2|perplexity): (?:calculating perplexity|computing) "
    r"over (?P<windows>\d{1,9}) chunks(?:, n_ctx=(?P<context>\d{1,9}))?"
)
_FACTS: Final = {
    "model": re.compile(r"llama_model_loader: loaded meta data .* from (.+?) \(version "),
    "vocabulary": re.compile(r"(?:print_info|llm_load_print_meta): n_vocab\s*= (\d{1,9})\s*$"),
    "add_bos": re.compile(r"tokenizer\.ggml\.add_bos_token\s+bool\s*= (true|false)\s*$"),
    "bits_per_weight": re.compile(r"\b(?:file|model) size\s*= .*\((\d{1,3}\.\d+) BPW\)"),
    "build": re.compile(r"(?:main: |^)build(?: =|:) (.{1,80}?)\s*$"),
    "system": re.compile(r"system_info: (.{1,1000}?)\s*$"),
}
_UNLIKE: Final = (
    (
        re.compile(r"inconsistent vocabulary \((\d+) vs (\d+)\)"),
        "the base file has a vocabulary of {0}, the candidate one of {1}",
    ),
    (
        re.compile(r"has been computed with (\d+), while the current context is (-?\d+)"),
        "the base file has windows of {0} tokens, the candidate was given a context of {1}",
    ),
)
_STOPS: Final = re.compile(
    r"(failed to (?:decode|eval|open .*|create context)|failed reading .*|unable to load model"
    r"|you need at least \d+ tokens.*|there are only \d+ tokens.*|does not look like a file .*)"
)
_FINAL_DECIMALS: Final = {(4, 5), (None, None), (4, None)}
_SHARD: Final = re.compile(r"-\d{5}-of-\d{5}$")
_TASKS: Final = re.compile(r"\b(hellaswag|winogrande|multiple_choice)_score\s*:")


def model_in(line: str) -> str | None:
    """Name of the model that a line of the loader names, without its folder and ending.

    Examples
    --------
    >>> model_in(
    ...     "llama_model_loader: loaded meta data with 3 pairs from /a/b-Q8_0.gguf (version 3)"
    ... )
    'b-Q8_0'
    """
    found = _FACTS["model"].search(line)
    return None if found is None else model_name(found[1])


def model_name(path: str) -> str | None:
    """Name of a model by its file; null where it is no name."""
    file = path.replace("\\", "/").rpartition("/")[2]
    name = _SHARD.sub("", file.removesuffix(".gguf")).strip()
    return name if name and name.isprintable() and len(name) <= LONGEST_NAME else None


@dataclass(slots=True)
class PerplexityLog:
    """What one run printed."""

    mode: str | None = None
    """``kl_divergence``, ``perplexity`` or ``perplexity_v2``, where the log says it."""
    planned_windows: int | None = None
    context_length: int | None = None
    facts: dict[str, str] = field(default_factory=dict)
    """``model`` (path), ``vocabulary``, ``add_bos``, ``bits_per_weight``, ``build``, ``system``."""
    kld_windows: list[tuple[Printed, ...]] = field(default_factory=list)
    """Running values by ``COLUMNS``, one tuple per window."""
    ppl_windows: list[Printed] = field(default_factory=list)
    """Running perplexity of the PPL mode."""
    nll_windows: list[Printed] = field(default_factory=list)
    """Running mean NLL, where the PPL mode prints it."""
    block: dict[str, BlockRow] = field(default_factory=dict)
    final_ppl: tuple[Printed, Printed] | None = None
    stopped: str | None = None
    """What the tool said when it could not go on."""
    is_cut: bool = False
    """Whether the last line ends in the middle."""

    @property
    def is_kld(self) -> bool:
        """Whether the run compares with a base file."""
        return self.mode == "kl_divergence" or bool(self.kld_windows or self.block)

    @property
    def window_count(self) -> int:
        """Windows that have a line."""
        return len(self.kld_windows) or len(self.ppl_windows)


def read_perplexity_log(lines: Iterable[str], source: str) -> PerplexityLog:
    """Read one run.

    Parameters
    ----------
    lines : iterable of str
        With their line ends.
    source : str
        Name of the file, for messages.

    Raises
    ------
    TableError
        If there is no run, more than one, a window is missing, a line is damaged, or the tool
        compared what cannot be compared.
    """
    reader = _Reader(source)
    line = ""
    for number, line in enumerate(lines, start=1):
        reader.take(number, line)
    reader.problems.raise_if_any("give the log as the tool wrote it, one run per file")
    log = reader.log
    log.is_cut = bool(line) and not line.endswith(("\n", "\r", "%", ","))
    if not (log.window_count or log.block or log.final_ppl):
        said = f"; it says: {shown(log.stopped)}" if log.stopped else ""
        raise TableError(
            f"`{source}` has no results of llama-perplexity in it{said}",
            hint="the results go to stdout; redirect that, or both streams",
        )
    return log


class _Reader:
    """The run so far, and where it began."""

    def __init__(self, source: str) -> None:
        self.log = PerplexityLog()
        self.problems = Problems(source)
        self._source = source
        self._started: int | None = None
        """Line of the first sign of the run."""
        self._rows: list[int] = []
        """First column of the rows of ``--ppl-output-type 1``."""

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        if not self._is_result(number, line):
            self._read_facts(number, line)

    def _is_result(self, number: int, line: str) -> bool:
        if KLD_HEADING.match(line):
            if self.log.window_count or self.log.block:
                self._refuse_second(number)
            self._start(number)
            return True
        return self._is_window(number, line) or self._is_final(number, line)

    def _is_window(self, number: int, line: str) -> bool:
        if found := KLD_WINDOW.match(line):
            self._check_index(number, int(found[1]), len(self.log.kld_windows))
            values = tuple(Printed(found[2 + 2 * k]) for k in range(len(COLUMNS)))
            self._check_kld_window(number, values)
            self.log.kld_windows.append(values)
            return True
        if found := PPL_ROW.match(line) or STRIDE_ROW.match(line):
            self._read_row(number, line, [Printed(text) for text in found.groups()[1:]], found[1])
            return True
        windows = list(PPL_WINDOW.finditer(line)) if "[" in line else []
        for window in windows:
            self._check_index(number, int(window[1]), len(self.log.ppl_windows))
            self.log.ppl_windows.append(Printed(window[2]))
        return bool(windows)

    def _read_row(self, number: int, line: str, values: list[Printed], start: str) -> None:
        """Read a row of ``--ppl-output-type 1``: perplexity, and without a stride NLL and error."""
        log = self.log
        has_nll = len(values) > 1
        wanted = (4, 6, 6)[: len(values)]
        is_whole = all(one.decimals in {None, w} for one, w in zip(values, wanted, strict=True))
        if not is_whole or (log.ppl_windows and has_nll != bool(log.nll_windows)):
            self._note_damaged(number, line, "a row of running perplexity")
            return
        self._check_row(number, int(start))
        log.ppl_windows.append(values[0])
        log.nll_windows += values[1:2]

    def _note_damaged(self, number: int, line: str, what: str) -> None:
        """Note a line that is not what the tool prints; the end of a cut log is told later."""
        if line.endswith(("\n", "\r")):
            self.problems.add(
                f"{shown(line.strip())} is not as llama-perplexity prints {what}",
                place=f"line {number}",
            )

    def _is_final(self, number: int, line: str) -> bool:
        if found := FINAL_PPL.search(line):
            if (Printed(found[1]).decimals, Printed(found[2]).decimals) not in _FINAL_DECIMALS:
                self._note_damaged(number, line, "its final estimate")
                return True
            if self.log.final_ppl is not None or self.log.block:
                self._refuse_second(number)
            self._start(number)
            self.log.final_ppl = (Printed(found[1]), Printed(found[2]))
            return True
        row = block_row(line)
        if row is None:
            return False
        if isinstance(row, str):
            self._note_damaged(number, line, f"`{row}`")
            return True
        if row.key in self.log.block or self.log.final_ppl is not None:
            self._refuse_second(number)
        self._start(number)
        self.log.block[row.key] = row
        return True

    def _read_facts(self, number: int, line: str) -> None:
        if OLD_HEADING.match(line):
            raise TableError(
                f"`{self._source}` line {number} has the columns that llama-perplexity printed "
                "until early 2024, which are not read",
                hint="score the base file again with a newer build",
            )
        if found := _TASKS.search(line):
            raise TableError(
                f"`{self._source}` line {number} is of a `{found[1]}` run, which has items",
                hint="read it as llama-perplexity-tasks",
            )
        for pattern, what in _UNLIKE:
            if found := pattern.search(line):
                raise TableError(
                    f"`{self._source}` line {number}: {what.format(*found.groups())}. The tool "
                    "says so and goes on; its numbers compare what does not belong together",
                    hint="make a base file with a reference of the same vocabulary and context",
                )
        if found := _PLAN.search(line):
            self._read_plan(number, found)
        if (found := _STOPS.search(line)) and self.log.stopped is None:
            self.log.stopped = found[1][:200].strip()
        for name, fact in _FACTS.items():
            if found := fact.search(line):
                self._note_fact(number, name, found[1])

    def _read_plan(self, number: int, found: re.Match[str]) -> None:
        log = self.log
        if log.planned_windows is not None or log.window_count or log.block:
            self._refuse_second(number)
        self._start(number)
        log.mode, log.planned_windows = found["mode"], int(found["windows"])
        log.context_length = None if found["context"] is None else int(found["context"])

    def _note_fact(self, number: int, name: str, value: str) -> None:
        known = self.log.facts.setdefault(name, value)
        if known == value or name in {"build", "system"}:
            return
        if self.log.window_count or self.log.block or self.log.final_ppl:
            self._refuse_second(number)
        raise TableError(
            f"`{self._source}` line {number}: the log names two values of its {name}, "
            f"{shown(known)} and {shown(value)}",
            hint="give each run a file of its own",
        )

    def _check_index(self, number: int, index: int, known: int) -> None:
        if index == 1 and (self.log.window_count or self.log.block or self.log.final_ppl):
            self._refuse_second(number)
        self._start(number)
        if index != known + 1:
            self.problems.add(
                f"window {index} follows window {known}" if known else f"begins at window {index}",
                place=f"line {number}",
            )

    def _check_row(self, number: int, start: int) -> None:
        """First columns of rows are multiples of one step, from 0 on."""
        if start == 0 and self._rows:
            self._refuse_second(number)
        self._start(number)
        step = self._rows[1] if len(self._rows) > 1 else start
        if start != step * len(self._rows):
            self.problems.add(f"a row for token {start} is out of turn", place=f"line {number}")
        self._rows.append(start)

    def _check_kld_window(self, number: int, values: tuple[Printed, ...]) -> None:
        decimals = tuple(one.decimals for one in values)
        ratios = [one.per_cent for one in values[3:] if one.is_finite]
        if any(
            found not in {None, wanted}
            for found, wanted in zip(decimals, (4, 5, 5, 3, 3), strict=True)
        ) or not all(0.0 <= ratio <= 1.0 for ratio in ratios):
            self.problems.add(
                "the window's numbers are not as llama-perplexity prints them",
                place=f"line {number}",
            )

    def _start(self, number: int) -> None:
        if self._started is None:
            self._started = number

    def _refuse_second(self, number: int) -> None:
        raise TableError(
            f"`{self._source}` holds more than one run: the first begins at line "
            f"{self._started}, another by line {number}",
            hint="write each run to a file of its own, or cut the file there: which model belongs "
            "to which numbers must not be guessed",
        )
