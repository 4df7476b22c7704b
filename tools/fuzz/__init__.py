"""Inputs of strangers, made up by the thousand: ``python -m tools.fuzz ENTRANCE --count 10000``.

One file for each entrance. Each has

- ``SECONDS``: of CPU that one input may take;
- ``seeds(folder)``: valid inputs, as bytes; ``folder`` is empty and stays as long as the fuzzer;
- ``feed(data, folder)``: gives an input to the reader as a command does, and returns what came of
  it in a word: a code of ours, or ``read``. Any exception but ScoutError is a find.

Inputs follow from (entrance, seed, number), so that a find is made again by its number; it is kept
as a file, too, for ``--replay FILE``. Work is done in child processes: one that dies or does not
end is a find.
"""
