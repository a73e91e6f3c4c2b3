"""Every deliberate exception of the package.

SilentzoneError
├── InputError(ValueError)            what the user gave cannot be used
│   ├── ConfigError                   study.toml or an option says something impossible
│   ├── ModelFileError                a model file is missing, damaged or not of this kind
│   ├── VocabularyMismatchError       two models do not share tokens
│   ├── CorpusError                   a text cannot be cut into the windows asked for
│   ├── BenchmarkError                benchmark items are missing or impossible
│   ├── TableError                    a table or part of a study cannot be read as what it claims
│   │   └── NothingToCompareError     a result of another tool is whole, and has no score of an item
│   └── ShapeError                    arrays that should agree in shape do not
├── ProtocolMismatchError(ValueError) measurements under different protocols laid side by side
├── EnvironmentNotReadyError          something this machine lacks (ImportError for extras)
│   ├── MissingExtraError(ImportError)
│   ├── AssetUnavailableError         an asset could not be fetched or has another content
│   └── StorageError(OSError)         disk full, folder not writable
├── MeasurementError                  an engine ran and did not give a usable result
│   ├── NonFiniteLogitsError
│   ├── TimeLimitError                work that was given a time limit passed it
│   └── WorkerCrashError              the process of one model died
└── CheckNotMetError                  a check the user demanded came out negative
"""

from __future__ import annotations


class SilentzoneError(Exception):
    """Root of all deliberate exceptions.

    Parameters
    ----------
    message : str
        What is wrong and where: parameter or file in backticks, what it must be, what it is.
    hint : str, optional
        The way out, printed on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def with_hint(self) -> str:
        """Message and way out in one line, for a list of what was left out on the way."""
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message


class InputError(SilentzoneError, ValueError):
    """What the user gave cannot be used."""


class ConfigError(InputError):
    """A study.toml or an option says something impossible."""


class ModelFileError(InputError):
    """A model file is missing, damaged or not of the expected kind."""


class VocabularyMismatchError(InputError):
    """Two models do not share vocabulary or tokenizer, so no number may be computed."""


class CorpusError(InputError):
    """A text cannot be cut into the windows asked for."""


class BenchmarkError(InputError):
    """Benchmark items are missing, damaged or impossible."""


class TableError(InputError):
    """A table or a part of a study cannot be read as what it claims to be."""


class NothingToCompareError(TableError):
    """A result of another tool is whole, and holds nothing that models are compared by."""


class ShapeError(InputError):
    """Arrays that should agree in shape do not."""


class ProtocolMismatchError(SilentzoneError, ValueError):
    """Measurements made under different protocols were laid side by side."""


class EnvironmentNotReadyError(SilentzoneError):
    """The machine lacks something the command needs."""


class MissingExtraError(EnvironmentNotReadyError, ImportError):
    """An optional dependency is not installed; the hint has the exact command."""


class AssetUnavailableError(EnvironmentNotReadyError):
    """An asset could not be fetched, or what came back has another content than pinned."""


class StorageError(EnvironmentNotReadyError, OSError):
    """The study folder cannot be written: disk full, no permission, damaged part."""


class MeasurementError(SilentzoneError):
    """An engine ran and did not give a usable result."""


class NonFiniteLogitsError(MeasurementError):
    """A model produced NaN or infinite logits; names the window and the position."""


class TimeLimitError(MeasurementError):
    """Work that was given a time limit passed it."""


class WorkerCrashError(MeasurementError):
    """The process that measured one model died; carries what it printed last.

    Parameters
    ----------
    message : str
    hint : str, optional
    last_lines : tuple of str
        What the process printed last, without control characters; the oldest line first.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, last_lines: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.last_lines = last_lines


class CheckNotMetError(SilentzoneError):
    """A check the user demanded (``--require-...``) came out negative; exit code 3."""
