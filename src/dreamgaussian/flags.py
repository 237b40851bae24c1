"""Values that the command line reads from one word."""

from typing import Any, Protocol

from tyro.constructors import PrimitiveConstructorSpec


class OneWord(Protocol):
    """Something that `str` writes as one word, and `parse` reads from it."""

    @classmethod
    def parse(cls, words: str) -> "OneWord":
        """The inverse of `str`. Raises ConfigError for what it cannot read."""
        ...


def one_word(kind: type[OneWord], metavar: str) -> PrimitiveConstructorSpec[Any]:
    """Tells tyro how to read and show such a value."""
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: kind.parse(words[0]),
        is_instance=lambda value: isinstance(value, kind),
        str_from_instance=lambda value: [str(value)],
    )
