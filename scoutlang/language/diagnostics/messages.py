"""What the checker says, one function for each message, by code; `codes` has the pages of the
codes. What only one statement says stands in the file of that statement, what the parser says in
`syntax_errors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from scoutlang.ir import space_groups
from scoutlang.ir.units import Dimension
from scoutlang.language.diagnostics.suggest import closest, did_you_mean, listing, quoted


class Message(NamedTuple):
    """A message without its place."""

    code: str
    text: str
    """What is wrong."""
    label: str
    """What to say at the place."""
    replacement: str | None = None
    """For the place; it would repair the program."""
    help: str = ""
    also: str = "first here"
    """What to say at a second place, where there is one."""


def guessed(code: str, text: str, guess: str | None, otherwise: str) -> Message:
    """A message about a word that was perhaps meant to be another."""
    return Message(code, text, f"did you mean `{guess}`?" if guess else otherwise, guess)


# ---- E01x: how it is written ----


def double_equal() -> Message:
    return Message("E015", "`==` is written `=`", "write `=`", "=")


def no_hyphen(dash: str) -> Message:
    return Message("E016", f"{quoted(dash)} is not a hyphen", "write `-`", "-")


def not_finite() -> Message:
    return Message("E017", "this has no value", "it is not a finite number")


# ---- E02x: statements and settings ----


def statement_twice(rule: str) -> Message:
    return Message("E021", f"`{rule}` appears twice", "remove this one, or merge the two")


def label_twice(label: str) -> Message:
    return Message("E022", f"the label {quoted(label)} is used twice", "choose another")


REMOVED_SETTINGS = {
    "guide kernel": "removed: a blurred neighbour step made no more hits (benchmarks/RESULTS.md)",
    "guide existence": "removed: calling in what is missing made no more hits "
    "(benchmarks/RESULTS.md)",
}
"""Settings of earlier versions, and why they are gone."""


def unknown_setting(statement: str, key: str, guess: str | None, known: Iterable[str]) -> Message:
    text = f"`{statement}` has no setting `{key}`"
    if removed := REMOVED_SETTINGS.get(f"{statement} {key}"):
        return Message("E023", f"{text} any more", removed)
    return guessed("E023", text, guess, f"{statement} has {listing(known, 'and')}")


def wrong_setting(key: str, needs: str) -> Message:
    return Message("E024", f"`{key}` cannot be this", needs)


def given_twice(key: str) -> Message:
    return Message("E025", f"`{key}` is given twice", "remove this one")


# ---- E03x: names ----


def outside_system(symbol: str, similar: Iterable[str]) -> Message:
    meant = listing(similar)
    advice = "add it to the system" + (f", or did you mean {meant}?" if meant else "")
    return Message("E030", f"{symbol} is not in the system", advice, also="declared here")


def no_element(name: str, advice: str, guess: str | None) -> Message:
    return Message("E031", f"{quoted(name)} is not an element", advice, guess)


def unknown_descriptor(name: str, guess: str | None, otherwise: str) -> Message:
    return guessed("E032", f"unknown descriptor {quoted(name)}", guess, otherwise)


def unknown_name(name: str, guess: str | None, otherwise: str) -> Message:
    return guessed("E032", f"unknown name {quoted(name)}", guess, otherwise)


def nothing_in_brackets(name: str, example: str) -> Message:
    return Message("E033", f"`{name}` needs something in brackets", f"for example: {example}")


def one_argument(name: str, example: str) -> Message:
    return Message("E033", f"`{name}` takes one argument", f"for example: {example}")


def species_apart(right: str, call: str) -> Message:
    return Message("E033", "species are joined with a hyphen", f"write {call}", right)


def no_species(descriptor: str) -> Message:
    text = "it is a property of the whole cell"
    return Message("E033", f"{descriptor} takes no species", text)


def wrong_species(descriptor: str, number: int, call: str) -> Message:
    return Message("E033", f"{descriptor} takes {number} species", f"write {call}")


def no_ambient(parameter: str) -> Message:
    text = f"nothing in this claim has a `{parameter}`"
    return Message("E034", text, "it belongs to spacegroup and crystal_system")


def unnamed_parameter(right: str) -> Message:
    return Message("E034", "a parameter is given by its name", f"write `{right}`", right)


def no_parameter(descriptor: str, name: str, known: Iterable[str]) -> Message:
    has = listing(known, "and")
    otherwise = f"it has {has}" if has else "it has none"
    text = f"{descriptor} has no parameter {quoted(name)}"
    return Message("E034", text, did_you_mean(name, known) or otherwise)


def no_place(motif: str, name: str, known: Iterable[str], form: str) -> Message:
    text = f"`{motif}` has no parameter {quoted(name)}"
    return Message("E034", text, did_you_mean(name, known) or f"write `{form}`")


def parameter_needed(descriptor: str, name: str, wanted: str) -> Message:
    return Message("E034", f"{descriptor} needs `{name}`", wanted)


def named_twice(symbol: str) -> Message:
    return Message("E035", f"{symbol} is named twice", "remove this one")


def never_this_choice(parameter: str, word: str, guess: str | None, wanted: str) -> Message:
    return guessed("E036", f"{parameter} is never {quoted(word)}", guess, wanted)


def word_has_no_value(descriptor: str) -> Message:
    text = f"{descriptor} is a word and has no value to compute with"
    return Message("E036", text, "compare it: `= cubic`")


def word_has_no_range(descriptor: str) -> Message:
    text = f"{descriptor} is a word and has no range"
    return Message("E036", text, "write `in {…}` with its words")


def word_has_no_order(descriptor: str, word: str) -> Message:
    text = f"{descriptor} is a word and has no order"
    return Message("E036", text, f"write `= {word}` or `in {{…}}`")


def none_in_system(species: str, system: Iterable[str]) -> Message:
    text = f"no element of {quoted(species)} is in the system"
    return Message("E037", text, f"the system is {'-'.join(system)}")


def unknown_prefix(name: str, guess: str | None, imported: Iterable[str]) -> Message:
    known = listing((f"`{n}`" for n in imported), "and")
    otherwise = f"imported are {known}" if known else "nothing is imported under this name"
    return guessed("E039", f"unknown module {quoted(name)}", guess, otherwise)


def is_module(name: str, first: str | None) -> Message:
    text = f"write `{name}.{first}`, for example" if first else "it defines nothing"
    return Message("E039", f"`{name}` is a module", text)


def two_dots(right: str) -> Message:
    return Message("E039", "a name of a module has one dot", f"write `{right}`")


def no_member(module: str, name: str, guess: str | None, known: Iterable[str]) -> Message:
    text = f"{quoted(module)} has no {quoted(name)}"
    return guessed("E039", text, guess, f"it has {listing(known, 'and')}")


# ---- E04x: quantities ----


def unknown_unit(unit: str, guess: str | None, otherwise: str) -> Message:
    return guessed("E040", f"unknown unit {quoted(unit)}", guess, otherwise)


def unit_twice() -> Message:
    return Message("E041", "the unit is written twice", "remove this one")


def no_unit(what: str) -> Message:
    return Message("E041", f"{what} has no unit", "remove the unit", "")


def other_unit(
    unit: str, this: Dimension, what: str, wanted: Dimension, slip: str | None, use: str
) -> Message:
    text = f"{quoted(unit)} is {this.spoken}, {what} is {wanted.spoken}"
    return guessed("E041", text, slip, use)


def cannot_compare(text: str, this: Dimension, what: str, wanted: Dimension) -> Message:
    message = f"{quoted(text)} is {this.spoken}, {what} is {wanted.spoken}"
    return Message("E041", message, "these cannot be compared")


def different_kinds(result: str, this: Dimension, before: Dimension) -> Message:
    text = f"this is {this.spoken}, the one before {before.spoken}"
    message = f"quantities of different kinds have {result}"
    return Message("E041", message, text, also="the one before")


def other_kind(name: str, kind: Dimension, this: str, given: Dimension) -> Message:
    return Message("E041", f"{quoted(name)} is {kind.spoken}", f"{this} is {given.spoken}")


def backwards(right: str) -> Message:
    return Message("E042", "the range is backwards", f"write `{right}`", right)


def shorter_than_bonds(value: float, pair: str, radii: float, slip: str) -> Message:
    text = f"{value:.4g} Å is shorter than any {pair} bond"
    return Message("W043", text, f"radii sum {radii:.2f} Å{slip}")


def longer_than_bonds(value: float, pair: str, radii: float, unit: str) -> Message:
    text = f"{value:.4g} Å is longer than any {pair} bond"
    return Message("W043", text, f"radii sum {radii:.2f} Å; is `{unit}` the unit?")


def never_below(name: str, least: str, advice: str) -> Message:
    return Message("E044", f"{name} is never {least}", advice)


def never_above(name: str, most: str, advice: str) -> Message:
    return Message("E044", f"{name} is never above {most}", advice)


def out_of_range(parameter: str, descriptor: str, wanted: str) -> Message:
    return Message("E045", f"`{parameter}` of {descriptor} is out of range", wanted)


def not_positive(what: str) -> Message:
    return Message("E046", f"a {what} must be positive", "needs a number above 0")


def no_tolerance(operator: str) -> Message:
    return Message("E047", f"`{operator}` has no tolerance", "remove it, or move the bound")


def no_radius(symbol: str) -> Message:
    return Message("E048", f"{symbol} has no covalent radius here", "write a length")


def needs_tolerance() -> Message:
    help = "a product of measured values has none of its own"
    return Message("E049", "`=` needs a tolerance here", "write one: `± …`", help=help)


def not_in_a_set(advice: str) -> Message:
    return Message("E049", "this cannot be one of a set", advice)


# ---- E05x: meaning ----


def contradiction(reason: str) -> Message:
    return Message("E050", "these requirements cannot hold together", "", help=reason, also="")


def no_gradient(descriptor: str, verb: str, wishes: bool) -> Message:
    if wishes:
        label = "nothing can follow this wish; `expect` with a bound judges"
    else:
        label = "write `expect`, which judges without steering"
    text = f"{descriptor} has no gradient, so `{verb}` cannot use it"
    if descriptor in ("spacegroup", "crystal_system") and not wishes:
        label += "; `symmetry Fm-3m`, a statement of its own, is kept by the sampler"
    replacement = None if wishes else "expect"
    return Message("E051", text, label, replacement, also="this is judged after sampling")


def wish_cannot_judge(verb: str, followed: bool) -> Message:
    text = f"`{verb}` judges, and a wish is neither true nor false"
    label = "write `prefer`, or give a bound" if followed else "give a bound"
    return Message("E052", text, label, "prefer" if followed else None)


def wish_in_logic() -> Message:
    text = "it stands alone, after `prefer`"
    return Message("E052", "a wish is neither true nor false", text)


def no_wish(word: str, expected: Iterable[str]) -> Message:
    known = f"expected {listing(f'`{w}`' for w in expected)}"
    advice = did_you_mean(word, expected) or known
    help = "for example: as low as possible"
    return Message("E053", f"a wish has no {quoted(word)}", advice, help=help)


def misplaced(what: str, where: str, advice: str) -> Message:
    """``where``: ``where a quantity belongs``."""
    return Message("E057", f"{what} {where}", advice)


def neither_true_nor_false(relation: str) -> Message:
    text = f"needs a relation, such as {relation}"
    return Message("E057", "a quantity alone is neither true nor false", text)


def species_multiplied(text: str) -> Message:
    advice = "species are joined with a hyphen; a ratio of amounts is `count(Cu) / count(P)`"
    if text.replace(" ", "") == "V/N":
        advice = "the volume of an atom is `volume_per_atom`"
    return Message("E057", f"{quoted(text)} is no quantity", advice)


def species_added() -> Message:
    text = "several in one place stand in braces: `{P, Si}`"
    return Message("E057", "species are joined with a hyphen", text)


def radius_of_several(species: str) -> Message:
    return Message("E057", "a radius is of one element", f"{quoted(species)} has several")


def nothing_of_sites(word: str, further: str = "") -> Message:
    text = f"nothing here has a value for each site{further}"
    return Message("E058", f"`{word}` of what?", text)


def different_sites(this: str, before: str) -> Message:
    text = f"this is of {this}, the one before of {before}"
    return Message("E058", "values of different sites cannot meet", text, also="the one before")


def exponent() -> Message:
    text = "write a number without a unit"
    return Message("E059", "an exponent is a plain number", text)


def division_by_zero() -> Message:
    return Message("E059", "division by zero", "this is 0")


def measured_range() -> Message:
    text = "compare with `<` and `>` instead"
    return Message("E059", "the ends of a range are numbers", text)


def measured_parameter(name: str) -> Message:
    return Message("E059", f"`{name}` is a number", "nothing is measured here")


def measured_tolerance() -> Message:
    return Message("E059", "a tolerance is a number", "write a number")


def two_numbers() -> Message:
    text = "a claim is about something measured"
    return Message("E059", "two numbers are compared", text)


# ---- I06x, W06x: what has no effect ----


def ignores_cfg(model: str) -> Message:
    return Message(
        "I061", f"`{model}` ignores `cfg`", "it is not conditioned on the chemical system"
    )


def mean_of_several(claim: str) -> Message:
    text = f"the mean of all is compared; `each {claim}` asks every one"
    return Message("I062", "one of several values, of a mean", text)


def too_many_atoms(model: str, limit: int, least: int, most: int) -> Message:
    text = f"the model `{model}` makes cells of up to {limit} atoms"
    asked = f"this asks for {least} or more" if least > limit else f"none will have {most}"
    return Message("W062", text, asked)


def unknown_to_model(model: str, elements: Iterable[str]) -> Message:
    text = f"the model `{model}` was not trained on {listing(elements, 'and')}"
    return Message("W069", text, "the run will stop; choose another model or system")


def unknown_model(name: str, guess: str) -> Message:
    text = f"did you mean `{guess}`? Other names are checkpoint folders"
    return Message("W063", f"no model is known as {quoted(name)}", text)


def said_already() -> Message:
    help = "a larger `weight` says that a line matters more"
    return Message("W065", "this is said already", "it counts twice", help=help, also="here first")


# ---- E07x, W07x: definitions and files ----


def defined_twice(name: str) -> Message:
    return Message("E070", f"{quoted(name)} is defined twice", "choose another name")


def name_taken(name: str, taken: str) -> Message:
    return Message("E070", f"{quoted(name)} is {taken}", "choose another name")


def unused_import(name: str) -> Message:
    return Message("W070", f"`{name}` is imported and never used", "remove the import")


def unused(name: str, kind: str) -> Message:
    return Message("W070", f"{quoted(name)} is never used", f"remove this `{kind}`, or use it")


def circular(name: str) -> Message:
    text = "a definition cannot use its own name"
    return Message("E071", f"`{name}` is defined by itself", text)


def circular_imports(circle: str) -> Message:
    return Message("E072", "modules import each other in a circle", circle)


def too_many_modules(most: int) -> Message:
    return Message("E072", "too many modules", f"a program may import {most}")


def unknown_module(name: str, advice: str, meant: str | None) -> Message:
    return Message("E072", f"unknown module {quoted(name)}", advice, meant)


def not_in_library(name: str, guess: str | None, known: Iterable[str]) -> Message:
    text = f"the library has no {quoted(name)}"
    return guessed("E072", text, guess, f"there are {listing(known, 'and')}")


def no_scout_file(path: str) -> Message:
    return Message("E072", f"{quoted(path)} is no .scout file", "a module is a .scout file")


def module_has_errors(name: str, line: int, first: str) -> Message:
    help = f"scout check {name}"
    return Message("E072", f"{quoted(name)} has errors", f"line {line}: {first}", help=help)


def no_module(name: str, line: int, rule: str) -> Message:
    text = f"line {line} is `{rule}`; a module defines things with `let` and `motif`"
    return Message("E072", f"{quoted(name)} is no module", text)


def too_much(limit: str, what: str = "the definitions unfold") -> Message:
    return Message("E073", f"{what} to too much", f"more than {limit}")


def arguments_needed(name: str, form: str) -> Message:
    return Message("E074", f"`{name}` needs arguments", f"write `{form}`")


def no_arguments(name: str) -> Message:
    return Message("E074", f"`{name}` takes no arguments", f"write `{name}` alone")


def too_many_arguments(name: str, number: int, form: str) -> Message:
    return Message("E074", f"`{name}` takes {number} arguments", f"write `{form}`")


def argument_missing(name: str, place: str, form: str, chain: bool) -> Message:
    text = f"write `{form}`" + (", species one by one" if chain else "")
    return Message("E074", f"`{name}` needs {quoted(place)}", text)


def not_a_number(name: str) -> Message:
    text = "a `param` is a number with or without a unit; `let` takes anything"
    return Message("E075", f"{quoted(name)} is not a number", text)


def value_out_of_range(name: str, text: str) -> Message:
    message = f"the value of {quoted(name)} is out of its range"
    return Message("E075", message, text, also="its range")


def impossible_member(name: str, value: str, why: str) -> Message:
    return Message("E077", f"with {name} = {value} there is no program", why)


def wrong_suffix(path: str, suffixes: Iterable[str]) -> Message:
    text = f"{quoted(path)} is no {listing(suffixes)} file"
    return Message("E079", text, "the name says what a file holds")


def not_a_file(parameter: str, example: str) -> Message:
    text = f'write its path in quotes: "name{example}"'
    return Message("E079", f"`{parameter}` is a file", text)


# ---- files that a program names; the code says what for: a module E072, a text E079 ----


def in_no_folder(code: str) -> Message:
    text = "files are found beside the program; save it as a file first"
    return Message(code, "this program is in no folder", text)


def leaves_folder(code: str) -> Message:
    text = "name a file in that folder, or below it"
    return Message(code, "this path leaves the folder of the program", text)


def absolute_path(code: str, path: str) -> Message:
    text = f"write {quoted(path)}, so that program and file can be moved together"
    return Message(code, "this path begins at the root of the disk", text)


def no_such_file(code: str, path: str, near: str) -> Message:
    return Message(code, f"no such file: {quoted(path)}", near)


def file_too_large(code: str, path: str, megabytes: int) -> Message:
    return Message(code, f"{quoted(path)} is too large", f"at most {megabytes} MB are read")


def file_is_no_text(code: str, path: str) -> Message:
    return Message(
        code,
        f"{quoted(path)} is not text",
        "it must be text" if code == "E079" else "it must be UTF-8 text",
    )


def unreadable_file(code: str, path: str, reason: str) -> Message:
    return Message(code, f"{quoted(path)} cannot be read", reason)


def later_statement(rule: str, since: float, version: float) -> Message:
    text = f"`{rule}` came with scout {since:g}, and this file says scout {version:g}"
    return Message("E005", text, f"write `scout {since:g}` in the first line")


def no_space_group(text: str) -> Message:
    if text.isdigit():
        return Message(
            "E081", f"{quoted(text)} is no space group", "they have the numbers 1 to 230"
        )
    systems = space_groups.LAST_NUMBER
    guess = closest(space_groups.normalised(text), (*systems, *space_groups.symbols()))
    if guess and guess not in systems:
        guess = guess.capitalize()
    usual = "write its number, or its symbol without blanks, as `Fm-3m`"
    return Message(
        "E081",
        f"{quoted(text)} is no space group",
        f"did you mean `{guess}`?" if guess else usual,
    )
