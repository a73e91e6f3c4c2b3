"""Messages of lm-evaluation-harness in a model's own chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from silentzone.errors import BenchmarkError, MeasurementError, SilentzoneError
from silentzone.execution.limited import LimitedProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.backends.base import LogitBackend, TextBackend

_TASK = "silentzone.benchmarks.chat:render_chat"
_SECONDS = 5.0


class ChatRenderer:
    """Renders messages in the sandbox, in a process with a time limit. Use as a context manager.

    Raises
    ------
    BenchmarkError
        If the model has no template.
    MeasurementError
        If the engine does not write text.
    """

    def __init__(self, backend: LogitBackend) -> None:
        if not backend.capabilities.generates_text:
            raise MeasurementError(f"the engine `{backend.info.name}` knows no chat templates")
        template = cast("TextBackend", backend).chat_template
        if template is None:
            raise BenchmarkError(
                f"`{backend.model.name}` has no chat template",
                hint="leave `chat` out, or use models with a template",
            )
        self._template = template
        self._name = backend.model.name
        self._process = LimitedProcess(_TASK, _SECONDS)

    @property
    def source(self) -> str:
        """The template itself."""
        return self._template.source

    def __enter__(self) -> ChatRenderer:
        """Give itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the process."""
        self._process.__exit__(*exc_info)

    def __call__(
        self,
        messages: Sequence[Mapping[str, str]],
        add_generation_prompt: bool = True,
    ) -> str:
        """Render messages up to where the model goes on.

        Without ``add_generation_prompt`` the last message is the beginning of the answer: it
        follows the generation prompt as it stands.
        """
        head = list(messages) if add_generation_prompt else list(messages[:-1])
        begun = "" if add_generation_prompt else messages[-1]["content"]
        payload: dict[str, Any] = {
            "template": self._template.source,
            "messages": [dict(message) for message in head],
            "bos_token": self._template.bos_token,
            "eos_token": self._template.eos_token,
        }
        try:
            return str(self._process(payload)["text"]) + begun
        except SilentzoneError as error:
            raise BenchmarkError(
                f"the chat template of `{self._name}` could not be used: {error.message}",
                hint="leave `chat` out to ask without it",
            ) from error
