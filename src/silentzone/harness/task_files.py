"""Task files of lm-evaluation-harness, read as data: where a task stands and what code it carries.

Nothing here imports or runs anything that a file names.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError, MissingExtraError
from silentzone.harness import library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_BYTES = 4 * 2**20
_MOST_INCLUDES = 64
_IGNORED = {"__pycache__", ".ipynb_checkpoints"}
_CORE_TAGS = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _CORE_TAGS + name
    for name in (
        "str", "int", "float", "bool", "null", "seq", "map", "merge", "timestamp", "set",
        "binary", "omap", "pairs", "value",
    )
)  # fmt: skip
_DATA_LOADERS = ("json", "csv", "parquet", "text", "arrow")
_OTHER_LOADERS = re.compile(
    r"pandas|webdataset|generator|spark|sql|hdf5|lance|vortex|iceberg|cache|eval|harbor"
)
_TASK_LINE = re.compile(r"""^task:\s*["']?([^\s"'#\[{]+)""", re.MULTILINE)
_HINT = "see docs/lm-eval.md for what a task file may hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFound:
    """One place where a task file has code, or has something else load code."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        """Where it stands and what it is."""
        return f"`{self.file.name}` line {self.line}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFile:
    """The file of one task and what was read of it."""

    path: Path
    kind: str
    """``task`` or ``group``."""
    files: tuple[Path, ...]
    """The file and all that it includes."""
    code: tuple[CodeFound, ...]


def find_task_file(name: str, folder: Path | None) -> TaskFile:
    """Find the file of a task by its name.

    Parameters
    ----------
    name : str
        As the file's ``task`` has it.
    folder : Path or None
        Searched with all its folders for ``*.yaml``; None searches the tasks that come with
        lm-evaluation-harness.

    Raises
    ------
    BenchmarkError
        If there is none (did you mean), there are two, or the file is not YAML (file and line).
    MissingExtraError
        If lm-evaluation-harness is not installed.
    """
    found: list[TaskFile] = []
    broken: list[BenchmarkError] = []
    known: set[str] = set()
    for path in _yaml_files(folder or _own_tasks(), None if folder else name, known):
        try:
            entry = _Reader().read(path)
        except BenchmarkError as error:
            broken.append(error)
            continue
        known.update(entry.names)
        if name in entry.names:
            found.append(entry.task_file(path))
    if len(found) > 1:
        names = " and ".join(f"`{entry.path}`" for entry in found[:2])
        raise BenchmarkError(f"the task `{name}` is defined twice: in {names}")
    if found:
        return found[0]
    if broken:
        raise broken[0]
    where = f"in `{folder}`" if folder else f"among the tasks of lm-evaluation-harness {_version()}"
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    some = ", ".join(f"`{one}`" for one in sorted(known)[:10])
    raise BenchmarkError(
        f"there is no task `{name}` {where}",
        hint=f"did you mean `{close[0]}`?"
        if close
        else f"there are: {some}"
        if some
        else "`path` must be a folder with `*.yaml` files that have `task: NAME`",
    )


def refuse_code(task_file: TaskFile, name: str) -> None:
    """Refuse a task whose files carry code.

    Raises
    ------
    BenchmarkError
        Naming every place, and the key that allows it.
    """
    if not task_file.code:
        return
    places = "".join(f"\n- {found}" for found in task_file.code[:10])
    more = len(task_file.code) - 10
    rest = f"\n- and {more} more" if more > 0 else ""
    raise BenchmarkError(
        f"the task `{name}` carries code, which would run on this machine as you:{places}{rest}",
        hint=f'read it, then set `code = true` in the [[benchmarks]] section of "{name}"',
    )


def _version() -> str:
    return library.VERSION


def _own_tasks() -> Path:
    tasks = library.load("lm_eval.tasks")
    return Path(tasks.__file__).parent


def _yaml_files(folder: Path, name: str | None, known: set[str]) -> Iterator[Path]:
    """Files that may define a task; with a name, only those in whose text it stands.

    lm-evaluation-harness brings fourteen thousand: parsing them all would take a minute.
    """
    if not folder.is_dir():
        raise BenchmarkError(
            f"`{folder}` is no folder", hint="`path` is the folder of the task files"
        )
    for path in sorted(folder.rglob("*.yaml")):
        if _IGNORED & set(path.parts):
            continue
        if name is None:
            yield path
            continue
        names = _TASK_LINE.findall(path.read_text("utf-8", errors="replace"))
        known.update(names)
        if name in names:
            yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    names: tuple[str, ...]
    kind: str
    files: tuple[Path, ...]
    code: tuple[CodeFound, ...]

    def task_file(self, path: Path) -> TaskFile:
        return TaskFile(path=path, kind=self.kind, files=self.files, code=self.code)


class _Reader:
    """Reads one file and what it includes; collects the code."""

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._code: list[CodeFound] = []

    def read(self, path: Path) -> _Read:
        keys = self._keys(path.resolve(), set())
        kind = "group" if "group" in keys and "class" not in keys else "task"
        named = keys.get("group" if kind == "group" else "task")
        return _Read(
            names=(named,) if named else (),
            kind=kind,
            files=tuple(self._files),
            code=tuple(self._code),
        )

    def _keys(self, path: Path, above: set[Path]) -> dict[str, str]:
        """Keys of a file with those it includes, their texts where they are texts."""
        node = _compose(path)
        self._files.append(path)
        self._look(node, path)
        keys: dict[str, str] = {}
        for included, line in _includes(node, path):
            where = f"`{path.name}` line {line}"
            if included in above | {path} or len(self._files) > _MOST_INCLUDES:
                raise BenchmarkError(f"{where}: `{included.name}` includes itself", hint=_HINT)
            if not included.is_file():
                raise BenchmarkError(f"{where}: `{included}` does not exist", hint=_HINT)
            keys |= self._keys(included, above | {path})
        for key, value in _pairs(node):
            keys[str(key.value)] = str(value.value) if _is_scalar(value) else ""
        return keys

    def _look(self, node: Any, path: Path) -> None:  # noqa: ANN401 - a node of PyYAML
        """Note code in a node and below; aliases are seen once."""
        waiting, seen = [node], {id(node)}
        while waiting:
            node = waiting.pop()
            if node.tag == "!function":
                self._note(path, node, f"`!function {node.value}`")
            elif node.tag not in _PLAIN_TAGS:
                line = node.start_mark.line + 1
                raise BenchmarkError(
                    f"`{path.name}` line {line}: the tag `{node.tag}` is not allowed", hint=_HINT
                )
            children: list[Any] = []
            if isinstance(node.value, list):
                for child in node.value:
                    children += child if isinstance(child, tuple) else [child]
                    if isinstance(child, tuple) and _is_scalar(child[0]):
                        self._look_at_key(str(child[0].value), child[1], path)
            for child in children:
                if id(child) not in seen:
                    seen.add(id(child))
                    waiting.append(child)

    def _look_at_key(self, key: str, value: Any, path: Path) -> None:  # noqa: ANN401
        text = str(value.value) if _is_scalar(value) else "a structure"
        is_set = text.lower() not in {"", "~", "null", "false", "no", "off"}
        if key == "unsafe_code" and is_set:
            self._note(path, value, "`unsafe_code`: it runs what a model wrote, without a sandbox")
        elif key == "class" or (key in {"custom_dataset", "use_prompt"} and is_set):
            if value.tag != "!function":
                self._note(path, value, f"`{key}: {text}`")
        elif key == "hf_evaluate" and is_set:
            self._note(path, value, "`hf_evaluate`: a metric that is a downloaded program")
        elif key == "dataset_path" and is_set and value.tag != "!function":
            self._look_at_data(text, value, path)

    def _look_at_data(self, text: str, value: Any, path: Path) -> None:  # noqa: ANN401
        if _OTHER_LOADERS.fullmatch(text.lower()):
            allowed = ", ".join(_DATA_LOADERS)
            what = (
                f"`dataset_path: {text}`: a format that may hold more than data ({allowed} do not)"
            )
            self._note(path, value, what)
        elif text not in _DATA_LOADERS and (
            text.startswith((".", "/", "~")) or Path(text).exists()
        ):
            self._note(
                path, value, f"`dataset_path: {text}`: a folder or a program of this machine"
            )

    def _note(self, path: Path, node: Any, what: str) -> None:  # noqa: ANN401
        self._code.append(CodeFound(file=path, line=node.start_mark.line + 1, what=what))


def _is_scalar(node: Any) -> bool:  # noqa: ANN401
    return isinstance(node.value, str)


def _pairs(node: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Keys and values of a mapping; those that a merge key (``<<``) brings in come first."""
    if not isinstance(node.value, list) or depth > _MOST_INCLUDES:
        return
    own = [pair for pair in node.value if isinstance(pair, tuple)]
    for key, value in own:
        if key.tag == _CORE_TAGS + "merge":
            is_list = value.tag == _CORE_TAGS + "seq"
            for merged in value.value if is_list else [value]:
                yield from _pairs(merged, depth + 1)
    yield from (pair for pair in own if pair[0].tag != _CORE_TAGS + "merge")


def _includes(node: Any, path: Path) -> list[tuple[Path, int]]:  # noqa: ANN401
    found: list[tuple[Path, int]] = []
    for key, value in _pairs(node):
        if key.value == "include":
            is_list = value.tag == _CORE_TAGS + "seq"
            nodes: Sequence[Any] = value.value if is_list else [value]
            for one in nodes:
                if not _is_scalar(one):
                    line = one.start_mark.line + 1
                    raise BenchmarkError(
                        f"`{path.name}` line {line}: `include` must be a file name", hint=_HINT
                    )
                found.append(((path.parent / one.value).resolve(), one.start_mark.line + 1))
    return found


def _compose(path: Path) -> Any:  # noqa: ANN401 - a node of PyYAML
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            "task files need `yaml`, which is not installed",
            hint='pip install "silentzone[lm-eval]"',
        ) from error
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BenchmarkError(f"`{path}` cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise BenchmarkError(f"`{path}` is larger than {_MOST_BYTES} bytes")
    # The parser that lm-evaluation-harness uses: another one might read another file.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(content, Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"`{path.name}`" + (f" line {mark.line + 1}" if mark else "")
        problem = getattr(error, "problem", None) or str(error)
        raise BenchmarkError(
            f"{where} is not YAML: {problem}", hint=f"in `{path.parent}`"
        ) from error
    if node is None or not isinstance(node.value, list) or node.tag != _CORE_TAGS + "map":
        raise BenchmarkError(f"`{path.name}` must hold keys and values", hint=f"in `{path.parent}`")
    return node
