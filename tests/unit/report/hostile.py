"""An analysis whose every free text is an attack."""

from __future__ import annotations

from typing import Any

from tests.unit.report import synthetic

ATTACKS = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</svg><script>document.title='owned'</script>",
    "</style><script>document.title='owned'</script>",
    "</title><script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "{{7*7}}{% raw %}${7*7}",
    "\x1b[31mred\x1b[0m\x1b]0;owned\x07",
    "safe\u202egnp.exe\u2066\u200b",
    "N" * 300,
    "' onmouseover='document.title=1",
    "<svg onload=document.title='owned'>",
    "]]><!--<b>",
    "\ud800\ufffe\x00",
    "[red]markup[/red] @import url(x)",
    "<a href='javascript:1'>x</a>",
    "&lt;script&gt;",
)
_KEPT = {
    "kld_mean", "composite", "full", "complete", "partial", "failed", "all", "divergence",
    "reference_confidence",
}  # fmt: skip


def analysis() -> dict[str, Any]:
    """Names first, so that every reference to one agrees; then every other free text."""
    plain = synthetic.analysis()
    names = [plain["reference"]["name"], *(model["name"] for model in plain["candidates"])]
    names += [row["name"] for row in (*plain["corpora"], *plain["benchmarks"])]
    renamed = {
        name: f"{ATTACKS[i % len(ATTACKS)]}{i if i >= len(ATTACKS) else ''}"
        for i, name in enumerate(names)
    }
    attacked: dict[str, Any] = _attacked(plain, renamed, key="")
    return attacked


def flips() -> dict[str, Any]:
    """Changed answers whose every text is an attack; one question of choices, one in writing."""
    first, second, third = ATTACKS[:3]
    answer = {"score": 1.0, "prediction": "0", "log_likelihoods": [-1.5, -2.0], "text": None}
    everything = "\n".join(ATTACKS)
    written = {"score": 0.0, "prediction": first, "log_likelihoods": None, "text": everything}
    common = {"harmed": 1, "gained": 0, "candidates": 2}
    return {
        "schema_version": 1,
        "reference": first,
        "models": [second, third],
        "benchmarks": [{"name": text, "items": 3} for text in ATTACKS[3:5]],
        "questions": [
            {"benchmark": 0, "item": first, "cluster": second, "prompt": everything,
             "choices": [third, *ATTACKS[5:6]], "gold": "0", "rule": "choice",
             "reference": answer, **common},
            {"benchmark": 1, "item": second, "cluster": None, "prompt": third, "choices": None,
             "gold": first, "rule": second, "reference": {**written, "text": third}, **common},
        ],
        "changes": [
            {"question": 0, "model": 0, "kind": "harm", **answer, "score": 0.0, "prediction": "1",
             "divergence": 0.25, "shared_tokens": None},
            {"question": 1, "model": 1, "kind": "other", **written, "divergence": None,
             "shared_tokens": 2},
        ],
        "left_out": [{"benchmark": 0, "model": 1, "count": 7}],
    }  # fmt: skip


def _attacked(value: Any, renamed: dict[str, str], *, key: str) -> Any:
    if isinstance(value, dict):
        return {k: _attacked(v, renamed, key=k) for k, v in value.items()}
    if isinstance(value, list):
        return [_attacked(v, renamed, key=key) for v in value]
    return _attacked_text(value, renamed, key) if isinstance(value, str) else value


def _attacked_text(value: str, renamed: dict[str, str], key: str) -> str:
    if key == "score" and ":" in value:
        part, _, benchmark = value.partition(":")
        return f"{part}:{renamed.get(benchmark, benchmark)}"
    if value in renamed:
        return renamed[value]
    if key in {"metric", "zone", "verdict"} or value in _KEPT:
        return value
    return "".join(ATTACKS) + value
