"""What the process that judges answers to reasoning-gym imports.

The package is imported here with the module: it takes a second, which is no part of the time that
the first answer may take.
"""

from __future__ import annotations

import contextlib

from silentzone.benchmarks.rules.reasoning_gym import check_answer, warm_up
from silentzone.errors import MissingExtraError

__all__ = ["check_answer"]

# Without the package the first answer says so.
with contextlib.suppress(MissingExtraError):
    warm_up()
