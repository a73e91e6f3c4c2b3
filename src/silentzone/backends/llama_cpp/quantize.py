"""New GGUF files from old ones: one file type, with other types for the tensors named."""

from __future__ import annotations

import ctypes
import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.tensor_types import TENSOR_TYPES
from silentzone.backends.llama_cpp.native_log import capture_log, forget_log, last_log_lines
from silentzone.errors import ConfigError, MeasurementError, MissingExtraError, StorageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_WITHOUT_QUANTIZER: Final = frozenset({"Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"})
_UNQUANTIZED: Final = frozenset({"F32", "F16", "BF16"})
_FTYPE_PREFIX: Final = "LLAMA_FTYPE_MOSTLY_"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantRecipe:
    """What to store each tensor as."""

    name: str
    file_type: str
    """llama.cpp's name of the mixture, for example ``Q4_K_M``, ``Q8_0`` or ``F16``."""
    tensor_types: tuple[tuple[str, str], ...] = ()
    """(ECMAScript regex searched in the tensor's name, type): the first that matches decides.
    The token embedding and the head follow them too, unless their own field is set."""
    token_embedding_type: str | None = None
    output_tensor_type: str | None = None
    """Storage of the head: of ``output.weight``, or of the token embedding where the head is tied
    and ``token_embedding_type`` is not given."""
    is_pure: bool = False
    """Give every tensor the plain type of ``file_type`` instead of llama.cpp's mixture."""
    allow_requantize: bool = False
    """Whether a source that is itself quantized may be used: its loss stays inside the result."""


def quantize(source: Path, target: Path, recipe: QuantRecipe, *, threads: int) -> None:
    """Write ``source`` as the recipe says to ``target``, which appears only when whole.

    Parameters
    ----------
    source : Path
        A GGUF file, or the first shard of one; the result is always one file.
    target : Path
        Must not exist; its folder must.
    recipe : QuantRecipe
        What to store each tensor as.
    threads : int
        At least 1.

    Raises
    ------
    ConfigError
        If the recipe names a type that does not exist or that nothing can be quantized to.
    ModelFileError
        If ``source`` is not a usable GGUF file.
    StorageError
        If ``target`` exists or cannot be written.
    MeasurementError
        If llama.cpp refuses; carries its last lines.
    MissingExtraError
        If llama-cpp-python is not installed.

    Notes
    -----
    llama.cpp ends the process where an assertion of its own fails: call this in a worker process
    when source or recipe come from elsewhere. Types whose block does not divide a row fall back
    to one whose block does, silently: read the result's tensor types, never the recipe's.
    """
    if threads < 1:
        raise ConfigError(f"`threads` must be at least 1, is {threads}")
    library = _library()
    parameters, _alive = _native_parameters(library, recipe, threads)
    read_header(source)
    if target.exists():
        raise StorageError(
            f"`{target}` exists; a model file is never overwritten", hint="give another target"
        )
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        capture_log()
        forget_log()
        status = library.llama_model_quantize(
            os.fsencode(source), os.fsencode(partial), ctypes.byref(parameters)
        )
        if status:
            raise MeasurementError(
                f"llama.cpp could not quantize `{source}` to {recipe.name}: {last_log_lines()}",
                hint="very low-bit types need an importance matrix; a quantized source needs "
                "`allow_requantize`; and the disk must have room for the result",
            )
        read_header(partial)
        partial.rename(target)
    except OSError as error:
        raise StorageError(f"`{target}` cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _library() -> ModuleType:
    try:
        import llama_cpp
    except ImportError as error:
        raise MissingExtraError(
            "llama-cpp-python is not installed", hint='pip install "silentzone[llama-cpp]"'
        ) from error
    module: ModuleType = llama_cpp
    return module


def _native_parameters(
    library: ModuleType, recipe: QuantRecipe, threads: int
) -> tuple[Any, list[object]]:
    """Build the C structure, and the objects it points at: these must outlive the call."""
    is_unquantized_mixture = bool(recipe.tensor_types) and recipe.file_type in _UNQUANTIZED
    overrides = recipe.tensor_types
    if is_unquantized_mixture:
        # llama.cpp reads overrides for quantized file types only; a last pattern that matches
        # everything says the same thing.
        overrides = (*overrides, (".", recipe.file_type))
    parameters = library.llama_model_quantize_default_params()
    parameters.nthread = threads
    file_type = _file_type(library, recipe.file_type)
    parameters.ftype = _file_type(library, "Q8_0") if is_unquantized_mixture else file_type
    parameters.allow_requantize = recipe.allow_requantize
    parameters.pure = recipe.is_pure
    if recipe.token_embedding_type is not None:
        parameters.token_embedding_type = _tensor_type(recipe.token_embedding_type)
    if recipe.output_tensor_type is not None:
        parameters.output_tensor_type = _tensor_type(recipe.output_tensor_type)
    if not overrides:
        return parameters, []
    entry = library.llama_model_tensor_override
    array = (entry * (len(overrides) + 1))()
    patterns = [pattern.encode() for pattern, _ in overrides]
    for index, (pattern, (_, type_name)) in enumerate(zip(patterns, overrides, strict=True)):
        array[index] = entry(pattern, _tensor_type(type_name))
    array[len(overrides)] = entry(None, 0)
    parameters.tt_overrides = ctypes.cast(array, ctypes.POINTER(entry))
    return parameters, [array, patterns]


def _file_type(library: ModuleType, name: str) -> int:
    numbers = {
        constant.removeprefix(_FTYPE_PREFIX): value
        for constant, value in vars(library).items()
        if constant.startswith(_FTYPE_PREFIX)
    }
    return _look_up("file type", name, numbers | {"F32": library.LLAMA_FTYPE_ALL_F32})


def _tensor_type(name: str) -> int:
    numbers = {
        kind.name: number
        for number, kind in TENSOR_TYPES.items()
        if kind.name not in _WITHOUT_QUANTIZER
    }
    return _look_up("tensor type", name, numbers)


def _look_up(what: str, name: str, numbers: dict[str, int]) -> int:
    if name not in numbers:
        near = difflib.get_close_matches(name.upper(), numbers, n=1, cutoff=0.4)
        raise ConfigError(
            f"{name!r} is not a {what} of llama.cpp",
            hint=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(numbers))}",
        )
    return numbers[name]
