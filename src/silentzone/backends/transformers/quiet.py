"""transformers without its bars and reports: what matters of them is raised or recorded here."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

from huggingface_hub import constants
from transformers.utils import logging

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Turn bars, reports and warnings off for a while."""
    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def offline_unless(may_fetch: bool) -> Iterator[None]:
    """Keep a hub from being asked for a while.

    ``local_files_only`` holds for a model's own files; what these ask for besides (kernels of
    attention or of a quantization) would be fetched all the same.
    """
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not may_fetch
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
