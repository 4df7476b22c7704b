"""Guesses: misspellings as people make them, for each kind of word that messages guess."""

from __future__ import annotations

import pytest

from scoutlang.ir.elements import SYMBOLS
from scoutlang.language.diagnostics.suggest import closest, did_you_mean, listing, quoted

STATEMENTS = "scout import param let motif system atoms formula require prefer expect guide sample sweep".split()
WORDS = "each any fraction min max std mean sum and or not implies weight loss in as low high possible".split()
DESCRIPTORS = """
CN distance min_distance angle volume_per_atom density a b c alpha beta gamma packing_fraction q e_above_hull energy_per_atom
spacegroup crystal_system dimensionality novel unique count ratio sharing similarity oxidation_balance xrd_match
coordination_shape
""".split()
GUIDE = "method k g from to every recur backward normalize cap sharpness types move strain".split()
SAMPLE = "count batch steps seed model cfg".split()
LOSSES = "l1 l2 huber hinge".split()
SHAPES = "linear cosine piecewise".split()
UNITS = "Å A Ang nm pm ° deg rad Å^3 g/cm^3 eV/atom meV/atom GPa eV".split()
COMMANDS = "check compile diff doc explain fmt measure run train".split()

# What was written > what was meant; - : nothing is near.
TYPOS = [
    (STATEMENTS, """
requre>require reqiure>require requier>require required>require requires>require rqeuire>require sytem>system systm>system
ssytem>system sistem>system atom>atoms aotms>atoms formla>formula fromula>formula forumla>formula perfer>prefer prefr>prefer
prefere>prefer exepct>expect expet>expect excpect>expect giude>guide guied>guide guid>guide smaple>sample sampel>sample
samples>sample sampling>sample sweap>sweep seewp>sweep parm>param parameter>param params>param imoprt>import improt>import
mottif>motif moitf>motif scuot>scout lte>let banana>- temperature>- hello>- relax>- the>- if>- optimise>- print>- constraint>-
bond>-
"""),
    (DESCRIPTORS, """
distnace>distance dsitance>distance ditsance>distance distence>distance min_distnace>min_distance mindistance>min_distance
minimum_distance>min_distance min_dist>min_distance agnle>angle angel>angle angles>angle volume>volume_per_atom
vol_per_atom>volume_per_atom volume_per_atoms>volume_per_atom volumeperatom>volume_per_atom volume_pre_atom>volume_per_atom
denisty>density desnity>density packing>packing_fraction packing_fracton>packing_fraction packingfraction>packing_fraction
space_group>spacegroup spacegorup>spacegroup spcegroup>spacegroup sapcegroup>spacegroup cn>CN Cn>CN NC>CN energy>energy_per_atom
energy_above_hull>e_above_hull e_hull>e_above_hull e_above_hul>e_above_hull apha>alpha gama>gamma bta>beta unqiue>unique
novle>novel crystalsystem>crystal_system dimensionalty>dimensionality similartiy>similarity coutn>count banana>- bandgap>-
magnetisation>- hardness>- temperature>- x>- foo>-
"""),
    (GUIDE, """
metod>method mehtod>method evry>every eveyr>every recurr>recur recru>recur bacward>backward backwards>backward bakcward>backward
normalise>normalize normlize>normalize nomralize>normalize sharpnes>sharpness shrapness>sharpness form>from fro>from
straing>strain starin>strain type>types tpyes>types mvoe>move K>k banana>- lr>- temperature>- learning>- seed>-
"""),
    (SAMPLE, """
bacth>batch batchs>batch setps>steps step>steps sede>seed sed>seed modle>model models>model coutn>count cound>count cgf>cfg
CFG>cfg number>- k>- temperature>-
"""),
    (LOSSES, """
hubber>huber hubr>huber hinje>hinge hnige>hinge L1>l1 mse>- banana>-
"""),
    (SHAPES, """
lienar>linear cosin>cosine cos>cosine piecwise>piecewise cosien>cosine step>- exp>-
"""),
    (WORDS, """
wieght>weight weigth>weight weigt>weight los>loss lsos>loss possble>possible posible>possible hihg>high hgih>high lwo>low
eahc>each fractoin>fraction fracton>fraction implys>implies banana>- temperature>-
"""),
    (UNITS, """
ang>Ang degr>deg degrees>deg gcm^3>g/cm^3 g/cm3>g/cm^3 eV/atoms>eV/atom ev/atom>eV/atom mev/atom>meV/atom Gpa>GPa kcal>- K>-
bananas>-
"""),
    (SYMBOLS, """
Cuu>Cu Sii>Si Uc>Cu iS>Si Zz>- Xx>- Q>- Cux>Cu Fee>Fe Tii>Ti
"""),
    (COMMANDS, """
chek>check chekc>check cehck>check chcek>check complie>compile compil>compile explian>explain exlpain>explain mesure>measure
measrue>measure meausre>measure rnu>run runn>run tain>train trian>train dif>diff format>fmt help>- banana>-
"""),
]  # fmt: skip


def pairs(written: str) -> list[tuple[str, str]]:
    return [(word, meant) for word, _, meant in (pair.rpartition(">") for pair in written.split())]


@pytest.mark.parametrize(("candidates", "written"), TYPOS, ids=[t[1].split()[0] for t in TYPOS])
def test_what_was_meant(candidates: list[str], written: str) -> None:
    guesses = [(word, closest(word, candidates) or "-") for word, _ in pairs(written)]
    assert guesses == pairs(written)


def test_case_beginnings_and_endless_words() -> None:
    assert closest("requre", ["require", "prefer"]) == "require"
    assert closest("cn", ["CN", "distance"]) == "CN"
    assert closest("volume", ["volume_per_atom", "CN"]) == "volume_per_atom"
    assert closest("banana", ["require", "prefer"]) is None
    assert closest("x" * 100_000, ["require"]) is None


def test_the_question() -> None:
    assert did_you_mean("requre", STATEMENTS) == "did you mean `require`?"
    assert did_you_mean("banana", STATEMENTS) == ""


def test_words_in_messages() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b or c"
    assert listing([]) == ""
    assert quoted("x" * 100) == "`" + "x" * 39 + "…`"
    assert quoted("a\x1bb") == "`a\N{REPLACEMENT CHARACTER}b`"


def test_letters_that_only_look_latin_are_named() -> None:
    assert closest("\N{CYRILLIC CAPITAL LETTER ES}N", ["CN", "distance"]) == "CN"
    assert quoted("\N{CYRILLIC CAPITAL LETTER ES}N").endswith(
        "` (its \N{CYRILLIC CAPITAL LETTER ES} is Cyrillic)"
    )
    assert quoted("\N{GREEK CAPITAL LETTER RHO}b").endswith("is Greek)")
    for other in ("CN", "µ", "объём", "α"):
        assert quoted(other) == f"`{other}`"
