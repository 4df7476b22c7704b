"""The map in numbers: `python -m tools.house` counts rooms, floors, imports that run upwards,
circles of files, and lines.

A room is a folder or file directly in `scoutlang/`, and `benchmarks` and `tools`. A room stands one
floor above the highest room that it imports; rooms that import each other stand on one floor. An
import inside a function or for type checkers only counts as one.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import networkx

ROOT = Path(__file__).parents[1]
PACKAGES = ("scoutlang", "benchmarks", "tools")


def modules() -> dict[str, Path]:
    """Dotted name → file, of every Python file; of a folder that is its `__init__`."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    names = {
        file.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): file for file in files
    }
    return {name.removesuffix(".__init__"): file for name, file in names.items()}


def imports(file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules of ours that a file imports."""
    todo: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from (
                    name
                    for name in (inner, node.module)
                    if name in known and (name == inner or inner not in known)
                )


def room(module: str) -> str:
    """The room of a module."""
    package, _, rest = module.partition(".")
    return (
        f"scoutlang/{rest.partition('.')[0] or '__init__'}" if package == "scoutlang" else package
    )


def code_lines(text: str) -> int:
    """Lines that hold code: no comment, no docstring, not blank."""
    idle = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type not in idle]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            code -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(code)


def main() -> None:
    known = modules()
    files = networkx.DiGraph(
        (name, other)
        for name, file in known.items()
        for other in imports(file, known)
        if other != name
    )
    rooms = networkx.DiGraph((room(a), room(b)) for a, b in files.edges if room(a) != room(b))
    rooms.add_nodes_from(map(room, known))
    together = networkx.condensation(rooms)
    floor = {}
    for group in reversed(list(networkx.topological_sort(together))):
        floor[group] = 1 + max((floor[below] for below in together.successors(group)), default=0)
    by_floor: dict[int, list[str]] = {}
    for group, level in floor.items():
        by_floor.setdefault(level, []).extend(together.nodes[group]["members"])
    for level, names in sorted(by_floor.items(), reverse=True):
        click.echo(f"floor {level:2}  {', '.join(sorted(names))}")
    upward = sum(len(together.nodes[group]["members"]) > 1 for group in together)
    circles = [c for c in networkx.strongly_connected_components(files) if len(c) > 1]
    inside = sum(room.startswith("scoutlang/") for room in rooms)
    texts = [
        file.read_text(encoding="utf-8")
        for name, file in known.items()
        if room(name).startswith("scoutlang/")
    ]
    lines, code = sum(len(text.splitlines()) for text in texts), sum(map(code_lines, texts))
    tests = sum(
        path.is_file() for path in (ROOT / "tests").rglob("*") if "__pycache__" not in path.parts
    )
    click.echo(
        f"rooms in scoutlang/: {inside}; floors: {max(floor.values())}; "
        f"arrows between rooms: {rooms.number_of_edges()}"
    )
    click.echo(f"rooms that import each other: {upward}; circles of files: {len(circles)}")
    for circle in circles:
        click.echo(f"  circle: {', '.join(sorted(circle))}")
    click.echo(
        f"lines of Python in scoutlang/: {lines}, of code {code}; files under tests/: {tests}"
    )


if __name__ == "__main__":
    main()
