"""A conversation as one prompt, by the model's own template.

A template is code of a stranger. It is rendered in Jinja2's immutable sandbox, and by whoever calls
this in a process that may be killed: a sandbox bounds what a template reaches, not its time.
"""

from __future__ import annotations

import json
from typing import Any

from silentzone.errors import BenchmarkError

MOST_CHARACTERS = 1_000_000
"""Of a rendered conversation."""
DATE = "26 Jul 2024"
"""What every template is told if it asks for today: a prompt must not change with the day."""
_HINT = "the model's template does not fit these messages; give `prompt` to ask without it"


def render_chat(payload: dict[str, Any]) -> dict[str, Any]:
    """Render one conversation up to where the model's answer begins.

    Parameters
    ----------
    payload : dict
        ``template``, ``messages``, ``bos_token``, ``eos_token``.

    Returns
    -------
    dict
        ``text``.

    Raises
    ------
    BenchmarkError
        If the template is none, refuses the messages, or does what the sandbox forbids; also if
        its output has more than `MOST_CHARACTERS` characters.
    """
    import jinja2
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # trim_blocks, lstrip_blocks and these names are what transformers gives a template.
    environment = ImmutableSandboxedEnvironment(
        loader=None, trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(raise_exception=_refuse, strftime_now=lambda _form: DATE)
    pieces: list[str] = []
    length = 0
    try:
        stream = environment.from_string(payload["template"]).generate(
            messages=payload["messages"],
            bos_token=payload["bos_token"],
            eos_token=payload["eos_token"],
            add_generation_prompt=True,
            tools=None,
            documents=None,
        )
        for piece in stream:
            length += len(piece)
            if length > MOST_CHARACTERS:
                break
            pieces.append(piece)
    except BenchmarkError:
        raise
    except jinja2.TemplateError as error:
        raise BenchmarkError(f"the chat template failed: {error}", hint=_HINT) from error
    except Exception as error:  # a template can raise whatever Python's operators raise
        raise BenchmarkError(
            f"the chat template failed: {type(error).__name__}", hint=_HINT
        ) from error
    if length > MOST_CHARACTERS:
        raise BenchmarkError(
            f"the chat template wrote more than {MOST_CHARACTERS} characters", hint=_HINT
        )
    return {"text": "".join(pieces)}


def _refuse(message: object) -> None:
    raise BenchmarkError(f"the chat template refuses these messages: {message}", hint=_HINT)


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
