"""Eight float64 in a register, for Numba: on samples side by side Numba's own loops stay scalar where a step is this short.

``Vector`` has load, store, spread, add, sub, mul, fma, where_positive, all_positive and total; ``compiled`` is how
``simulate`` compiles with them. No rounding mode is relaxed, and a vector sums in one fixed order.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    *["LANES", "add", "all_positive", "compiled", "fma", "inlined", "load", "mul", "spread", "store", "sub", "total", "vector"],
    "where_positive",
]

LANES = 8
VECTOR = ir.VectorType(ir.DoubleType(), LANES)
"""Two or four narrower registers on a processor without AVX-512."""
operation: Any = intrinsic


def compiled(function: Callable[..., Any], cache: bool = False) -> Any:
    """``function`` compiled at its first call, with IEEE division and no lock; kept on disk if ``cache`` and a folder allow."""
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True}
    try:
        return njit(**options, cache=cache)(function)
    except RuntimeError:  # no folder to keep a cache in
        return njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """``function`` compiled into its callers: for one that takes dozens of arrays, whose call would cost more than its work."""
    return njit(error_model="numpy", nogil=True, inline="always")(function)


class Vector(types.Type):
    """Eight float64 in a register."""

    def __init__(self):
        super().__init__(name="Vector")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, VECTOR)


vector = Vector()


def _place(context, builder, kind, array, offset):
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), VECTOR.as_pointer())


def _shuffled(builder, x, order):
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), order)
    return builder.shuffle_vector(x, ir.Constant(VECTOR, ir.Undefined), lanes)


def _spread(builder, x):
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), x, ir.Constant(ir.IntType(32), 0))
    return _shuffled(builder, one, [0] * LANES)


@operation
def load(typing, array, offset):
    """array[offset : offset + 8]."""

    def code(context, builder, signature, args):
        value = builder.load(_place(context, builder, signature.args[0], *args))
        value.align = 8
        return value

    return vector(array, types.intp), code


@operation
def store(typing, array, offset, value):
    """array[offset : offset + 8] = value."""

    def code(context, builder, signature, args):
        builder.store(args[2], _place(context, builder, signature.args[0], *args[:2])).align = 8
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), code


@operation
def spread(typing, x):
    """The number x eight times."""
    return vector(types.float64), lambda context, builder, signature, args: _spread(builder, args[0])


@operation
def add(typing, x, y):
    """x + y."""
    return vector(vector, vector), lambda context, builder, signature, args: builder.fadd(*args)


@operation
def sub(typing, x, y):
    """x − y."""
    return vector(vector, vector), lambda context, builder, signature, args: builder.fsub(*args)


@operation
def mul(typing, x, y):
    """x y."""
    return vector(vector, vector), lambda context, builder, signature, args: builder.fmul(*args)


@operation
def fma(typing, x, y, z):
    """x y + z."""

    def code(context, builder, signature, args):
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f64"), args)

    return vector(vector, vector, vector), code


@operation
def where_positive(typing, z, x):
    """x where z > 0, else 0."""

    def code(context, builder, signature, args):
        zero = ir.Constant(VECTOR, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], zero)

    return vector(vector, vector), code


@operation
def all_positive(typing, x):
    """Are all eight > 0? A NaN is not."""

    def code(context, builder, signature, args):
        positive = builder.fcmp_ordered(">", args[0], ir.Constant(VECTOR, [0.0] * LANES))
        lanes = ir.IntType(LANES)
        return builder.icmp_unsigned("==", builder.bitcast(positive, lanes), ir.Constant(lanes, 2**LANES - 1))

    return types.boolean(vector), code


@operation
def total(typing, x):
    """Sum of the eight, in a fixed order."""

    def code(context, builder, signature, args):
        x = args[0]
        for shift in (4, 2, 1):
            x = builder.fadd(x, _shuffled(builder, x, [(i + shift) % LANES for i in range(LANES)]))
        return builder.extract_element(x, ir.Constant(ir.IntType(32), 0))

    return types.float64(vector), code
