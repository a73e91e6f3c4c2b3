"""One line of Markdown with a shields.io badge: one candidate's mean KLD.

The colour is always the same. A scale from green to red would say that some KLD is good, and what a
KLD does to a benchmark is the question, not a given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from silentzone.errors import InputError
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat
from silentzone.records.escaping import markdown, shorten, visible

if TYPE_CHECKING:
    from silentzone.exporters.study import Study

_LONGEST = 60
_COLOUR = "blue"


def _render(study: Study, options: ExportOptions) -> Exported:
    model = study.candidate_asked(options.model)
    corpus, notes = study.corpus_asked(options.corpus)
    number = study.metric(model.name, corpus, "kld_mean")
    if number.value is None:
        raise InputError(f"`{model.name}` has no mean KLD on `{corpus}`.")
    reference = study.measured_against(model.name, corpus)
    against = "" if reference is None else f" vs {_short(reference)}"
    label = f"KLD{against}"
    error = "" if number.standard_error is None else f" ± {number.standard_error:.1g}"
    message = f"{number.value:.3g}{error} nats, {_short(corpus)}"
    url = f"https://img.shields.io/badge/{_field(label)}-{_field(message)}-{_COLOUR}"
    alternative = markdown(f"{_short(model.name)}: {label} {message}")
    return Exported(chunks=[f"![{alternative}]({url})\n"], notes=notes)


def _short(name: str) -> str:
    return shorten(visible(name), _LONGEST)


def _field(text: str) -> str:
    """Escape one field of a static badge: its own separators first, then the address's."""
    own = text.replace("-", "--").replace("_", "__")
    return quote(own, safe="")


FORMAT = TextFormat(
    name="badge",
    title="one Markdown line with a shields.io badge of one candidate's mean KLD",
    render=_render,
    options=("model", "corpus"),
)
