"""What GGUF files lie in a folder, and which of them can stand in one study."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.model import read_facts
from silentzone.errors import InputError, ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.gguf.model import GgufFacts
    from silentzone.studies.progress import Progress

_MAX_FILES: Final = 1000
_MAX_NAME_CHARACTERS: Final = 150
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})", re.DOTALL)
_PRECISION: Final = {"F64": 4, "F32": 3, "BF16": 2, "F16": 1}
_SAME_MODEL: Final = 0.01
"""Share by which parameter counts may differ: converters keep or drop small tables."""
_NO_MODEL: Final = {
    "mmproj": "a projector for pictures or sound (mmproj), not a language model",
    "projector": "a projector for pictures or sound (mmproj), not a language model",
    "adapter": "an adapter (LoRA), not a whole model",
    "imatrix": "an importance matrix, not a model",
}
"""By the ``general.type`` of the header."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundModel:
    """A language model that was found: the first shard, where it has several."""

    path: Path
    name: str
    facts: GgufFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A file that is no candidate, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """Models of a folder, told apart by their headers alone."""

    reference: FoundModel
    guess: str
    """Why this one is taken for the reference."""
    candidates: tuple[FoundModel, ...]
    """Of the same model as the reference, from the most bits per weight to the fewest."""
    foreign: tuple[tuple[FoundModel, str], ...]
    """Whole models that cannot be held against the reference, and why."""
    left_out: tuple[SetAside, ...]


def survey_folder(folder: Path, progress: Progress) -> Survey:
    """Read the headers of all GGUF files in a folder and its subfolders, one level down.

    Parameters
    ----------
    folder : Path
    progress : Progress
        Told each header that is read.

    Raises
    ------
    InputError
        If there are too many files, or fewer than two that can stand in one study.
    """
    left_out: list[SetAside] = []
    files = _gguf_files(folder, left_out)
    progress.begin("survey", "Reading headers", float(len(files)), "files")
    models: dict[Path, GgufFacts] = {}
    for number, path in enumerate(files, 1):
        try:
            models[path] = _facts(path)
        except ModelFileError as error:
            reason = error.message.replace(f"`{path}`", "it")
            left_out.append(SetAside(path=path, reason=reason))
        progress.advance("survey", float(number))
    progress.end("survey", "done")
    found = _named(folder, models)
    if len(found) < 2:
        raise _too_few(folder, found, left_out)
    family = _largest_family(found)
    reference, guess = _guess_reference(family)
    others = [model for model in found if model is not reference]
    reasons = {model.path: _difference(model.facts, reference.facts) for model in others}
    candidates = [model for model in others if not reasons[model.path]]
    if not candidates:
        raise InputError(
            f"no two of the {len(found)} models in `{folder}` are files of one model: architecture,"
            " tokenizer or parameter count differ.",
            hint="give the folder that holds the quants of one model and the file they came from",
        )
    return Survey(
        reference=reference,
        guess=guess,
        candidates=tuple(sorted(candidates, key=lambda one: -one.facts.bits_per_weight)),
        foreign=tuple((one, reasons[one.path]) for one in others if reasons[one.path]),
        left_out=tuple(left_out),
    )


def _gguf_files(folder: Path, left_out: list[SetAside]) -> list[Path]:
    """List first shards and single files, each real file once; no link is followed twice."""
    places = [folder]
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"`{folder}` cannot be read: {error.strerror or error}") from error
    places += [entry for entry in entries if _is_folder(entry) and not entry.name.startswith(".")]
    found: dict[Path, Path] = {}
    for place in places:
        try:
            inside = entries if place is folder else sorted(place.iterdir())
        except OSError as error:
            left_out.append(SetAside(path=place, reason=f"cannot be read: {error.strerror}"))
            continue
        for path in inside:
            is_wanted = path.suffix.lower() == ".gguf" and not path.name.startswith(".")
            if is_wanted and not _is_folder(path):
                _take(path, found, left_out)
    if len(found) > _MAX_FILES:
        raise InputError(f"`{folder}` holds {len(found)} GGUF files; {_MAX_FILES} is the limit.")
    return list(found.values())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _take(path: Path, found: dict[Path, Path], left_out: list[SetAside]) -> None:
    shard = _SHARD.fullmatch(path.stem)
    if shard is not None and shard["number"] != "00001":
        first = path.with_name(f"{shard['stem']}-00001-of-{shard['count']}{path.suffix}")
        if not first.exists():
            left_out.append(SetAside(path=path, reason="its first shard is not beside it"))
        return
    try:
        str(path).encode()
    except UnicodeEncodeError:
        # TOML is UTF-8, so this name cannot be written down.
        left_out.append(SetAside(path=path, reason="its name is not UTF-8; rename it"))
        return
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        left_out.append(SetAside(path=path, reason="a link that leads nowhere"))
        return
    if real in found:
        left_out.append(SetAside(path=path, reason=f"the same file as {found[real].name}"))
    else:
        found[real] = path


def _facts(path: Path) -> GgufFacts:
    header = read_header(path)
    kind = header.text("general.type") or ""
    if header.text("general.architecture") == "clip":
        kind = "mmproj"
    if kind in _NO_MODEL:
        raise ModelFileError(_NO_MODEL[kind])
    return read_facts(path)


def _named(folder: Path, models: dict[Path, GgufFacts]) -> list[FoundModel]:
    """Name models after their files; where that is not enough, after their folders as well."""
    names = {path: _plain(path) for path in models}
    often = Counter(name.casefold() for name in names.values())
    taken: set[str] = set()
    found = []
    for path, facts in models.items():
        name = names[path]
        if often[name.casefold()] > 1 and path.parent != folder:
            name = f"{plain_text(path.parent.name)} {name}"
        unique, number = name, 2
        while unique.casefold() in taken:
            unique, number = f"{name} ({number})", number + 1
        taken.add(unique.casefold())
        found.append(FoundModel(path=path, name=unique, facts=facts))
    return found


def _plain(path: Path) -> str:
    shard = _SHARD.fullmatch(path.stem)
    return plain_text(shard["stem"] if shard else path.stem)


def plain_text(text: str, otherwise: str = "model") -> str:
    """Make a name of a study out of a file's: no control characters, not too long, not empty."""
    plain = "".join("_" if c == "\\" or not c.isprintable() else c for c in text)
    return plain[:_MAX_NAME_CHARACTERS].strip() or otherwise


def _is_family(facts: GgufFacts, other: GgufFacts) -> bool:
    return _difference(facts, other) == ""


def _difference(facts: GgufFacts, reference: GgufFacts) -> str:
    """Say why two files are not of one model; empty where they are."""
    if facts.architecture != reference.architecture:
        return f"architecture {facts.architecture}, the reference has {reference.architecture}"
    if facts.vocabulary_size != reference.vocabulary_size:
        return (
            f"{facts.vocabulary_size} vocabulary entries, the reference has "
            f"{reference.vocabulary_size}"
        )
    if facts.tokenizer_sha256 != reference.tokenizer_sha256:
        return "another tokenizer than the reference (tokens, merges or flags differ)"
    allowed = _SAME_MODEL * reference.parameter_count
    if abs(facts.parameter_count - reference.parameter_count) > allowed:
        return (
            f"{facts.parameter_count:,} parameters, the reference has "
            f"{reference.parameter_count:,}: another model, or one for drafts"
        )
    return ""


def _largest_family(found: list[FoundModel]) -> list[FoundModel]:
    """Models of one kind, the most there are: an F16 draft model must not become the reference."""
    families = [
        [other for other in found if _is_family(other.facts, model.facts)] for model in found
    ]
    return max(families, key=lambda family: (len(family), family[0].facts.parameter_count))


def _guess_reference(family: list[FoundModel]) -> tuple[FoundModel, str]:
    unquantized = [model for model in family if not model.facts.is_quantized]
    if unquantized:
        best = max(unquantized, key=_precision)
        return best, f"guessed: the highest precision here, {best.facts.main_type} by its header"
    best = max(family, key=lambda model: model.facts.file_bytes)
    return best, (
        f"guessed: the largest file here, itself quantized ({best.facts.weight_format}): distances "
        "will be from this file, not from the model as it was trained"
    )


def _precision(model: FoundModel) -> tuple[int, float, int]:
    facts = model.facts
    return _PRECISION.get(facts.main_type, 0), facts.bits_per_weight, facts.file_bytes


def _too_few(folder: Path, found: list[FoundModel], left_out: list[SetAside]) -> InputError:
    what = f"one usable model, {found[0].path.name}" if found else "no usable GGUF model"
    reasons = "".join(f"\n- {one.path.name}: {one.reason}" for one in left_out[:10])
    more = f"\n- and {len(left_out) - 10} more" if len(left_out) > 10 else ""
    return InputError(
        f"`{folder}` holds {what} (subfolders one level down were searched); a study needs a "
        f"reference and a candidate.{reasons}{more}",
        hint="put the quants and the file they were made from into one folder",
    )
