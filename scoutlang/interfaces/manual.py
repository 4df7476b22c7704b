"""The manual: pages on everything that has a name in the language, made of the code itself, and
docs/language.md made of the pages.

`scout doc` prints pages; `scout doc --manual` the whole, in which the prose between the pages is
`manual.md`.
"""

from __future__ import annotations

import dataclasses
import math
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scoutlang import ir
from scoutlang.descriptors import modules as descriptor_modules
from scoutlang.descriptors import origin
from scoutlang.interfaces.words import opening
from scoutlang.ir.signatures import DescriptorSignature, Parameter
from scoutlang.ir.source import MAX_CHARACTERS, Source
from scoutlang.ir.text import setting_text
from scoutlang.ir.units import DIMENSIONS, UNITS
from scoutlang.language import parser
from scoutlang.language.checker import declared
from scoutlang.language.checking.imports import LIBRARY, MAX_BYTES, MAX_MODULES, library
from scoutlang.language.checking.scope import Definition
from scoutlang.language.diagnostics.codes import EXPLANATIONS
from scoutlang.language.diagnostics.suggest import listing
from scoutlang.language.statements import SETTINGS, STATEMENTS
from scoutlang.language.statements.statement import Defining
from scoutlang.language.statements.sweep import MAX_MEMBERS
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Reference
from scoutlang.language.syntax.functions import FUNCTIONS
from scoutlang.support.resources import resource

Kind = Literal[
    "statement", "function", "descriptor", "setting", "unit", "module", "definition", "code", "word"
]

SYSTEM = "system Cu-Si-P-Ca"
"""What examples without a system are for."""

_WIDTH = 88
_HEADINGS: Mapping[Kind, str] = {
    "statement": "Statements",
    "function": "Functions",
    "descriptor": "Descriptors",
    "setting": "Settings of `guide`, `sample` and `relax`",
    "unit": "Units",
    "module": "The library",
    "definition": "Definitions of the library",
    "code": "Messages",
    "word": "Words of the language",
}
_CHAPTERS: Mapping[str, str] = {
    "Claims": "weight loss symprec tolerance margin label hit wish undefined low high possible in "
    "l1 l2 huber hinge",
    "Species": "species chain group",
    "Quantities": "arithmetic",
    "Sites: each, any and fraction": "each any site sites aggregate",
    "Logic": "and or not implies logic",
    "Settings": "ramp piecewise constant cosine linear schedule",
    "Definitions and modules": "as default module",
}
"""Chapter of the manual → words that it is about and that have no page of their own."""

_BROUGHT: Mapping[float, Sequence[str]] = {
    1: ("expressions with units, aggregates and logic", "the module std"),
    1.1: (
        "a count without `±` holds where its nearest whole number is the target: 3.5 and 4.5 are "
        "no 4 (in version 1 they are)",
        "`every n` counts from the crystal, as in the paper (in version 1 from the first step)",
    ),
}
"""Version of the language → what it brought beside statements."""

# pages whose text or facts begin with the summary
_SAID_BELOW: tuple[Kind, ...] = ("descriptor", "module", "unit")
TOPICS: Mapping[str, Kind] = {
    "statements": "statement",
    "functions": "function",
    "descriptors": "descriptor",
    "settings": "setting",
    "units": "unit",
    "std": "module",
    "codes": "code",
}
"""Names that stand for all pages of a kind."""


@dataclass(frozen=True)
class Page:
    """What there is to say about one name."""

    name: str
    kind: Kind
    form: str
    """How it is written."""
    summary: str
    facts: tuple[tuple[str, str], ...] = ()
    """What, and its value."""
    text: str = ""
    """Paragraphs with blank lines between; one that is a formula or a table keeps its lines."""
    example: str = ""
    """Lines for a program; where they name no system, `SYSTEM` is meant."""


def pages() -> list[Page]:
    """A page for everything, kind by kind."""
    return [
        *_statements(),
        *_functions(),
        *_descriptors(),
        *_settings(),
        *_units(),
        *_library(),
        *_codes(),
    ]


def find(name: str, among: Sequence[Page]) -> list[Page]:
    """The pages of a name, of a spelling of a unit, of a code in any case, or of all of a kind
    (`TOPICS`); a name may have several.

    What the library defines is also found without its module.
    """
    if name in TOPICS:
        return [p for p in among if p.kind == TOPICS[name]]
    unit = UNITS.get(name)
    names = {name, name.upper() if name.upper() in EXPLANATIONS else name}
    exact = [
        p
        for p in among
        if p.name in names or (p.kind == "unit" and unit is not None and p.name == unit.name)
    ]
    members = [
        p
        for p in among
        if p.kind in ("module", "definition")
        and name in (p.name.rpartition(".")[2], p.name.removeprefix(f"{LIBRARY}."))
    ]
    return exact or members or _words(name)


def _words(name: str) -> list[Page]:
    """The chapter of the manual that explains a word."""
    heading = next((h for h, words in _CHAPTERS.items() if name in words.split()), None)
    if heading is None:
        return []
    chapter = manual().partition(f"\n## {heading}\n")[2].partition("\n## ")[0].strip()
    return [Page(name, "word", name, heading, text=chapter)]


# ---- pages ----


def _statements() -> Iterator[Page]:
    for rule in parser.verbs():
        statement = STATEMENTS[rule]
        said = sys.modules[statement.__module__].__doc__ or ""
        form = said.split("``")[1]
        head, text = opening(said)
        often = "at most once" if statement.once else "any number of times"
        facts = [("how often", "exactly once" if statement.required else often)]
        if rule in SETTINGS:
            facts.append(("settings", ", ".join(f"`{key}`" for key in SETTINGS[rule])))
        example = "\n".join(filter(None, (statement.example, statement.usage)))
        yield Page(rule, "statement", form, head, tuple(facts), text, example)


def _functions() -> Iterator[Page]:
    for name, function in FUNCTIONS.items():
        yield Page(name, "function", f"{name}(…)", function.summary, example=function.example)


def _descriptors() -> Iterator[Page]:
    for name, module in sorted(descriptor_modules().items(), key=lambda item: item[0].lower()):
        signature: DescriptorSignature = module.SIGNATURE
        head, text = opening(module.__doc__ or "")
        chain = ["-".join("ABCD"[: signature.species])] if signature.species else []
        inside = [*chain, *(f"{p.name}=…" for p in signature.parameters)]
        form = f"{name}({', '.join(inside)})" if inside else name
        summary, facts, package = signature.summary, tuple(_facts(signature)), origin(name)
        if package is not None:
            summary, facts = f"{summary} ({package})", (*facts, ("plug-in", package))
        text = f"{head}\n\n{text}".strip()
        yield Page(name, "descriptor", form, summary, facts, text, signature.example)


def _facts(signature: DescriptorSignature) -> Iterator[tuple[str, str]]:
    yield "value", _value(signature)
    if signature.domain != "crystal":
        each = "each A" if signature.domain == "site" else "each of its items"
        yield "of", f"{each}; alone, the {signature.aggregate} of them"
    if signature.dimension not in ("truth", "category"):
        yield "tolerance of `=`", f"± {_with_unit(signature.tolerance, signature.unit)}"
        yield "unit of change", _with_unit(signature.scale, signature.unit)
    yield "use", "steers and judges" if signature.differentiable else "judges only: `expect`"
    if signature.extensive:
        yield "cell", "depends on the cell: a supercell has another value"
    if signature.since != "1.0":
        yield "since", f"version {signature.since} of the language"
    for parameter in signature.parameters:
        yield f"`{parameter.name}`", _parameter(parameter)


def _with_unit(value: float, unit: str) -> str:
    return f"{value:g}{unit}" if unit in ("", "°") else f"{value:g} {unit}"


def _value(signature: DescriptorSignature) -> str:
    if signature.dimension == "truth":
        return "true or false"
    if signature.dimension == "category":
        return f"one of {listing(signature.categories)}"
    unit = f" in {signature.unit}" if signature.unit else ""
    low, high = (
        f"{v:g}" if math.isfinite(v) else "" for v in (signature.minimum, signature.maximum)
    )
    limits = f", from {low} to {high}" if low and high else f", {low} or more" if low else ""
    return f"{DIMENSIONS[signature.dimension].spoken}{unit}{limits}"


def _parameter(parameter: Parameter) -> str:
    if parameter.kind == "choice":
        takes = listing(parameter.choices)
    elif parameter.kind == "file":
        takes = f"the path of a {listing(parameter.choices)} file in quotes"
    else:
        dimension = DIMENSIONS.get(parameter.kind)
        what, unit = (dimension.spoken, dimension.unit) if dimension else ("a whole number", "")
        takes = f"{what} from {parameter.minimum:g} to {_with_unit(parameter.maximum, unit)}"
        takes += "".join(f", or `{word}`" for word in parameter.choices)
    usual = "must be given" if parameter.required else f"usually {parameter.default}"
    return f"{takes}; {usual}"


def _settings() -> Iterator[Page]:
    for rule, table in SETTINGS.items():
        for key, setting in table.items():
            facts = [
                ("of", f"`{rule}`"),
                ("takes", setting.kind.takes),
                ("usual value", setting_text(setting.default)),
            ]
            if setting.only:
                facts.append(("used by", f"`method {setting.only}`"))
            sign = "=" if len(key) == 1 else " "
            yield Page(key, "setting", f"{rule} {key}{sign}…", setting.summary, tuple(facts))


def _units() -> Iterator[Page]:
    for name in dict.fromkeys(u.name for u in UNITS.values()):
        unit = UNITS[name]
        # The powers of a length have all its spellings; the manual says so once.
        power = unit.dimension in (DIMENSIONS["area"], DIMENSIONS["volume_per_atom"])
        others = [s for s, u in UNITS.items() if u == unit and s != name and not power]
        canonical = unit.dimension.unit
        facts = [("measures", unit.dimension.spoken)]
        if name != canonical:
            facts.append(("is", f"{unit.factor:.6g} {canonical}"))
        if others:
            facts.append(("also written", ", ".join(others)))
        yield Page(name, "unit", f"… {name}", unit.dimension.spoken, tuple(facts))


def _library() -> Iterator[Page]:
    for module in library():
        name = f"{LIBRARY}.{module}"
        text = resource("stdlib", f"{module}.scout").read_text(encoding="utf-8")
        comment = text.partition("\n\n")[0].splitlines()
        prose, example = _with_example(textwrap.dedent("\n".join(line[1:] for line in comment)))
        yield Page(name, "module", f"import {name}", _title(prose), (), prose, example)
        table = (line for line in prose.splitlines() if line.startswith(" "))
        rows = [re.split(r"\s\s+", line.strip()) for line in table]
        program, names = declared(Source(name, text))
        defined = {s.name.text: s.text() for s in program.statements if isinstance(s, Defining)}
        yield from (
            _definition(definition, name, defined, rows, _title(prose))
            for definition in names.definitions.values()
        )


def _definition(
    definition: Definition,
    module: str,
    defined: Mapping[str, str],
    rows: Sequence[Sequence[str]],
    otherwise: str,
) -> Page:
    """defined: the text of each definition of the module. rows: of the tables in the head of the
    module, which say what names mean.
    """
    name, body = definition.name.text, definition.body
    takes = definition.places is not None
    places = f"({', '.join(printer.place(p) for p in definition.places or ())})" if takes else ""
    said = (
        ", ".join(row[1:])
        for row in rows
        if len(row) > 1 and re.search(rf"\b{re.escape(name)}\b", row[0])
    )
    # What is only another name for a definition says what that is.
    meant = [body.text] if isinstance(body, Reference) and body.text in defined else []
    return Page(
        f"{module}.{name}",
        "definition",
        f"{module.partition('.')[2]}.{name}{places}",
        next(said, otherwise),
        (("of", f"`import {module}`"),),
        "\n".join(f"    {defined[n]}" for n in (name, *meant)),
    )


def _with_example(head: str) -> tuple[str, str]:
    """The prose of a module, and its example: the indented lines at its end that are a program."""
    blocks = re.split(r"\n\s*\n", head.rstrip())
    if "import " not in blocks[-1]:
        return head, ""
    return "\n\n".join(blocks[:-1]), textwrap.dedent(blocks[-1])


def _codes() -> Iterator[Page]:
    severity = {"E": "error", "W": "warning", "I": "note"}
    for code, page in EXPLANATIONS.items():
        facts = (("severity", severity[code[0]]),)
        yield Page(code, "code", code, page.title, facts, page.text.replace("``", "`"))


def _title(prose: str) -> str:
    """The beginning of the first sentence, in one line."""
    return re.split(r"[:;.](\s|$)| \(", " ".join(prose.split()), maxsplit=1)[0]


# ---- as text ----


def overview(all_pages: Sequence[Page]) -> str:
    """Everything in a line each; definitions of the library and codes by their number."""
    parts = []
    for kind, heading in _HEADINGS.items():
        found = [p for p in all_pages if p.kind == kind]
        match kind:
            case "definition":
                said = f": {len(found)}; `scout doc std.NAME` lists those of a module"
            case "code":
                said = f": {len(found)}; `scout doc codes` lists them"
            case "unit":
                said = "\n" + _indented("  ", ", ".join(p.name for p in found))
            case _:
                said = f"\n{listed(found)}"
        parts.append(heading.replace("`", "") + said)
    return "\n\n".join([*parts, "`scout doc NAME` prints a page, `scout doc --manual` all of it."])


def listed(found: Sequence[Page]) -> str:
    """Names with their summaries, a line each."""
    return _columns(
        (p.form.partition("=")[0].removesuffix(" …") if p.kind == "setting" else p.name, p.summary)
        for p in found
    )


def as_text(page: Page) -> str:
    """A page for a terminal."""
    parts = [
        f"{page.form}    ({page.kind})",
        "" if page.kind in _SAID_BELOW else textwrap.fill(page.summary, _WIDTH),
    ]
    width = max((len(what) for what, _ in page.facts), default=0)
    facts = ((what.replace("`", ""), value) for what, value in page.facts)
    parts.append(_columns(facts, width))
    parts += [
        b if _kept(b) else textwrap.fill(" ".join(b.split()), _WIDTH) for b in _blocks(page.text)
    ]
    if page.example:
        parts.append("For example\n\n" + textwrap.indent(page.example, "    "))
    return "\n\n".join(p for p in parts if p)


def _columns(rows: Iterable[tuple[str, str]], width: int = 0) -> str:
    """Names, in a column at least as wide as that, and what there is to say about each."""
    rows = list(rows)
    width = max([width, *(len(name) for name, _ in rows)])
    return "\n".join(_indented(f"  {name:<{width}}  ", text) for name, text in rows)


def _indented(head: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def as_data(page: Page) -> dict[str, object]:
    """A page as plain data for `json.dumps`."""
    return {
        **dataclasses.asdict(page),
        "facts": {what.replace("`", ""): value for what, value in page.facts},
    }


def _blocks(text: str) -> list[str]:
    return [b.rstrip() for b in re.split(r"\n\s*\n", text) if b.strip()]


def _kept(block: str) -> bool:
    """Whether a paragraph keeps its lines: a formula, a table, a line of a program."""
    return bool(
        re.search(r"^(\s|soft:|exact:)", block, re.MULTILINE)
        or (re.match(r"\S+ = ", block) and not block.endswith("."))
    )


# ---- as markdown ----


def as_markdown(page: Page, level: int = 3) -> str:
    """A page for a document."""
    parts = [f"{'#' * level} `{page.form}`"]
    if page.kind not in _SAID_BELOW:
        parts.append(_as_sentence(page.summary))
    blocks = [f"```text\n{b}\n```" if _kept(b) else b for b in _blocks(page.text)]
    if blocks and page.kind == "descriptor":
        blocks[0] = _as_sentence(blocks[0])
    parts += blocks
    parts.append("\n".join(f"- {what}: {value}" for what, value in page.facts))
    if page.example:
        parts.append(f"```scout\n{page.example}\n```")
    return "\n\n".join(p for p in parts if p)


def _as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".removesuffix(".") + "."


def manual() -> str:
    """docs/language.md."""
    found = pages()

    def of(kind: Kind) -> list[Page]:
        return [p for p in found if p.kind == kind]

    note = (
        "<!-- Made by `scout doc --manual > docs/language.md` of the code and of "
        "scoutlang/interfaces/manual.md. Edit those. -->\n\n"
    )
    return note + resource("interfaces", "manual.md").read_text(encoding="utf-8").format(
        statements=_chapter(of("statement")),
        functions=_rows(
            ("function", "", "example"),
            ((f"`{p.form}`", p.summary, f"`{p.example}`") for p in of("function")),
        ),
        descriptors=_facts_table(
            ("descriptor", "measures", "tolerance of `=`", "use"),
            ((p, (f"[`{p.form}`](#{_anchor(p.form)})", p.summary)) for p in of("descriptor")),
        )
        + "\n\n"
        + _chapter(of("descriptor")),
        units=_facts_table(
            ("unit", "measures", "is", "also written"), ((p, (p.name,)) for p in of("unit"))
        ),
        settings="\n\n".join(_setting_table(rule, of("setting")) for rule in SETTINGS),
        library=_modules(of("module"), of("definition")),
        codes=_rows(("code", "means"), ((p.name, p.summary) for p in of("code"))),
        limits=_rows(("what", "at most"), _limits()),
        versions=_rows(("version", "brought"), _versions()),
    )


def _chapter(found: Sequence[Page]) -> str:
    return "\n\n".join(as_markdown(p) for p in found)


def _rows(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _facts_table(head: Sequence[str], rows: Iterable[tuple[Page, tuple[str, ...]]]) -> str:
    """A row for each page: the cells given, and its facts of the names at the head of the rest."""
    return _rows(
        head,
        (
            (*cells, *(dict(page.facts).get(name, "") for name in head[len(cells) :]))
            for page, cells in rows
        ),
    )


def _anchor(heading: str) -> str:
    """What the headings of Markdown pages are called in links: letters, digits and hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _setting_table(rule: str, found: Sequence[Page]) -> str:
    def row(page: Page) -> tuple[str, ...]:
        facts = dict(page.facts)
        only = f"; {facts['used by']} only" if "used by" in facts else ""
        return f"`{page.name}`", f"{page.summary}{only}", facts["takes"], facts["usual value"]

    return _rows(
        (f"`{rule}`", "", "takes", "usual"),
        (row(p) for p in found if p.form.startswith(f"{rule} ")),
    )


def _modules(found: Sequence[Page], definitions: Sequence[Page]) -> str:
    defined: dict[str, list[str]] = {}
    for page in definitions:
        module, _, name = page.name.rpartition(".")
        defined.setdefault(module, []).append(f"`{name}`")
    return "\n\n".join(
        f"{as_markdown(page)}\n\nDefines {', '.join(defined[page.name])}." for page in found
    )


def _versions() -> Iterator[tuple[str, str]]:
    for text, version in ir.VERSIONS.items():
        brought = [rule for rule in parser.verbs() if STATEMENTS[rule].since == version]
        statements = [f"statements {listing(brought, 'and')}"] if brought else []
        yield text, "; ".join([*statements, *_BROUGHT.get(version, ())])


def _limits() -> Iterator[tuple[str, str]]:
    yield "characters in a program", f"{MAX_CHARACTERS:,}".replace(",", " ")
    yield "characters in a line", f"{parser.MAX_LINE:,}".replace(",", " ")
    yield "brackets, signs and words such as `not` inside each other", str(parser.MAX_DEPTH)
    yield "errors before reading stops", str(parser.MAX_ERRORS)
    yield "modules that a program imports", str(MAX_MODULES)
    yield "size of a file that a program names", f"{MAX_BYTES // 1_000_000} MB"
    yield "runs that the sweeps of a program make", str(MAX_MEMBERS)
