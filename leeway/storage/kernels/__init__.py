"""Functions that are machine code: `kernel` and what their arguments are called."""

from leeway.storage.kernels.compiled import Bytes, Number, Places, array_kernel, kernel

__all__ = ["Bytes", "Number", "Places", "array_kernel", "kernel"]
