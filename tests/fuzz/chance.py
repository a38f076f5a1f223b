"""Repeatable random choices and mutations of bytes."""

import struct
from collections.abc import Callable
from random import Random
from typing import TypeVar

T = TypeVar("T")

NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
LONG_NUMBERS = (*NUMBERS, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF)


def case_random(seed: int, surface: str, case: int) -> Random:
    """Return a random generator that depends only on seed, surface and case number."""
    return Random(f"{seed} {surface} {case}")  # noqa: S311 - a repeatable test


def weighted_choice(rnd: Random, *choices: tuple[int, T]) -> T:
    """Return the value of one of several (weight, value) pairs."""
    return rnd.choices([value for _, value in choices], [weight for weight, _ in choices])[0]


def mutate(rnd: Random, content: bytes, start: int = 0, max_changes: int = 8) -> bytes:
    """Return the content with 1 to `max_changes` mutations at or after `start`."""
    changed = bytearray(content)
    for _ in range(rnd.choice([1, 1, 1, 2, 3, max_changes])):
        if len(changed) <= start:
            break
        rnd.choice(_MUTATIONS)(rnd, changed, rnd.randrange(start, len(changed)))
    return bytes(changed)


def _flip(rnd: Random, content: bytearray, at: int) -> None:
    content[at] ^= 1 << rnd.randrange(8)


def _replace(rnd: Random, content: bytearray, at: int) -> None:
    content[at] = rnd.choice((0, 0xFF, 0x5C, 0x1B, rnd.randrange(256)))


def _number(rnd: Random, content: bytearray, at: int) -> None:
    order = rnd.choice("<>")
    if rnd.random() < 0.5:
        number = struct.pack(f"{order}H", rnd.choice(NUMBERS))
    else:
        number = struct.pack(f"{order}L", rnd.choice(LONG_NUMBERS))
    content[at : at + len(number)] = number


def _drop(rnd: Random, content: bytearray, at: int) -> None:
    del content[at : at + rnd.choice((1, 2, 4, 8, rnd.randrange(1, 200)))]


def _insert(rnd: Random, content: bytearray, at: int) -> None:
    content[at:at] = rnd.randbytes(rnd.choice((1, 2, 4, 8, rnd.randrange(1, 200))))


def _truncate(_: Random, content: bytearray, at: int) -> None:
    del content[at:]


def _repeat(rnd: Random, content: bytearray, at: int) -> None:
    part = content[at : at + rnd.randrange(1, 200)]
    content[at:at] = part * rnd.choice((1, 1, 2, 50))


def _move(rnd: Random, content: bytearray, at: int) -> None:
    part = content[at : at + rnd.randrange(1, 100)]
    del content[at : at + len(part)]
    to = rnd.randrange(len(content) + 1)
    content[to:to] = part


_Mutation = Callable[[Random, bytearray, int], None]
_MUTATIONS: tuple[_Mutation, ...] = (
    _flip,
    _flip,
    _replace,
    _replace,
    _number,
    _number,
    _drop,
    _insert,
    _truncate,
    _repeat,
    _move,
)
