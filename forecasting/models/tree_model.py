"""Trees in LightGBM's text form, evaluated by LightGBM's own library through its C interface.

The Python package around that library loads pandas and scipy, which takes seconds; forecasting with a model in service
needs neither. Calls and numbers are those of `LightGBM/c_api.h`.
"""

import ctypes
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.series import FloatArray

_FLOAT64, _ROW_MAJOR, _NORMAL = 1, 1, 0
_END = "\nend of trees\n"


class TreeModel:
    """A trained model; `text` restores it. Raises ValueError for a text that is not whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        library = load_library()
        self._handle = ctypes.c_void_p()
        if _END not in text:
            raise ValueError("not LightGBM's text form: cut short")
        with _unheard():
            code = library.LGBM_BoosterLoadModelFromString(
                text.encode(), ctypes.byref(ctypes.c_int()), ctypes.byref(self._handle)
            )
        _check(library, code, "not LightGBM's text form")
        weakref.finalize(self, library.LGBM_BoosterFree, self._handle)

    def __reduce__(self) -> tuple[type["TreeModel"], tuple[str]]:
        return TreeModel, (self.text,)

    @property
    def columns(self) -> int:
        """Number of features that a row must have."""
        library, count = load_library(), ctypes.c_int()
        _check(library, library.LGBM_BoosterGetNumFeature(self._handle, ctypes.byref(count)), "not to be asked")
        return count.value

    def predict(self, rows: FloatArray) -> FloatArray:
        """Return one number per row of features; raises ValueError where the columns are not those of the fit."""
        library = load_library()
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        answer, written = np.zeros(len(rows)), ctypes.c_int64()
        if not len(rows):
            return answer
        code = library.LGBM_BoosterPredictForMat(
            self._handle, rows.ctypes.data_as(ctypes.c_void_p), _FLOAT64, ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]), _ROW_MAJOR, _NORMAL, 0, -1, b"num_threads=1", ctypes.byref(written),
            answer.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )  # fmt: skip
        _check(library, code, "the trees were fitted on other columns")
        return answer


@cache
def load_library() -> ctypes.CDLL:
    """Return LightGBM's library; InputError where it, or the OpenMP library that it needs, is not installed."""
    spec = find_spec("lightgbm")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    found = [path for place in places for path in sorted((place / "lib").glob("lib_lightgbm.*"))]
    if not found:
        raise InputError("boosting: LightGBM is not installed; install it (pip install lightgbm)")
    try:
        library = ctypes.CDLL(str(found[0]))
    except OSError as error:
        raise InputError(
            f"boosting: LightGBM cannot be loaded ({error}); install OpenMP (Debian: apt-get install libgomp1; "
            "macOS: brew install libomp)"
        ) from None
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


@contextmanager
def _unheard() -> Iterator[None]:
    """Hold back what the library writes to standard error by itself; its error is asked for, and said once."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _check(library: ctypes.CDLL, code: int, what: str) -> None:
    if code:
        raise ValueError(f"{what}: {library.LGBM_GetLastError().decode('utf-8', 'replace')}")
