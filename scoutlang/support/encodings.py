"""The text in bytes of which nobody says how they are written."""

from __future__ import annotations


def decoded(data: bytes) -> str:
    """UTF-16, as its first bytes say or, in English letters, its zeros; else UTF-8 if it is that,
    else Latin-1, in which old programs write names of people. Without the sign with which DOS ended
    a file. Raises UnicodeDecodeError for half of a character of UTF-16.
    """
    zeros = data[:200:2].count(0), data[1:200:2].count(0)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16")
    elif max(zeros) > 20 and not min(zeros):
        text = data.decode("utf-16-be" if zeros[0] else "utf-16-le")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.rstrip("\x1a")
