"""Values that the command line reads from one word."""

from collections.abc import Callable
from typing import Any

from tyro.constructors import PrimitiveConstructorSpec


def one_word(kind: type, parse: Callable[[str], Any], metavar: str) -> PrimitiveConstructorSpec[Any]:
    """Tells tyro how to read and show values of a kind whose `parse` is the inverse of `str`."""
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: parse(words[0]),
        is_instance=lambda value: isinstance(value, kind),
        str_from_instance=lambda value: [str(value)],
    )
