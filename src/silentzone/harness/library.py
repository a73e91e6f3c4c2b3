"""lm-evaluation-harness, imported late, without a network and with its templates in a sandbox."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from silentzone.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "0.4.13"
"""The version this package is written against; the extra pins it."""
OFFLINE = {
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "false",
}


def load(module: str) -> Any:  # noqa: ANN401 - a module without types
    """Import one of its modules for a study: offline, its templates in a sandbox.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    _go_offline()
    found = require(module)
    _use_sandbox()
    return found


def require(module: str) -> Any:  # noqa: ANN401 - a module without types
    """Import one of its modules as it is.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        # Its own dependencies warn at import; that is nobody's concern here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"lm-evaluation-harness needs `{error.name or module}`, which is not installed",
            hint='pip install "silentzone[lm-eval]"',
        ) from error
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what it prints and logs while it works from the user's terminal."""
    logger = logging.getLogger("lm_eval")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with (
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _go_offline() -> None:
    """Forbid the hub, also to libraries that were imported before and have read their settings."""
    os.environ.update(OFFLINE)
    for module, names in (
        ("datasets.config", ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE")),
        ("huggingface_hub.constants", ("HF_HUB_OFFLINE",)),
        ("evaluate.config", ("HF_EVALUATE_OFFLINE",)),
    ):
        for name in names:
            if module in sys.modules and hasattr(sys.modules[module], name):
                setattr(sys.modules[module], name, True)


def _use_sandbox() -> None:
    """Render the templates of task files in a sandbox.

    Its own environment gives a template every attribute of every object, and with that the whole
    of Python: a task file without any ``!function`` could run code.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    utils: Any = sys.modules.get("lm_eval.utils")
    if utils is None or isinstance(utils.env, SandboxedEnvironment):
        return
    sandbox = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    sandbox.filters["regex_replace"] = _regex_replace
    utils.env = sandbox


def _regex_replace(text: str, pattern: str, replacement: str, count: int = 0) -> str:
    return re.sub(pattern, replacement, text, count=count)
