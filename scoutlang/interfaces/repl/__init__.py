"""The REPL: a hypothesis is built statement by statement, measured, sampled and changed.

`session` is all of it without a terminal; `terminal` puts a prompt in front. `scout` without
arguments opens it, `scout replay` feeds it a file.
"""

from __future__ import annotations
