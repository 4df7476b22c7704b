"""The TextMate grammar as the grammar compiler of Linguist reads it, and the entry that GitHub would
get. The rules are those of its sources, tools/grammars/compiler.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import scoutlang

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "grammar" / "linguist"
GRAMMAR: dict[str, Any] = json.loads(
    (ROOT / "grammar/editors/vscode/syntaxes/scout.tmLanguage.json").read_text(encoding="utf-8")
)
KEYS = {"name", "scopeName", "fileTypes", "patterns", "repository", "comment"}
"""Of those that it knows, the ones that are needed here; another one is an error of its."""
REGEXES = ("match", "begin", "end", "while")
MOST_BYTES = 32 * 1024
UTF, DUPLICATE_NAMES = 0x00080000, 0x00000040
"""Flags of PCRE2 that stand for those with which it compiles."""


def rules(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from rules(inner)


def regexes() -> list[str]:
    return [
        rule[key] for rule in rules(GRAMMAR) for key in REGEXES if isinstance(rule.get(key), str)
    ]


@pytest.fixture(scope="module")
def flaw() -> Callable[[str], str]:
    """What PCRE2 says of an expression; empty if nothing."""
    name = ctypes.util.find_library("pcre2-8")
    if name is None:
        pytest.skip("no PCRE2 here (Debian: libpcre2-8-0)")
    library = ctypes.CDLL(name)
    library.pcre2_compile_8.restype = ctypes.c_void_p
    library.pcre2_compile_8.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_int),
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.c_void_p,
    ]
    library.pcre2_code_free_8.argtypes = [ctypes.c_void_p]

    def compiled(regex: str) -> str:
        code, offset, text = ctypes.c_int(), ctypes.c_size_t(), regex.encode()
        found = library.pcre2_compile_8(
            text, len(text), UTF | DUPLICATE_NAMES, ctypes.byref(code), ctypes.byref(offset), None
        )
        if found:
            library.pcre2_code_free_8(found)
            return ""
        said = ctypes.create_string_buffer(256)
        library.pcre2_get_error_message_8(code, said, len(said))
        return f"{said.value.decode()} (at offset {offset.value})"

    return compiled


def test_every_expression_compiles(flaw: Callable[[str], str]) -> None:
    assert "lookbehind" in flaw(r"(?<=\s*\n)")
    assert "missing" in flaw(r"(")
    assert len(regexes()) > 12
    assert {regex: flaw(regex) for regex in regexes() if flaw(regex)} == {}


def test_no_expression_means_something_else_there() -> None:
    r"""``\h`` is a hexadecimal digit for Oniguruma and a space for PCRE; back references are not
    looked at.
    """
    for regex in regexes():
        assert len(regex.encode()) < MOST_BYTES
        assert not re.search(r"(?<!\\)(?:\\\\)*\\[hH1-9kKG]", regex), regex


def test_the_keys_and_includes_are_known() -> None:
    assert set(GRAMMAR) <= KEYS
    found = {rule["include"] for rule in rules(GRAMMAR) if "include" in rule}
    assert found == {f"#{name}" for name in GRAMMAR["repository"]}


def test_the_entry() -> None:
    [(name, entry)] = yaml.safe_load((FOLDER / "languages.yml").read_text(encoding="utf-8")).items()
    assert list(entry) == ["type", "color", "extensions", "tm_scope", "ace_mode", "language_id"]
    assert entry["tm_scope"] == GRAMMAR["scopeName"]
    assert entry["extensions"] == [f".{suffix}" for suffix in GRAMMAR["fileTypes"]]
    assert re.fullmatch("#[0-9a-f]{6}", entry["color"])
    # as its script/update-ids does
    assert entry["language_id"] == int(hashlib.sha256(name.encode()).hexdigest(), 16) % (2**30 - 1)


def test_the_samples_are_right_and_the_licence_is_one_that_it_takes() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    samples = re.findall(r"`([\w/]+\.scout)`", page)
    assert len(samples) == 3
    for sample in samples:
        assert scoutlang.check(ROOT / "examples" / sample).ok
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert "**not submitted**" in page
