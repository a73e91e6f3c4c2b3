"""Both sides of a test of a program: the one that runs what a model wrote, and the one that judges.

A program of its own, started as ``python python_program.py answer`` and ``... judge``, with the
standard library alone. The two never share a process. What passes between them is plain data in
lines of JSON: no object of the answer, with methods of its own, ever reaches the tests.
"""

import builtins
import json
import os
import sys
import types
from collections.abc import Callable
from typing import IO, Any

LONGEST_LINE = 2**20
DEEPEST = 64
MOST_VALUES = 100_000
MOST_KEYS = 10_000
"""Keys of dictionaries and members of sets, whose comparisons may be made as slow as squares."""
LARGEST_BITS = 10_000
_NAME = "program"
_OWN_EXCEPTION = "exception of its own"


class NotPlainError(Exception):
    """A value that cannot pass between the two sides; says which type or bound."""


class _AnswerError(Exception):
    """The answer raised something that is no exception of Python's own."""


class _AnswerFailedError(BaseException):
    """The answer failed in a way that no test may catch; says how."""


def encode(value: object) -> str:
    """Plain data as one line of JSON; subclasses of Python's own types become these types.

    Raises
    ------
    NotPlainError
        If it is anything else, or too large, deep or long.
    """
    line = json.dumps(_Encoder().encoded(value, 0))
    if len(line) > LONGEST_LINE:
        raise NotPlainError("too large")
    return line


def decode(line: str) -> Any:  # noqa: ANN401 - whatever plain data there is
    """Undo :func:`encode`; NotPlainError for a line that it could not have made."""
    if len(line) > LONGEST_LINE:
        raise NotPlainError("too large")
    try:
        return _Decoder().decoded(json.loads(line), 0)
    except (ValueError, TypeError, RecursionError, OverflowError, KeyError) as error:
        raise NotPlainError("not plain data") from error


class _Counter:
    """Counts what a value is made of, so that neither side is drowned in it."""

    def __init__(self) -> None:
        self._values = self._keys = 0

    def count(self, depth: int, keys: int = 0) -> None:
        self._values += 1
        self._keys += keys
        if self._values > MOST_VALUES or self._keys > MOST_KEYS:
            raise NotPlainError("too large")
        if depth > DEEPEST:
            raise NotPlainError("too deep")


class _Encoder(_Counter):
    def encoded(self, value: object, depth: int) -> object:
        self.count(depth, len(value) if isinstance(value, dict | set | frozenset) else 0)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, list | tuple | set | frozenset | dict):
            return self._container(value, depth + 1)
        return _scalar(value)

    def _container(self, value: Any, depth: int) -> object:  # noqa: ANN401 - one of five types
        if isinstance(value, dict):
            pairs = dict.items(value)
            return ["dict", [[self.encoded(k, depth), self.encoded(v, depth)] for k, v in pairs]]
        kinds = (list, tuple, set, frozenset)
        kind: Any = next(kind for kind in kinds if isinstance(value, kind))
        # The type's own iteration: a subclass may have another one.
        return [kind.__name__, [self.encoded(member, depth) for member in kind.__iter__(value)]]


def _scalar(value: object) -> object:
    if isinstance(value, int):
        if int.bit_length(value) > LARGEST_BITS:
            raise NotPlainError("huge number")
        return int.__int__(value)
    if isinstance(value, float):
        return ["float", float.hex(value)]
    if isinstance(value, complex):
        return ["complex", [float.hex(value.real), float.hex(value.imag)]]
    if isinstance(value, bytes | bytearray):
        return [bytes.__name__ if isinstance(value, bytes) else "bytearray", value.hex()]
    if isinstance(value, range):
        _demand_short(value)
        return ["range", [_scalar(part) for part in (value.start, value.stop, value.step)]]
    raise NotPlainError(type(value).__name__)


class _Decoder(_Counter):
    def decoded(self, given: object, depth: int) -> object:
        self.count(depth)
        if given is None or isinstance(given, bool | str):
            return given
        if isinstance(given, int):
            if given.bit_length() > LARGEST_BITS:
                raise NotPlainError("huge number")
            return given
        if not isinstance(given, list) or len(given) != 2 or not isinstance(given[0], str):
            raise NotPlainError("not plain data")
        kind, content = given
        if kind in _FROM_TEXT:
            return _FROM_TEXT[kind](content)
        if not isinstance(content, list):
            raise NotPlainError("not plain data")
        if kind == "dict":
            self.count(depth, len(content))
            return {self.decoded(k, depth + 1): self.decoded(v, depth + 1) for k, v in content}
        if kind in ("set", "frozenset"):
            self.count(depth, len(content))
        return _FROM_LIST[kind](self.decoded(member, depth + 1) for member in content)


def _range(parts: Any) -> range:  # noqa: ANN401 - decoded values
    made = range(*parts)
    _demand_short(made)
    return made


def _demand_short(value: range) -> None:
    """Refuse a range that the tests could not write out."""
    if value[MOST_VALUES : MOST_VALUES + 1]:
        raise NotPlainError("too large")


def _complex(parts: Any) -> complex:  # noqa: ANN401 - decoded values
    real, imaginary = parts
    return complex(float.fromhex(real), float.fromhex(imaginary))


_FROM_TEXT: dict[str, Callable[[Any], object]] = {
    "float": float.fromhex,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
}
_FROM_LIST: dict[str, Callable[[Any], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "complex": _complex,
    "range": _range,
}


def answer() -> None:
    """Run a program that a model wrote and call its function, one call per line."""
    asked, replies = _take_pipes()
    first = json.loads(asked.readline())
    module = types.ModuleType(_NAME)
    sys.modules[_NAME] = module
    try:
        exec(_compiled(first["program"]), module.__dict__)  # noqa: S102
        function: Any = module.__dict__.get(first["entry_point"])
        reply: dict[str, object] = {"loaded": callable(function)}
    except BaseException as error:  # whatever it does, the tests go on
        reply = {"raised": type(error).__name__}
    _say(replies, reply)
    for line in asked:
        _say(replies, _called(function, line))


def _compiled(program: str) -> types.CodeType:
    try:
        return compile(program, _NAME, "exec")
    except ValueError as error:
        # What Python before 3.11.4 says of null bytes.
        raise SyntaxError from error


def _called(function: Callable[..., object], line: str) -> dict[str, object]:
    positional, named = decode(line)
    try:
        return {"value": encode(function(*positional, **named))}
    except NotPlainError as error:
        return {"forbidden": str(error)}
    except BaseException as error:
        return {"raised": type(error).__name__}


def judge() -> None:
    """Run the tests against the program on the other side, and give the verdict."""
    asked, replies = _take_pipes()
    gold = json.loads(asked.readline())
    tests = _Tests(asked, replies)
    try:
        tests.load(gold)
    except Exception as error:  # said, never counted as the model's
        _say(replies, {"broken": f"{type(error).__name__}: {error}"})
        return
    _say(replies, tests.verdict())


class _Tests:
    """The tests of one item, their candidate being whoever answers on the other side."""

    def __init__(self, asked: IO[str], replies: IO[str]) -> None:
        self._asked, self._replies = asked, replies
        self._n_calls = 0
        self._raised: str | None = None
        self._check: Callable[[Callable[..., object]], object] = lambda _: None

    def load(self, gold: dict[str, str]) -> None:
        """Run what the prompt defines, functions that the tests need included, and the tests."""
        import random  # the other side need not wait for it

        # Some tests draw inputs; all models are asked the same.
        random.seed(0)
        module = types.ModuleType("tests")
        sys.modules["tests"] = module
        exec(compile(runnable_prompt(gold["prompt"]), "prompt", "exec"), module.__dict__)  # noqa: S102
        exec(compile(gold["test"], "test", "exec"), module.__dict__)  # noqa: S102
        self._check = module.__dict__["check"]
        module.__dict__[gold["entry_point"]] = self.candidate

    def verdict(self) -> dict[str, object]:
        """Whether all tests hold, and what went wrong first where one does not."""
        reason: str | None = None
        try:
            self._demand_function()
            self._check(self.candidate)
        except (_AnswerFailedError, _AnswerError) as error:
            reason = str(error)
        except AssertionError:
            reason = "wrong answer"
        except Exception as error:
            # The tests stumbled over what the answer gave them, or over themselves.
            if not self._n_calls:
                return {"broken": f"{type(error).__name__}: {error}"}
            reason = self._raised or type(error).__name__
        if reason is None and not self._n_calls:
            return {"broken": "the tests call nothing"}
        return {"passed": reason is None, "reason": reason or "passed"}

    def _demand_function(self) -> None:
        if self._heard().get("loaded") is not True:
            raise _AnswerFailedError("no such function")

    def candidate(self, *positional: object, **named: object) -> object:
        """Call the function on the other side."""
        self._n_calls += 1
        line = encode((positional, named))
        _say(self._replies, {"ask": line})
        reply = self._heard()
        if "value" in reply:
            try:
                return decode(_text(reply["value"]))
            except NotPlainError as error:
                raise _AnswerFailedError(f"forbidden result: {error}") from error
        if "forbidden" in reply:
            raise _AnswerFailedError(f"forbidden result: {_word(reply['forbidden'])}")
        raise _AnswerFailedError("forbidden reply")

    def _heard(self) -> dict[str, object]:
        """Reply of the other side; raises what it says that it raised."""
        line = self._asked.readline(2 * LONGEST_LINE)
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict):
            raise _AnswerFailedError("forbidden reply")
        if "raised" not in reply:
            return reply
        name = reply["raised"]
        kind = getattr(builtins, name, None) if isinstance(name, str) else None
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            # The answer chose its name, which therefore says nothing.
            self._raised = _OWN_EXCEPTION
            raise (_AnswerError if self._n_calls else _AnswerFailedError)(_OWN_EXCEPTION)
        self._raised = name = kind.__name__
        if not self._n_calls:
            raise _AnswerFailedError(name)
        if not issubclass(kind, Exception) or issubclass(kind, AssertionError):
            raise _AnswerFailedError(name)
        try:
            error = kind()
        except Exception:  # it needs arguments that nobody knows
            raise _AnswerFailedError(name) from None
        raise error


def runnable_prompt(prompt: str) -> str:
    """Prompt with a body for its last function where it has none."""
    try:
        compile(prompt, "prompt", "exec")
    except SyntaxError:
        return prompt + "\n    pass\n"
    return prompt


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NotPlainError("not plain data")
    return value


def _word(value: object) -> str:
    """Keep what the other side says of a result, if it is short and plain."""
    is_plain = isinstance(value, str) and value.isascii() and value.replace(" ", "_").isidentifier()
    return str(value) if is_plain and len(str(value)) <= 40 else "object"


def _say(pipe: IO[str], content: dict[str, object]) -> None:
    pipe.write(json.dumps(content) + "\n")
    pipe.flush()


def _take_pipes() -> tuple[IO[str], IO[str]]:
    """Keep both pipes to ourselves; what is printed goes nowhere."""
    asked = os.fdopen(os.dup(0), encoding="ascii")
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return asked, replies


if __name__ == "__main__":
    {"answer": answer, "judge": judge}[sys.argv[1]]()
