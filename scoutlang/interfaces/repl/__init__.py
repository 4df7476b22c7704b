"""The REPL: a hypothesis is built statement by statement, measured, sampled and changed.

`session` is what is held, `interpreter` what an input does to it, `terminal` the prompt in front.
`scout` without arguments opens it, `scout replay` feeds it a file.
"""

from __future__ import annotations
