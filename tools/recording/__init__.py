"""The session that the README shows: typed by a program into the real REPL, recorded, and drawn.

`make recording` types the inputs of session.txt into `scout` in a pseudo-terminal, writes what that
received into session.cast, and draws session.svg from it; `python -m tools.recording --draw` only
draws. session.cast is an asciicast of version 2
(https://docs.asciinema.org/manual/asciicast/v2/), for any player of these.
"""
