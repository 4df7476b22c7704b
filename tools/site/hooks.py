"""What the site has beside the pages of docs/: pages made of the code and of the examples, the
files of the repository that pages link to, and the diagram of the rooms as a picture.

The rule for links: a page links to a file as it lies in the repository, `../benchmarks/RESULTS.md`,
so that the link works on GitHub. Here it leads to a page of the site with that file.
"""

from __future__ import annotations

import inspect
import posixpath
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

import click
import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from scoutlang.interfaces import api
from scoutlang.interfaces.cli import commands

sys.path.append(str(Path(__file__).resolve().parents[2]))  # MkDocs loads this as a file
from tools.site.programs import ROOT, RUNS, programs

OWN = Path(__file__).parent / "pages"
PLACES = {
    "scoutlang/language/diagnostics/codes.md": "codes.md",
    "scoutlang/interfaces/cli": "commands.md",
    "scoutlang/__init__.py": "api/index.md",
    "scoutlang/testing": "api/plugins.md",
    "CHANGELOG.md": "changelog.md",
    "docs": "index.md",
    "examples": "examples/index.md",
}
"""Files of the repository that have a page at a place of its own."""

_LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)((?:#[^)\s]*)?\))")
_CODE = re.compile(r"(^(`{3,}).*?^\2`*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINKED = (*PLACES, "benchmarks/RESULTS.md")  # without being asked for
_LARGEST = 300_000  # bytes of a file that is shown as text

_repository: dict[str, str] = {}
"""The pages of the site that are files of the repository: place in the site to place there."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write out the folders that nav names."""
    made = [path for path, _ in _generated()]
    known = sorted({*made, *(p.relative_to(ROOT / "docs").as_posix() for p in _documents())})
    assert config.nav is not None
    nav = _written_out(config.nav, known)
    named = set(_leaves(nav))
    rest = [path for path in known if "/" not in path and path not in named]
    next(entry for entry in nav if "Using it" in entry)["Using it"] += rest
    config.nav = nav
    return config


def _written_out(entries: list[Any], known: list[str]) -> list[Any]:
    written: list[Any] = []
    for entry in entries:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(value, list):
            written.append({title: _written_out(value, known)})
        elif value.endswith("/"):
            pages = [path for path in known if posixpath.dirname(path) + "/" == value]
            pages.sort(key=lambda path: (not path.endswith("/index.md"), path))
            written += [{title: pages}] if title else pages
        else:
            written.append(entry)
    return written


def _leaves(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, list):
            yield from _leaves(value)
        else:
            yield value


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made, and every file that a page links to."""
    for uri, text in _generated():
        files.append(File.generated(config, uri, content=text))
    for path in sorted(OWN.rglob("*")):
        uri = path.relative_to(OWN).as_posix()
        if path.is_file() and not files.get_file_from_path(uri):
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    for name in (path.stem for path in programs()):
        if (page := RUNS / name / "report.html").is_file():
            files.append(
                File.generated(config, f"examples/runs/{name}.html", abs_src_path=str(page))
            )
    _repository.clear()
    waiting = [place for place in _LINKED if (ROOT / place).suffix == ".md"]
    for document in files.documentation_pages():
        waiting += _outside(f"docs/{document.src_uri}", document.content_string)
    while waiting:
        place = waiting.pop()
        uri = _uri(place)
        if uri in _repository or files.get_file_from_path(uri):
            continue
        _repository[uri] = place
        path = ROOT / place
        if uri.endswith(".md"):
            text = _shown(place)
            made = File.generated(config, uri, content=text)
            made.inclusion = InclusionLevel.NOT_IN_NAV  # unless nav names it
            files.append(made)
            waiting += _outside(place, text)
        else:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links by the rule above, and the diagram as a picture."""
    here = page.file.src_uri
    place = _repository.get(here, f"docs/{here}")

    def link(found: re.Match[str]) -> str:
        target = _target(place, found[2])
        if not (ROOT / target).exists():
            return found[0]
        return found[1] + posixpath.relpath(_uri(target), posixpath.dirname(here)) + found[3]

    markdown = re.sub(
        r"^```mermaid\n(.*?)^```$",
        lambda found: _diagram(found[1]),
        markdown,
        flags=re.MULTILINE | re.DOTALL,
    )
    return "".join(
        part if part.startswith("`") else _LINK.sub(link, part) for part in _parts(markdown)
    )


def _parts(markdown: str) -> Iterator[str]:
    """The text cut into code, which begins with a backquote, and the rest."""
    end = 0
    for found in _CODE.finditer(markdown):
        yield markdown[end : found.start()]
        yield found[0]
        end = found.end()
    yield markdown[end:]


def _target(place: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), link))


def _outside(place: str, markdown: str) -> list[str]:
    """Files of the repository outside of docs/ that a page at this place links to."""
    text = "".join(part for part in _parts(markdown) if not part.startswith("`"))
    targets = [_target(place, found[2]) for found in _LINK.finditer(text)]
    return [
        one for one in targets if not one.startswith(("docs/", "../")) and (ROOT / one).exists()
    ]


def _uri(place: str) -> str:
    """Where the site has this file of the repository."""
    path = ROOT / place
    if place in PLACES:
        return PLACES[place]
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    if re.fullmatch(r"examples/(paper/)?\w+\.(scout|ipynb)", place):
        return f"examples/{path.stem}.md"
    if path.is_dir():
        return f"repository/{place}/index.md"
    if path.suffix in {".md", ".png", ".svg"}:
        return f"repository/{place}"
    return f"repository/{place}.md"


def _shown(place: str) -> str:
    """A file or folder of the repository as a page."""
    path = ROOT / place
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir() if p.is_file() and p.name != "README.md")
        # links from the page of a folder are relative to the folder that it is in
        listed = "\n".join(f"- [{name}]({path.name}/{name})" for name in names)
        return f"# {place}/\n\n{listed}\n"
    if path.stat().st_size > _LARGEST:
        return f"# {place}\n\nThe file has {path.stat().st_size:,} bytes.\n"
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".md" else f"# {place}\n\n{_fenced(text, path.suffix[1:])}"


def _fenced(text: str, language: str) -> str:
    known = {"py": "python", "toml": "toml", "scout": "scout"}
    return f"```` {known.get(language, 'text')}\n{text.rstrip()}\n````\n"


def _documents() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md"))


# ---- pages made of the code ----


def _generated() -> Iterator[tuple[str, str]]:
    """Pages by their place, with their text."""
    for path in sorted(OWN.rglob("*.md")):
        yield path.relative_to(OWN).as_posix(), path.read_text(encoding="utf-8")
    rows = []
    for path in programs():
        text = path.read_text(encoding="utf-8")
        yield f"examples/{path.stem}.md", _example(path, text)
        has = RUNS / path.stem / "report.html"
        run = f"[page](runs/{path.stem}.html)" if has.is_file() else ""
        rows.append(f"| [{path.stem}]({path.stem}.md) | {_first_sentence(text)} | {run} |")
    start = (OWN.parent / "examples.md").read_text(encoding="utf-8")
    yield "examples/index.md", start + "\n".join(rows) + "\n"
    notebook = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    yield "examples/notebook.md", "\n\n".join(_cells(notebook))
    codes = (ROOT / "scoutlang/language/diagnostics/codes.md").read_text(encoding="utf-8")
    # `codes.md#E041` is the page of a code
    yield "codes.md", re.sub(r"^(## ([EWI]\d{3}) .*)$", r"\1 { #\2 }", codes, flags=re.MULTILINE)
    start = (OWN.parent / "commands.md").read_text(encoding="utf-8")
    yield (
        "commands.md",
        start + "\n".join(_command(commands, click.Context(commands, None, "scout"))),
    )
    yield "changelog.md", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _command(command: click.Command, context: click.Context, depth: int = 2) -> Iterator[str]:
    """A command with its options, then the commands below it, as Markdown."""
    yield f"\n{'#' * depth} {context.command_path}\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    usage = command.get_usage(context).removeprefix("Usage: ").splitlines()
    yield _fenced(" ".join(line.strip() for line in usage), "text")
    records = [one.get_help_record(context) for one in command.get_params(context)]
    if any(records):
        yield "| option | |\n|---|---|"
        for name, text in filter(None, records):
            safe = escape(text, quote=False).replace("|", "\\|").replace("[", "\\[")
            yield f"| `{name}` | {safe} |"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            assert one is not None
            yield from _command(one, click.Context(one, context, name), depth + (depth == 2))


def _first_sentence(text: str) -> str:
    comment = re.match(r"(?:#.*\n)+", text)
    if comment is None:
        return (
            "`"
            + next(line for line in text.splitlines() if line.startswith("require"))
            .partition("#")[0]
            .strip()
            + "`"
        )
    words = " ".join(line.lstrip("# ") for line in comment[0].splitlines())
    return re.split(r"(?<=[.?:]) ", words)[0].rstrip(":")


def _example(path: Path, text: str) -> str:
    result = api.check(path)
    assert result.program is not None
    meaning = api.printer().summary(result.program)
    place = path.relative_to(ROOT).as_posix()
    run = (
        f"[The page that its run made](runs/{path.stem}.html)"
        if (RUNS / path.stem / "report.html").is_file()
        else "This site was built without the runs of the examples"
    )
    return f"""# {path.stem.replace("_", " ")}

`{place}`

```scout
{text.rstrip()}
```

What it means, as `scout check {place}` says it:

```text
{meaning}
```

{run}; `make example-pages` makes them, [small](index.md).
"""


def _cells(notebook: Any) -> Iterator[str]:
    yield "# A notebook\n\n`examples/notebook.ipynb`, with the results that it holds."
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield re.sub(r"^#", "##", cell.source, flags=re.MULTILINE)
            continue
        yield _fenced(cell.source, "scout" if cell.source.startswith("%%scout") else "py")
        for output in cell.outputs:
            said = output.get("text") or output.get("data", {}).get("text/plain")
            if said:
                yield _fenced(said, "text")


# ---- the diagram ----

_WIDTH, _GAP, _LINE, _PAD = 236, 24, 15, 9  # of boxes, in px


def _diagram(source: str) -> str:
    """A flowchart of mermaid whose arrows lead upwards, as SVG: every box in the row above the
    highest one that it stands on. mermaid itself is 3 MB of script.
    """
    labels = dict(re.findall(r'(\w+)\["([^"]+)"\]', source))
    below: dict[str, set[str]] = {name: set() for name in labels}
    for line in re.sub(r'\["[^"]+"\]', "", source).splitlines():
        above, arrow, rest = line.partition("-->")
        if arrow:
            below[above.strip()] |= set(re.findall(r"\w+", rest))

    def row(name: str) -> int:
        return max((row(one) + 1 for one in below[name]), default=0)

    rows = [[n for n in labels if row(n) == k] for k in range(max(map(row, labels)) + 1)]
    texts = {name: wrap(label, 36) for name, label in labels.items()}
    width = max(map(len, rows)) * (_WIDTH + _GAP)
    boxes: dict[str, tuple[float, float, float]] = {}  # left, top, bottom
    top = 1.0
    for names in reversed(rows):
        height = max(len(texts[name]) for name in names) * _LINE + 2 * _PAD
        left = (width - len(names) * (_WIDTH + _GAP) + _GAP) / 2
        for k, name in enumerate(names):
            boxes[name] = left + k * (_WIDTH + _GAP), top, top + height
        top += height + 30
    drawn = [
        f'<line x1="{boxes[name][0] + _WIDTH / 2}" y1="{boxes[name][2]}" '
        f'x2="{boxes[one][0] + _WIDTH / 2}" y2="{boxes[one][1]}"/>'
        for name, ones in below.items()
        for one in sorted(ones)
    ]
    for name, (left, start, end) in boxes.items():
        drawn.append(
            f'<rect x="{left}" y="{start}" width="{_WIDTH}" height="{end - start}" rx="4"/>'
        )
        drawn += [
            f'<text x="{left + _WIDTH / 2}" y="{start + _PAD + (k + 0.8) * _LINE}">'
            f"{escape(line)}</text>"
            for k, line in enumerate(texts[name])
        ]
    title = "Rooms and what they stand on: " + "; ".join(
        f"{name} on {', '.join(sorted(ones)) or 'none'}" for name, ones in below.items()
    )
    return (
        f'<div class="diagram" tabindex="0"><svg viewBox="0 0 {width} {top - 29}" width="{width}" '
        f'role="img" aria-label="{title}">{"".join(drawn)}</svg></div>'
    )


def on_post_page(output: str, **_: object) -> str:
    """The theme's box for searching has no name for who cannot see it."""
    return output.replace(
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    )
