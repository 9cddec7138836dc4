"""How kernels are compiled: to machine code by numba, once, and kept.

Outside the GIL, so that other threads go on beside them. What a kernel reads it has checked against the end of its
arrays first; with NUMBA_BOUNDSCHECK=1, as the tests set it, every access is checked again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """As if a module were not installed, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # so Python is told
    try:
        yield
    finally:
        del sys.modules[module]


# With the first kernel numba loads this, which looks whether scipy has a BLAS: 0.4 s and 15 MB in every process, and no
# kernel multiplies matrices.
with _absent("scipy.linalg"):
    import numba.np.arraymath

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Number = Any
"""A number inside of a kernel: numba knows its type, mypy does not follow it."""


@cache
def _folder(package: Path) -> Path:
    """Where the machine code of just this package's sources is kept: numba's own cache does not see that a function
    which a kernel calls, in another file, has changed.
    """
    # Nor does it see whether accesses are to be checked.
    sources = hashlib.sha256(f"{numba.__version__} {vars(numba.config)['BOUNDSCHECK']}".encode())
    for source in (Path(__file__), *sorted(package.glob("*.py"))):
        sources.update(source.read_bytes())
    roots = (os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", Path(tempfile.gettempdir()) / f"{os.getuid()}")
    name = f"leeway/kernels-{sources.hexdigest()[:16]}"
    for root in roots:
        folder = Path(root) / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="leeway-kernels-"))


F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function that makes no array; what it fills it is given.

    Without numba's reference counting, which costs an atomic operation for each array that a function is given: ten
    times the work of reading a field.
    """
    return _compiled(function, error_model="numpy", _nrt=False)


def array_kernel(function: F) -> F:
    """Compile a function that makes arrays, or calls one that does."""
    return _compiled(function)


def _compiled(function: F, **options: Any) -> F:  # noqa: ANN401 - numba's
    elsewhere = vars(numba.config)["CACHE_DIR"]
    vars(numba.config)["CACHE_DIR"] = str(_folder(Path(function.__code__.co_filename).parent))
    try:
        made: F = numba.njit(nogil=True, cache=True, **options)(function)
    finally:
        vars(numba.config)["CACHE_DIR"] = elsewhere
    return made
