"""Numbers inside the compiled loops of a training step: float32, or bfloat16 as its upper half.

A bfloat16 is held as uint16. Each loop is compiled for what its arrays hold: `wide` reads either,
`fitting` makes what an array takes.
"""

# ruff: noqa: FURB136  # min and max would hide a NaN

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

inlined = njit(inline="always")


def wide(value: Any) -> Any:
    """`value` as float32."""
    raise NotImplementedError  # known to compiled code alone


def fitting(array: Any, value: Any) -> Any:
    """The float32 `value` as `array` holds numbers; rounded to the nearest, ties to even."""
    raise NotImplementedError  # known to compiled code alone


@overload(wide, inline="always")
def _wide(value: Any) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        return value

    def widened(value: Any) -> Any:
        return np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)

    return same if isinstance(value, types.Float) else widened


@overload(fitting, inline="always")
def _fitting(
    array: Any,
    value: Any,  # noqa: ARG001  # numba wants the same names
) -> Callable[[Any, Any], Any]:
    def same(array: Any, value: Any) -> Any:  # noqa: ARG001  # numba wants the same names
        return value

    def rounded(array: Any, value: Any) -> Any:  # noqa: ARG001  # numba wants the same names
        bits = np.float32(value).view(np.uint32)
        odd = np.uint32(bits >> np.uint32(16)) & np.uint32(1)
        return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    return same if isinstance(array.dtype, types.Float) else rounded


@inlined
def tanh(x: Any) -> Any:
    """Within 4e-7: the rational approximation of Eigen (`generic_fast_tanh_float`)."""
    x = np.float32(7.9) if x > np.float32(7.9) else x
    x = np.float32(-7.9) if x < np.float32(-7.9) else x
    s = x * x
    p = s * np.float32(-2.76076847742355e-16) + np.float32(2.00018790482477e-13)
    p = s * p + np.float32(-8.60467152213735e-11)
    p = s * p + np.float32(5.12229709037114e-08)
    p = s * p + np.float32(1.48572235717979e-05)
    p = s * p + np.float32(6.37261928875436e-04)
    p = s * p + np.float32(4.89352455891786e-03)
    q = s * np.float32(1.19825839466702e-06) + np.float32(1.18534705686654e-04)
    q = s * q + np.float32(2.26843463243900e-03)
    q = s * q + np.float32(4.89352518554385e-03)
    return x * p / q


@inlined
def sigmoid(x: Any) -> Any:
    """As accurate as `tanh`."""
    return np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * x)


@inlined
def cut(x: Any, limit: Any) -> Any:
    """Between −limit and limit; NaN stays NaN."""
    x = limit if x > limit else x
    return -limit if x < -limit else x


@inlined
def gain(dropout: Any, index: Any) -> Any:
    """What element `index` is multiplied by: 0 where it is dropped. `dropout`: key, bound, gain.

    Kept where a hash of key and index (Wellons' `lowbias32`) reaches the bound: any order of
    evaluation, and the way back, see the same elements.
    """
    key, bound, rise = dropout
    x = np.uint32(np.uint32(index) ^ np.uint32(key))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    return rise if x >= np.uint32(bound) else np.float32(0.0)
