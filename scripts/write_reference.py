"""Write docs/reference-*.md from the docstrings; with ``--check`` only compare.

Nothing is said here that the code does not say of itself: a page that reads badly is mended in
the docstring. What the metrics mean mathematically is in docs/metrics.md, how the statistics
are used in docs/statistics.md.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path

from silentzone.analysis.fidelity import FAMILIES, METRICS, RANKED

SOURCE = Path(__file__).parent.parent / "src"
DOCS = Path(__file__).parent.parent / "docs"
METRIC_MODULES = ("divergence", "kernels", "sweeps", "head", "clipped")
STATISTIC_MODULES = (
    "results", "clusters", "estimates", "proportions", "quantiles", "quantile_grid", "paired",
    "macro", "equivalence", "noninferiority", "planning", "power_law", "correlation",
    "reliability", "disattenuation", "permutation", "multiplicity", "shapes", "resampling",
    "selection", "pairwise", "classification", "logistic", "dyads",
)  # fmt: skip
_SHOWN = ("Parameters", "Returns", "Yields", "Notes", "References")
_HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.MULTILINE)
_GENERATED = "Written by `make docs` from the docstrings; do not edit by hand."

_METRICS_HEAD = f"""\
# Reference: metrics

{_GENERATED}
[metrics.md](metrics.md) has the definitions in mathematics, [fidelity.md](fidelity.md) says what
they are for.

## Fidelity metrics

One number per candidate and corpus, made from the columns of `tables/tokens`. *Loss* grows when
the candidate is worse, *gain* shrinks. Those that *rank* are held against the scores. A cohort
table names them `fidelity.<key>`.
"""
_STATISTICS_HEAD = f"""\
# Reference: statistics

{_GENERATED}
[statistics.md](statistics.md) says which of these stands behind which number of the report, and
with which error rates.

Arrays in, estimates out: nothing here knows of models or tokens. Import as in
`from silentzone.stats.paired import decompose`.
"""


def metrics_page() -> str:
    """Return docs/reference-metrics.md."""
    rows = ["| key | in words | family | made from | |", "|---|---|---|---|---|"]
    for family in FAMILIES:
        for key, metric in METRICS.items():
            if metric.family != family:
                continue
            kind = {True: "loss", False: "gain", None: "description"}[metric.is_loss]
            columns = ", ".join(f"`{name}`" for name in metric.columns)
            ranks = ", ranks" if key in RANKED else ""
            rows.append(f"| `{key}` | {metric.words} | {family} | {columns} | {kind}{ranks} |")
    parts = [_METRICS_HEAD, "\n".join(rows) + "\n"]
    parts += [_module("silentzone.metrics", name) for name in METRIC_MODULES]
    parts.append(_module("silentzone.analysis", "fidelity"))
    return "\n".join(parts)


def statistics_page() -> str:
    """Return docs/reference-statistics.md."""
    parts = [_module("silentzone.stats", name) for name in STATISTIC_MODULES]
    return "\n".join([_STATISTICS_HEAD, *parts])


def _module(package: str, name: str) -> str:
    path = SOURCE.joinpath(*package.split("."), f"{name}.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = [f"## `{package}.{name}`", _prose(ast.get_docstring(tree) or "")]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            parts += [f"### `{node.name}`", _signature(node), *_docstring(node)]
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = _fields(node)
            parts += [f"### `{node.name}`", *_docstring(node)]
            parts += ["Fields:", "\n".join(fields)] if fields else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _signature(node: ast.FunctionDef) -> str:
    arguments = node.args
    for argument in (*arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None
    return f"`{node.name}({ast.unparse(arguments)})`"


def _docstring(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    return _sections(ast.get_docstring(node) or "")


def _fields(node: ast.ClassDef) -> list[str]:
    """Give the fields of a dataclass, each with the text that follows it in the source."""
    lines = []
    for field, after in pairwise([*node.body, ast.Pass()]):
        if not isinstance(field, ast.AnnAssign) or ast.unparse(field.target).startswith("_"):
            continue
        line = f"- `{ast.unparse(field.target)}: {ast.unparse(field.annotation)}`"
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            line += ". " + _prose(inspect.cleandoc(str(after.value.value))).replace("\n", " ")
        lines.append(line)
    return lines


def _sections(text: str) -> list[str]:
    """Give a numpy docstring as Markdown: what is said first, then the sections that are shown."""
    head, *rest = _HEADING.split(text)
    parts = [_prose(head)]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        if title == "References":
            parts.append("References: " + _references(body))
        elif title in _SHOWN:
            shown = _prose(body) if title == "Notes" else _entries(body)
            parts.append(shown if title == "Notes" else f"{title}:\n\n{shown}")
    return parts


def _entries(body: str) -> str:
    lines = []
    for entry in re.split(r"\n(?=\S)", body.strip("\n")):
        name, _, said = entry.partition("\n")
        what, _, kind = name.partition(" : ")
        first = f"`{what}` : {_prose(kind)}" if kind else f"`{what}`"
        text = _prose(inspect.cleandoc(said)).replace("\n", " ") if said.strip() else ""
        lines.append(f"- {first}{'. ' + text if text else ''}")
    return "\n".join(lines)


def _references(body: str) -> str:
    found = re.split(r"^\s*\.\. \[\d+\] ", body.strip(), flags=re.MULTILINE)
    return " · ".join(_prose(" ".join(text.split())) for text in found if text.strip())


def _prose(text: str) -> str:
    """Turn the little reStructuredText of our docstrings into Markdown."""
    text = re.sub(r":math:`([^`]*)`", lambda found: f"`{_plain_formula(found[1])}`", text)
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text.strip())
    text = re.sub(r" ?\[\d+\]_", "", text.replace("``", "`"))
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([*<>\[\]|])", r"\\\1", piece)
        for piece in pieces
    )


def _plain_formula(text: str) -> str:
    return re.sub(r"\\(\w+)", r"\1", text.replace("\\,", " "))


PAGES = {"reference-metrics.md": metrics_page, "reference-statistics.md": statistics_page}


def main() -> None:
    """Write the pages, or fail if they are not those that would be written."""
    for name, render in PAGES.items():
        page, target = render(), DOCS / name
        if "--check" not in sys.argv[1:]:
            target.write_text(page, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != page:
            sys.exit(f"{name} is stale; write it again with: make docs")


if __name__ == "__main__":
    main()
