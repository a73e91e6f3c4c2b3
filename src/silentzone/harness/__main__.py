"""``python -m silentzone.harness``: lm-evaluation-harness's own command line, our model known.

lm-evaluation-harness finds models in a list of its own; nothing outside it can add one before its
command line starts. So this registers ours and then starts that command line.
"""

from __future__ import annotations

import sys
import warnings

from silentzone.errors import SilentzoneError

NAME = "silentzone"
TARGET = "silentzone.harness.model:SilentzoneLM"


def register() -> None:
    """Make the model known to lm-evaluation-harness in this process.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    from silentzone.harness.library import require

    require("lm_eval.models")
    require("lm_eval.api.registry").model_registry.register(NAME, target=TARGET)


def main() -> int:
    """Run the command line; exit code 1 where our model says what is wrong."""
    try:
        register()
        with warnings.catch_warnings():
            from lm_eval.__main__ import cli_evaluate

            cli_evaluate()
    except SilentzoneError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
