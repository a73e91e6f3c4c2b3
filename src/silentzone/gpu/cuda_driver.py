"""CUDA kernels compiled and launched at run time through the libraries that torch brings along.

Only what the kernel beside needs: no compiler and no header on the user's machine.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import MeasurementError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_MAX_SHARED_BYTES = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_SWIZZLE_128B = 3
_PROMOTE_L2_256B = 3
_TYPE_CODES = {"torch.float16": 6, "torch.bfloat16": 9}


@functools.cache
def driver() -> ctypes.CDLL:
    """Load the CUDA driver's library."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise MissingExtraError(f"the CUDA driver cannot be loaded: {error}") from error


@functools.cache
def runtime_compiler() -> ctypes.CDLL:
    """NVRTC, from torch's own packages or from the system."""
    import torch

    major = str(torch.version.cuda).partition(".")[0]
    name = f"libnvrtc.so.{major}"
    try:
        import nvidia

        folders = [Path(folder) for folder in nvidia.__path__]
    except ImportError:
        folders = []
    found = [str(path) for folder in folders for path in sorted(folder.glob(f"*/lib/{name}*"))]
    for candidate in [*found, name]:
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    raise MissingExtraError(
        f"`{name}`, which compiles CUDA kernels, was found neither beside torch nor on the system.",
        hint=f"pip install nvidia-cuda-nvrtc (for CUDA {major})",
    )


def compile_source(source: str, architecture: str) -> bytes:
    """Machine code of a CUDA C++ source.

    Raises
    ------
    MeasurementError
        If the compiler refuses the source; the message ends with its log.
    """
    library = runtime_compiler()
    program = ctypes.c_void_p()
    create = library.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None
    )
    if create:
        raise MeasurementError(f"NVRTC could not start (code {create}).")
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    try:
        code = library.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*options)
        )
        if code:
            log = _bytes_of(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program)
            text = log.decode(errors="replace").strip()[-2000:]
            raise MeasurementError(f"NVRTC refused a kernel (code {code}): {text}")
        return _bytes_of(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def load_function(code: bytes, name: str, shared_bytes: int) -> ctypes.c_void_p:
    """Load one kernel into the current context, allowed ``shared_bytes`` of dynamic memory."""
    library = driver()
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    _check(library.cuModuleLoadData(ctypes.byref(module), code), "cuModuleLoadData")
    found = library.cuModuleGetFunction(ctypes.byref(function), module, name.encode())
    _check(found, "cuModuleGetFunction")
    allowed = library.cuFuncSetAttribute(function, _MAX_SHARED_BYTES, shared_bytes)
    _check(allowed, "cuFuncSetAttribute")
    return function


def describe_tiles(into: int, matrix: torch.Tensor, box: tuple[int, int]) -> None:
    """Write the copy engine's description (128 bytes) of a row-major 16-bit matrix at ``into``.

    Parameters
    ----------
    into : int
        Address in host memory, a multiple of 64.
    matrix : torch.Tensor of shape (N, D)
        Rows contiguous; what is read beyond its edges comes as zeros.
    box : tuple of int
        Rows and columns of a tile; 64 columns are one line of the 128-byte swizzle.
    """
    rows, columns = matrix.shape
    status = driver().cuTensorMapEncodeTiled(
        ctypes.c_void_p(into),
        _TYPE_CODES[str(matrix.dtype)],
        2,
        ctypes.c_void_p(matrix.data_ptr()),
        (ctypes.c_uint64 * 2)(columns, rows),
        (ctypes.c_uint64 * 1)(matrix.stride(0) * 2),
        (ctypes.c_uint32 * 2)(box[1], box[0]),
        (ctypes.c_uint32 * 2)(1, 1),
        0,
        _SWIZZLE_128B,
        _PROMOTE_L2_256B,
        0,
    )
    _check(status, "cuTensorMapEncodeTiled")


def launch(
    function: ctypes.c_void_p,
    blocks: int,
    threads: int,
    shared_bytes: int,
    arguments: Sequence[Any],
) -> None:
    """Start a kernel on torch's current stream; ``arguments`` are ctypes objects, by value."""
    import torch

    addresses = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(one) for one in arguments])
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    status = driver().cuLaunchKernel(
        function, blocks, 1, 1, threads, 1, 1, shared_bytes, stream, addresses, None
    )
    _check(status, "cuLaunchKernel")


def _bytes_of(size_of: Any, copy: Any, program: ctypes.c_void_p) -> bytes:  # noqa: ANN401 - foreign functions
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    copy(program, buffer)
    return buffer.raw


def _check(status: int, call: str) -> None:
    if status:
        text = ctypes.c_char_p()
        driver().cuGetErrorString(status, ctypes.byref(text))
        reason = text.value.decode() if text.value else "unknown"
        raise MeasurementError(f"{call} failed with code {status}: {reason}.")
