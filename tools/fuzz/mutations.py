"""Changes of valid inputs: by tokens and numbers of a text, by the values of JSON, by bytes."""

from __future__ import annotations

import json
import random
import re
from contextlib import suppress
from typing import Any

NUMBERS = (
    "0", "-1", "1", "1e308", "-1e308", "1e999", "nan", "inf", "1e-320", "0.5", "3", "255", "1e5",
    "100000000", "9223372036854775808", "-9223372036854775809", "1" + "0" * 200, ".", "?", "1.5D-3",
    "0x10", "1_000", "²", "1/3", "--1", "",
)  # fmt: skip
TEXTS = (
    "", " ", "a" * 5000, "\x1b]0;x\x07", "\x1b[2J", "\u202e", "\ud800", "\x00", "../../etc/passwd",
    "/dev/zero", "=1+1", "<script>", "`x`", "[red]", "Cu", "Zz", "D", "é",
    "${a}", "${eval:1}", "null", "true", "\n", "\r", "%s", "{}", "'", '"', "#", ";",
    "loop_", "_cell",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**63) - 1, 10**200, 0.5, 1e308, float("inf"),
    float("nan"), [], {}, [[]], [None], {"a": 1}, [1, "a", None], *TEXTS,
)  # fmt: skip
_TOKEN = re.compile(rb"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\w+|\s+|[^\w\s]")
_NUMBER = re.compile(rb"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


def tokens(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A few of its tokens left out, doubled, exchanged, or in the place of others; whole lines
    sometimes; another encoding now and then.
    """
    parts = _TOKEN.findall(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not parts:
            break
        at = rng.randrange(len(parts))
        match rng.randrange(9):
            case 0:
                del parts[at : at + rng.choice((1, 1, 2, 20))]
            case 1:
                parts[at:at] = parts[at : at + rng.choice((1, 2, 30))] * rng.choice((1, 2, 50))
            case 2:
                other = rng.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
            case 3 | 4:
                numbers = [k for k, part in enumerate(parts) if _NUMBER.fullmatch(part)]
                if numbers:
                    parts[rng.choice(numbers)] = encoded(rng.choice(NUMBERS))
            case 5:
                parts[at] = encoded(rng.choice(TEXTS))
            case 6:
                more = _TOKEN.findall(rng.choice(others))
                start = rng.randrange(len(more) or 1)
                parts[at:at] = more[start : start + rng.choice((1, 5, 40))]
            case 7:
                parts = parts[:at]
            case _:
                parts[at] = parts[at].swapcase()
    data = b"".join(parts)
    if rng.random() < 0.03:
        encoding = rng.choice(("utf-16", "utf-16-be", "latin-1", "utf-8-sig"))
        data = data.decode("utf-8", "replace").encode(encoding, "replace")
    return raw(rng, data) if rng.random() < 0.1 else data


def values(rng: random.Random, data: bytes) -> bytes:
    """JSON with a few of its values, keys and lengths changed; then sometimes its tokens."""
    tree = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(tree))
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[encoded(rng.choice(TEXTS)).decode("utf-8", "replace")] = holder[key]
            case 2:
                other, name = rng.choice(places)
                if name in other if isinstance(other, dict) else name < len(other):
                    with suppress(RecursionError):
                        holder[key] = json.loads(json.dumps(other[name]))
            case 3 if isinstance(holder[key], list):
                holder[key] = holder[key] * rng.choice((0, 2, 100))
            case 4:
                for _ in range(rng.choice((1, 3, 300))):
                    holder[key] = [holder[key]] if rng.random() < 0.5 else {"of": holder[key]}
            case _:
                holder[key] = rng.choice(VALUES)
    try:
        data = json.dumps(tree).encode()
    except RecursionError:  # nested several times over: as deep by hand
        data = b'{"of":' * 5000 + b"1" + b"}" * 5000
    return tokens(rng, data, [data]) if rng.random() < 0.15 else data


def _places(tree: Any) -> Any:
    """(dict or list, key or place) of every value, without recursion."""
    todo = [tree]
    while todo:
        node = todo.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            if isinstance(node[key], dict | list):
                todo.append(node[key])


def raw(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, left out, put in, or the end cut off."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(4):
            case 0:
                del found[at : at + rng.choice((1, 4, 100))]
            case 1:
                found[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 4))))
            case 2 if at < len(found):
                found[at] = rng.choice((0, 255, rng.randrange(256), found[at] ^ 1))
            case _ if rng.random() < 0.2:
                del found[at:]
    return bytes(found)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
