"""First thing that runs in the sandbox: gives up what is left of privileges, sets the limits.

A program of its own, started as ``python inside.py PLAN``; it needs the standard library alone,
because nothing else may be visible where it runs.
"""

import json
import os
import resource
import sys
from typing import Any


def enter(plan: dict[str, Any]) -> None:
    """Give up privileges, set the limits, and say that what follows is not ours any more."""
    if plan["uid"] is not None:
        os.setgroups([])
        os.setresgid(plan["uid"], plan["uid"], plan["uid"])
        os.setresuid(plan["uid"], plan["uid"], plan["uid"])
    for name, wanted in plan["limits"].items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # The seconds alone have room between the two: the soft one ends it with its own signal.
        soft = value - 1 if name == "RLIMIT_CPU" and value > 1 else value
        resource.setrlimit(number, (soft, value))
    if plan["quiet"]:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
    os.write(plan["started"], b"started\n")
    os.close(plan["started"])


def main() -> None:
    """Enter and run the code of the plan."""
    plan = json.loads(sys.argv[1])
    source, name = plan["code"], "<code>"
    if source is None:
        name = plan["file"]
        # Read before: whoever it is run as may not have the right to.
        with open(name, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 5 ms to import
            source = file.read()
    code = compile(source, name, "exec")
    sys.argv = plan["arguments"]
    enter(plan)
    del plan, source
    exec(code, {"__name__": "__main__", "__builtins__": __builtins__})  # noqa: S102


if __name__ == "__main__":
    main()
