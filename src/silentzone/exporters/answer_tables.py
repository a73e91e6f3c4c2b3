"""Numbers of ``analysis.json`` as rows: fidelity, scores, decomposition, relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.exporters.study import Study

_ESTIMATE: Final = {
    "value": "number",
    "standard_error": "number",
    "lower": "number",
    "upper": "number",
    "confidence": "number",
    "n_observations": "count",
    "n_clusters": "count",
    "method": "text",
    "cautions": "text",
}
_MOST_COUNTED: Final = 2.0**63
_PARTS: Final = (
    "harm", "gain", "volume", "direction", "net", "churn", "excess_volume", "split_repeat",
    "wrong_to_wrong", "answers_changed",
)  # fmt: skip
_RELATION: Final = {
    **dict.fromkeys(("metric", "corpus", "score", "zone", "definition"), "text"),
    "n": "count",
    **dict.fromkeys(("spearman", "aligned", "lower", "upper"), "number"),
    "interval_method": "text",
    "pvalue": "number",
    "pvalue_method": "text",
    **dict.fromkeys(
        ("pvalue_permutation", "pvalue_holm", "kendall", "kendall_pvalue", "minimum_detectable",
         "attainable", "expected_low", "expected_high", "expected_pvalue"),
        "number",
    ),
    "cautions": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One table made of answers."""

    columns: dict[str, str]
    """Name to ``text``, ``number`` or ``count``."""
    section: str


KINDS: Final = {
    "fidelity": Kind(
        section="fidelity",
        columns={
            "model": "text", "corpus": "text", "status": "text", "metric": "text", **_ESTIMATE,
        },
    ),
    "scores": Kind(
        section="scores",
        columns={"model": "text", "benchmark": "text", "items": "count", **_ESTIMATE},
    ),
    "decomposition": Kind(
        section="decomposition",
        columns={
            "model": "text", "benchmark": "text", "items": "count", "quantity": "text", **_ESTIMATE,
        },
    ),
    "relations": Kind(section="relations", columns=_RELATION),
}  # fmt: skip


def answer_rows(study: Study, name: str) -> Iterator[dict[str, object]]:
    """Give the rows of one of the :data:`KINDS`; what is missing is null."""
    kind = KINDS[name]
    for raw in rows(study.answers, kind.section):
        for row in _SPREAD[name](raw):
            yield {column: _TYPED[one](row.get(column)) for column, one in kind.columns.items()}


def _fidelity(raw: Raw) -> Iterator[Raw]:
    metrics = raw.get("metrics")
    for key, cell in (metrics if isinstance(metrics, Mapping) else {}).items():
        yield {**raw, "metric": key, **_estimate(cell)}


def _scores(raw: Raw) -> Iterator[Raw]:
    yield {**raw, **_estimate(raw.get("score"))}


def _decomposition(raw: Raw) -> Iterator[Raw]:
    for part in _PARTS:
        yield {**raw, "quantity": part, **_estimate(raw.get(part))}


def _relation(raw: Raw) -> Iterator[Raw]:
    expected = raw.get("expected")
    said = expected if isinstance(expected, Mapping) else {}
    lower, upper = _ends(raw.get("interval"))
    yield {
        **raw,
        "lower": lower,
        "upper": upper,
        **{f"expected_{name}": said.get(name) for name in ("low", "high", "pvalue")},
    }


def _estimate(cell: object) -> dict[str, object]:
    """Give the columns of an Estimate; a count is a value alone."""
    if not isinstance(cell, Mapping):
        return {"value": cell}
    lower, upper = _ends(cell.get("interval"))
    return {
        **{name: cell.get(name) for name in _ESTIMATE},
        "lower": lower,
        "upper": upper,
    }


def _ends(interval: object) -> tuple[object, object]:
    is_pair = isinstance(interval, list | tuple) and len(interval) == 2
    return (interval[0], interval[1]) if is_pair else (None, None)  # type: ignore[index]


def _text(raw: object) -> str | None:
    if raw is None:
        return None
    found = "; ".join(map(str, raw)) if isinstance(raw, list | tuple) else str(raw)
    return found.encode("utf-8", "backslashreplace").decode()


def _count(raw: object) -> int | None:
    number = finite(raw)
    return None if number is None or abs(number) >= _MOST_COUNTED else int(number)


_SPREAD: Final = {
    "fidelity": _fidelity,
    "scores": _scores,
    "decomposition": _decomposition,
    "relations": _relation,
}
_TYPED: Final = {"text": _text, "number": finite, "count": _count}
