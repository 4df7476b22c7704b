"""What may be written at a place of a program: for the editor and the prompt. Reads text and
catalogue only, and starts without torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, get_args

from scoutlang import ir
from scoutlang.descriptors import signatures
from scoutlang.interfaces.words import DIRECTIONS, KEYWORDS, motif_parameters, summary
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.settings import Choice, Strength, Words
from scoutlang.ir.signatures import CANONICAL_UNIT, DescriptorSignature, Parameter
from scoutlang.ir.source import Source
from scoutlang.ir.units import DIMENSIONS, UNITS, units_of
from scoutlang.language import parser
from scoutlang.language.checker import declared
from scoutlang.language.checking import calls
from scoutlang.language.checking.imports import LIBRARY, library
from scoutlang.language.checking.scope import Definition, Names
from scoutlang.language.statements import DEFINING, GROUPING, SETTINGS, STATEMENTS
from scoutlang.language.statements.statement import Module
from scoutlang.language.statements.system import System
from scoutlang.language.syntax.ast import Reference
from scoutlang.language.syntax.functions import FUNCTIONS, Function
from scoutlang.language.syntax.lexeme import Lexeme, open_brackets

MAX_FILES = 200
_OF_UNITS = ("NAME", "UNIT", "CARET", "SLASH", "NUMBER")


@dataclass(frozen=True)
class Completion:
    """Something that may be written at a place."""

    text: str
    """What to write from ``start`` up to the cursor."""
    start: int
    """A character offset."""
    kind: str
    """statement, keyword, descriptor, function, parameter, element, argument, module, setting,
    value, unit, file, or the statement that defines the name.
    """
    help: str
    """One line."""
    unit: str = ""
    """Of its value, if it has one."""


class _Option(NamedTuple):
    text: str
    kind: str
    help: str = ""
    unit: str = ""


def _options(texts: Iterable[str], kind: str, help: str = "") -> Iterator[_Option]:
    """Options of a kind with the same help."""
    return (_Option(text, kind, help) for text in texts)


class Called(NamedTuple):
    """A call that is being written: an open bracket behind a name."""

    name: str
    what: DescriptorSignature | Function | Definition | None
    """The descriptor, the function or the motif, if the name is known."""
    number: int
    """Of the argument at the cursor, from 0."""
    parameter: str
    """Whose value the cursor is at, if any."""
    given: frozenset[str]
    """Parameters that have a value already."""


def complete(
    text: str, offset: int, *, folder: Path | None = None, unsaved: Mapping[Path, str] | None = None
) -> list[Completion]:
    """What may stand at a character offset of a program, however broken, that goes on with what is
    written there already.

    Letters count in either case. folder: of the program; names of files are taken from it, and from
    nowhere else. unsaved: texts, by absolute path, that stand for the files there.
    """
    offset = max(0, min(offset, len(text)))
    before = parser.statement_before(text[:offset])
    if before and before[-1].terminal == "COMMENT":
        return []
    before = [x for x in before if x.terminal != "COMMENT"]
    quote = next(
        (i for i, x in enumerate(before) if (x.terminal, x.text) == ("UNKNOWN", '"')), None
    )
    if quote is not None:
        head, start = before[:quote], before[quote].end
    else:
        head, start = _cut(before, offset)
    place = _Place(text, start, head, folder, unsaved)
    options = place.files() if quote is not None else place.options()
    typed = text[start:offset]
    fitting = (o for o in options if o.text.lower().startswith(typed.lower()) and o.text != typed)
    return [Completion(o.text, start, o.kind, o.help, o.unit) for o in dict.fromkeys(fitting)]


def called(
    text: str, offset: int, *, folder: Path | None = None, unsaved: Mapping[Path, str] | None = None
) -> Called | None:
    """The innermost call whose brackets a character offset is in, if its name is known. The
    arguments are as in `complete`.
    """
    offset = max(0, min(offset, len(text)))
    before = [x for x in parser.statement_before(text[:offset]) if x.terminal != "COMMENT"]
    call = _Place(text, offset, before, folder, unsaved).call if before else None
    return call if call is not None and call.what is not None else None


def _cut(before: list[Lexeme], offset: int) -> tuple[list[Lexeme], int]:
    """The lexemes in front of what is being written, a path of names or a unit, and where that
    begins.
    """
    begin = len(before)
    for i in range(len(before) - 1, -1, -1):
        end = before[i + 1].start if i + 1 < len(before) else offset
        if before[i].end != end or not (before[i].terminal == "DOT" or _is_word(before[i])):
            break
        begin = i
    unit = _unit_begin(before, offset)
    begin = begin if unit is None else unit
    return before[:begin], before[begin].start if begin < len(before) else offset


def _unit_begin(before: list[Lexeme], offset: int) -> int | None:
    """Where a unit of several parts begins that is written up to the offset: ``eV/at`` of ``0.2
    eV/at``.
    """
    i = len(before)
    end = offset
    while i and before[i - 1].end == end and before[i - 1].terminal in _OF_UNITS:
        i -= 1
        end = before[i].start
        behind_number = i and before[i - 1].terminal in ("NUMBER", "RSQB")
        if behind_number and before[i].terminal in ("NAME", "UNIT"):
            return i
    return None


def _is_word(lexeme: Lexeme) -> bool:
    return lexeme.terminal == "NAME" or lexeme.text[:1].isalpha()


class _Place:
    """A place in a program. head: the lexemes of its statement in front of it, and of what is being
    written there.
    """

    def __init__(
        self,
        text: str,
        start: int,
        head: Sequence[Lexeme],
        folder: Path | None,
        unsaved: Mapping[Path, str] | None = None,
    ) -> None:
        self.head = head
        self.folder = folder
        self._unsaved = unsaved
        self._source = Source("<text>", text, folder)
        self._start = start

    def options(self) -> Iterator[_Option]:
        """All that may stand here."""
        if not self.head:
            yield from self._statements()
            return
        verb = self.head[0].text
        match STATEMENTS[verb].takes if verb in STATEMENTS else "":
            case "settings":
                yield from self._settings(verb)
            case "elements":
                if len(self.head) == 1 or self._last == "HYPHEN":
                    named = {x.text for x in self.head}
                    yield from _options((s for s in SYMBOLS if s not in named), "element")
            case "modules":
                yield from self._modules()
            case "parameters":
                yield from self._settable()
            case "values":
                yield from self._expression(verb)
            case _:
                yield from self._keywords()

    def files(self) -> Iterator[_Option]:
        """Files in the folder of the program that a quoted text may name here."""
        if self.folder is None:
            return
        verb = self.head[0].text if self.head else ""
        parameter = self._parameter()
        if verb in STATEMENTS and STATEMENTS[verb].takes == "modules":
            suffixes: tuple[str, ...] = (".scout",)
        elif parameter is not None and parameter.kind == "file":
            suffixes = parameter.choices
        elif verb in SETTINGS and self._takes_words(verb):
            suffixes = ()
        else:
            return
        try:
            entries = itertools.islice(self.folder.iterdir(), MAX_FILES)
            for path in sorted(entries, key=lambda p: p.name):
                if path.is_dir() and not suffixes:
                    yield _Option(path.name, "file", "a folder")
                elif path.is_file() and path.suffix.lower() in suffixes:
                    yield _Option(path.name, "file", f"a {path.suffix} file")
        except OSError:
            return  # a folder that cannot be listed has nothing to offer

    def _takes_words(self, verb: str) -> bool:
        """Whether the place is behind a setting that takes a path."""
        key = self.head[-2 if self._last == "EQUAL" else -1].text
        setting = SETTINGS[verb].get(key)
        return setting is not None and isinstance(setting.kind, Words)

    # ---- what is known of the program ----

    @cached_property
    def _declared(self) -> tuple[Module, Names]:
        return declared(self._source, unsaved=self._unsaved)

    @property
    def _names(self) -> Names:
        return self._declared[1]

    @cached_property
    def _signatures(self) -> Mapping[str, DescriptorSignature]:
        return dict(signatures())

    @property
    def _system(self) -> tuple[str, ...]:
        """The elements of the system; all that there are where none is declared."""
        systems = (s for s in self._declared[0].statements if isinstance(s, System))
        references = (e for s in systems for e in s.elements if isinstance(e, Reference))
        named = tuple(n.text for r in references for n in r.names if n.text in SYMBOLS)
        return named or SYMBOLS

    @property
    def _last(self) -> str:
        return self.head[-1].terminal

    @cached_property
    def _accepted(self) -> frozenset[str]:
        return parser.may_follow(self.head)

    # ---- statements ----

    def _statements(self) -> Iterator[_Option]:
        """Verbs; of what may be said once only those that are missing."""
        statements = self._declared[0].statements
        present = {s.rule for s in statements if not s.span.start <= self._start <= s.span.end}
        for rule, statement in STATEMENTS.items():
            if not (statement.once and rule in present):
                yield _Option(rule, "statement", summary(statement))

    def _modules(self) -> Iterator[_Option]:
        if len(self.head) == 1:
            names = (f"{LIBRARY}.{name}" for name in library())
            yield from _options(names, "module", "a module of the library")
        else:
            yield from self._keywords()

    def _settable(self) -> Iterator[_Option]:
        if len(self.head) == 1:
            for name, definition in self._names.definitions.items():
                if definition.usual is not None:
                    yield self._definition(name, definition)
            yield from (
                _Option(e.outside, "setting", e.summary)
                for table in SETTINGS.values()
                for e in table.values()
            )
        elif self._last in ("NUMBER", "RSQB"):
            yield from self._units(None)
        else:
            yield from self._keywords()

    def _settings(self, verb: str) -> Iterator[_Option]:
        table = SETTINGS[verb]
        depth = sum((x.terminal == "LPAR") - (x.terminal == "RPAR") for x in self.head)
        if depth > 0:
            if self._last == "COMMA":
                yield from _options(Strength.shapes, "value", "shape of the ramp")
            return
        words = self.head[:-1] if self._last == "EQUAL" else self.head
        key = words[-1].text if words[-1].terminal == "NAME" else ""
        before = words[-2].text if len(words) > 1 else ""
        # A word behind a key that takes words is a value: `model mini`.
        takes_words = before in table and isinstance(table[before].kind, Choice | Words)
        if key in table and (self._last == "EQUAL" or not takes_words):
            yield from self._setting_values(verb, key)
            return
        if self._last == "EQUAL":
            return
        given = {x.text for x in self.head if x.terminal == "NAME"}
        yield from (
            _Option(key, "setting", entry.summary)
            for key, entry in table.items()
            if key not in given
        )

    def _setting_values(self, verb: str, key: str) -> Iterator[_Option]:
        entry = SETTINGS[verb][key]
        if isinstance(entry.kind, Choice):
            yield from _options(entry.kind.words, "value", entry.summary)
            return
        if isinstance(entry.kind, Words):
            for name, model in KNOWN_MODELS.items():
                yield _Option(name, "value", f"up to {model.max_atoms} atoms in the cell")
            return
        if isinstance(entry.kind, Strength):
            yield from _options(Strength.schedules, "value", "a schedule over diffusion time")
        for name, definition in self._names.definitions.items():
            if definition.places is None:
                yield self._definition(name, definition)

    # ---- expressions ----

    def _expression(self, verb: str) -> Iterator[_Option]:
        match self.call:
            case Called(what=DescriptorSignature() as signature) as call:
                yield from self._argument(call, signature)
                return
            case Called(what=Definition() as motif) as call:
                if self._last in ("LPAR", "COMMA"):
                    yield from self._places(call, motif)
                elif any(
                    p.name.text == call.parameter and p.default is not None
                    for p in motif.places or ()
                ):
                    yield from self._quantities() if self._last == "EQUAL" else self._units(None)
                    return
        if "LOSS" in (self._last, self._before if self._last == "EQUAL" else ""):
            yield from _options(get_args(ir.LossName), "value", "shape of the loss")
        elif self._last == "AS":
            said = [x.text for x in self.head[-3:-1]]  # ``as low`` of ``as low as``
            wished = len(said) == 2 and said[0] == "as" and said[1] in DIRECTIONS
            yield from _options(("possible",) if wished else DIRECTIONS, "value", "a wish")
        elif self._last in ("NUMBER", "RSQB"):
            yield from self._units(self._subject())
            yield from self._keywords()
        elif "NAME" in self._accepted and self._naming(verb):
            yield from self._values()
        elif self._accepted:
            yield from self._keywords()

    def _naming(self, verb: str) -> bool:
        """Whether a name here stands for something, and is no new one."""
        return verb not in DEFINING or any(x.terminal == "EQUAL" for x in self.head)

    @property
    def _before(self) -> str:
        return self.head[-2].terminal if len(self.head) > 1 else ""

    def _values(self) -> Iterator[_Option]:
        """Everything that has a value or a truth."""
        call, subject = self.call, self._subject()
        if (
            subject is not None
            and subject.dimension == "category"
            and self._last in ("EQUAL", "DOUBLE_EQUAL", "LBRACE", "COMMA")
        ):
            yield from _options(subject.categories, "value", subject.summary)
            return
        if call is not None and call.name not in FUNCTIONS:
            yield from self._species()  # a motif takes species, too
        if call is not None and call.name == "radius":
            yield from self._species()
            return
        yield from (
            _Option(n, "descriptor", s.summary, s.unit) for n, s in self._signatures.items()
        )
        yield from (_Option(n, "function", f.summary) for n, f in FUNCTIONS.items())
        yield from self._defined()
        yield from self._keywords()
        if (
            call is None
            and self._last in ("EQUAL", "LBRACE", "COMMA")
            and self.head[0].text in GROUPING
        ):
            yield from self._species()

    def _argument(self, call: Called, signature: DescriptorSignature) -> Iterator[_Option]:
        """Inside the brackets of a descriptor: first the chain, then the parameters."""
        parameter = self._parameter()
        if parameter is not None:
            if self._last == "NUMBER":
                if parameter.kind in DIMENSIONS:
                    dimension = DIMENSIONS[parameter.kind]
                    yield from _options(units_of(dimension), "unit", dimension.spoken)
                return
            if parameter.kind != "file":
                about = f"{parameter.name} of {signature.name}"
                yield from _options(parameter.choices, "value", about)
            if parameter.kind != "choice":
                yield from self._quantities()
        elif signature.species and call.number == 0:
            if self._last in ("LPAR", "HYPHEN", "LBRACE", "COMMA"):
                yield from self._species()
        elif self._last in ("LPAR", "COMMA"):
            for p in signature.parameters:
                if p.name not in call.given:
                    meaning = "must be given" if p.required else f"usually {p.default}"
                    yield _Option(
                        f"{p.name}=", "parameter", meaning, CANONICAL_UNIT.get(p.kind, "")
                    )

    def _places(self, call: Called, motif: Definition) -> Iterator[_Option]:
        """The parameters of a motif that need not be given, once the others have been."""
        places = motif.places or ()
        needed = sum(p.default is None for p in places)
        for place in places[call.number :] if call.number >= needed else ():
            if place.default is not None and place.name.text not in call.given:
                usually = " ".join(motif.names.source.slice(place.default.span).split())
                yield _Option(f"{place.name.text}=", "parameter", f"usually {usually}")

    def _species(self) -> Iterator[_Option]:
        elements = self._system
        of_system = "an element of the system" if elements is not SYMBOLS else ""
        yield from _options(elements, "element", of_system)
        yield _Option("*", "element", "any element of the system")
        yield from self._defined()

    def _defined(self) -> Iterator[_Option]:
        """Names of the program, and those of its modules."""
        written = self._source.text[self._start :]
        for name, definition in self._names.definitions.items():
            yield self._definition(name, definition)
        for module, imported in self._names.imports.items():
            yield _Option(module, "module", f"the module {imported.names.source.name}")
            prefix = f"{module}."
            if written.lower().startswith(prefix.lower()):
                for name, definition in imported.names.definitions.items():
                    yield self._definition(prefix + name, definition)
        arguments = (x.text for x in motif_parameters(self.head))
        yield from _options(arguments, "argument", "a parameter of this motif")

    def _quantities(self) -> Iterator[_Option]:
        yield from self._defined()
        yield _Option("radius", "function", FUNCTIONS["radius"].summary)
        yield _Option(calls.DEFAULT, "value", "as if it were not given")

    def _definition(self, name: str, definition: Definition) -> _Option:
        """A name of the program with the text that it stands for."""
        text = " ".join(definition.names.source.slice(definition.body.span).split())
        places = ""
        if definition.places is not None:
            places = f"({', '.join(p.name.text for p in definition.places)})"
        return _Option(name, definition.kind, f"{definition.name.text}{places} = {text}"[:100])

    def _keywords(self) -> Iterator[_Option]:
        yield from (
            _Option(word, "keyword", meaning)
            for word, meaning in KEYWORDS.items()
            if word.upper() in self._accepted
        )

    def _units(self, subject: DescriptorSignature | None) -> Iterator[_Option]:
        """Units of what is compared; all where that is not known."""
        if subject is not None and subject.dimension in DIMENSIONS:
            dimension = DIMENSIONS[subject.dimension]
            names: Sequence[str] = units_of(dimension) if subject.unit else ()
        else:
            names = tuple(dict.fromkeys(u.name for u in UNITS.values()))
        yield from (_Option(name, "unit", UNITS[name].dimension.spoken) for name in names)

    # ---- where the place is ----

    @cached_property
    def call(self) -> Called | None:
        """The innermost call whose bracket is open here."""
        opened = open_brackets(self.head)
        while opened and not (
            self.head[opened[-1]].terminal == "LPAR"
            and self.head[opened[-1] - 1].terminal == "NAME"
        ):
            opened.pop()
        if not opened:
            return None
        number, depth, parameter, given = 0, 0, "", set()
        for before, lexeme in itertools.pairwise(self.head[opened[-1] :]):
            depth += lexeme.nesting
            if depth == 0 and lexeme.terminal == "COMMA":
                number, parameter = number + 1, ""
            elif depth == 0 and lexeme.terminal == "EQUAL":
                parameter = before.text
                given.add(parameter)
        name = opened[-1] - 1
        dotted = name > 1 and self.head[name - 1].terminal == "DOT"
        module = self.head[name - 2].text if dotted else ""
        called = self.head[name].text
        what = self._called(module, called)
        return Called(called, what, number, parameter, frozenset(given))

    def _called(self, module: str, name: str) -> DescriptorSignature | Function | Definition | None:
        """What a name stands for, of the module before its dot if there is one; a definition goes
        before a word of the language.
        """
        if module:
            imported = self._names.imports.get(module)
            return imported.names.definitions.get(name) if imported else None
        defined = self._names.definitions.get(name)
        return defined or self._signatures.get(name) or FUNCTIONS.get(name)

    def _parameter(self) -> Parameter | None:
        """The parameter of a descriptor whose value the place is in."""
        call = self.call
        if call is None or not isinstance(call.what, DescriptorSignature):
            return None
        return next((p for p in call.what.parameters if p.name == call.parameter), None)

    def _subject(self) -> DescriptorSignature | None:
        """The descriptor that was named last: what a number or a word here is probably compared
        with.
        """
        for lexeme in reversed(self.head):
            if lexeme.terminal == "NAME" and lexeme.text in self._signatures:
                return self._signatures[lexeme.text]
        return None
