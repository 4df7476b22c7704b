"""A session without a terminal: statements, commands, and what each is answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from talking import talk

from scoutlang.interfaces import api
from scoutlang.interfaces.repl.commands import COMMANDS
from scoutlang.interfaces.repl.interpreter import feed
from scoutlang.interfaces.repl.session import Session

ROOT = Path(__file__).parents[3]


def refused(session: Session, text: str, code: str) -> str:
    before = session.standing
    reply = feed(session, text)
    assert not reply.ok
    assert f"error[{code}]" in reply.text, reply.text
    assert session.standing == before
    return reply.text


# -- statements --


def test_statements_build_the_program_of_a_file(session: Session) -> None:
    lines = ["system Cu-Si-P-Ca", "atoms <= 20", "require pair: CN(Cu-Cu) = 1", "guide k=0.8"]
    said = talk(session, *lines)
    assert said == ["", "", "  require  pair: CN(Cu-Cu) = 1 ± <0.5, mean over Cu sites", ""]
    program = api.check("\n".join(lines)).program
    assert program is not None
    assert session.program is not None
    assert session.program.digest() == program.digest()


def test_an_error_has_its_caret_and_the_statement_is_not_taken(session: Session) -> None:
    talk(session, "system Cu-P")
    said = refused(session, "require CN(Cu-S) = 4", "E030")
    assert "  2 | require CN(Cu-S) = 4\n    |               ^ add it to the system" in said
    assert feed(session, ":show").text == "system Cu-P"


def test_one_bad_statement_of_an_input_stops_all_of_it(session: Session) -> None:
    refused(session, "system Cu-P; requre CN(Cu-P) = 4", "E012")
    assert session.program is None


def test_statements_may_come_before_the_system(session: Session) -> None:
    assert talk(session, "require CN(Cu-P) = 4", "system Cu-P") == [
        "",
        "  require  CN(Cu-P) = 4 ± <0.5, mean over Cu sites",
    ]
    refused(session, "system Fe-O", "E030")


def test_what_may_be_there_once_is_replaced_in_its_place(session: Session) -> None:
    talk(session, "system Cu-P", "require a: CN(Cu-P) = 4  # four", "guide k=0.8")
    assert talk(session, "guide k=0.2") == ["  replaces guide k=0.8"]
    assert talk(session, "require a: CN(Cu-P) = 3")[0].startswith(
        "  replaces require a: CN(Cu-P) = 4\n  require  a: CN(Cu-P) = 3 ± <0.5"
    )
    assert feed(session, ":show").text == "system Cu-P\nrequire a: CN(Cu-P) = 3\nguide k=0.2"


def test_a_name_given_twice_in_one_input_is_a_slip(session: Session) -> None:
    refused(session, "system Cu-P; require a: CN(Cu-P) = 4; require a: CN(Cu-Cu) = 1", "E022")


def test_a_param_may_wait_for_its_use(session: Session) -> None:
    assert talk(session, "system Cu-P", "param rc = 2.6 Å") == ["", ""]
    assert "distance(Cu-P) < 2.6 Å" in feed(session, "require max(distance(Cu-P)) < rc").text
    assert (
        "W043" in feed(session, "require max(distance(Cu-P)) < 0.26 Å").text
        or session.program is not None
    )


def test_an_unfinished_input_is_not_looked_at(session: Session) -> None:
    reply = feed(session, "require CN(Cu-P")
    assert (reply.unfinished, reply.text, session.inputs) == (True, "", [])


def test_many_lines_and_their_comments(session: Session) -> None:
    text = (ROOT / "examples" / "copper_pairs.scout").read_text(encoding="utf-8")
    assert feed(session, text).ok
    assert feed(session, ":show").text == text.rstrip("\n")
    assert feed(session, text).text.startswith("  replaces system Cu-Si-P-Ca")


def test_ten_thousand_lines_at_once(session: Session) -> None:
    lines = ["system Cu-P"]
    for i in range(1_000):
        lines += [
            *[f"# {i}"] * 6,
            f"require t{i}: (CN(Cu-P) > {i / 1_000}",
            "    and CN(Cu-Cu) < 9",
            ")",
            "",
        ]
    reply = feed(session, "\n".join(lines))
    assert reply.ok
    assert reply.text.endswith("  and 980 more")
    assert session.program is not None
    assert len(session.program.terms) == 1_000


# -- commands --


def test_undo_and_redo(session: Session) -> None:
    talk(session, "system Cu-P", "require CN(Cu-P) = 4")
    assert talk(session, ":undo", ":redo", ":undo", ":undo") == [
        "system Cu-P",
        "system Cu-P\nrequire CN(Cu-P) = 4",
        "system Cu-P",
        "nothing stands yet; begin with the elements: system Cu-P",
    ]
    assert not feed(session, ":undo").ok
    talk(session, "system Fe-O")
    assert not feed(session, ":redo").ok


def test_drop_by_label_and_by_verb(session: Session) -> None:
    talk(
        session, "system Cu-P", "require CN(Cu-P) = 4", "require pair: CN(Cu-Cu) = 1", "guide k=0.8"
    )
    assert talk(session, ":drop CN(Cu-P)", ":drop pair", ":drop guide") == [
        "  dropped require CN(Cu-P) = 4",
        "  dropped require pair: CN(Cu-Cu) = 1",
        "  dropped guide k=0.8",
    ]
    refused(session, ":drop pair", "E702")


def test_save_never_writes_over_a_file_unasked(session: Session, tmp_path: Path) -> None:
    refused(session, ":save x.scout", "E703")
    talk(session, "system Cu-P;require CN( Cu-P )=4")
    refused(session, ":save pairs.txt", "E702")
    assert feed(session, ":save pairs.scout").text == "saved in pairs.scout"
    assert (tmp_path / "pairs.scout").read_text(
        encoding="utf-8"
    ) == "system Cu-P\nrequire CN(Cu-P) = 4\n"
    talk(session, "guide k=0.3")
    refused(session, ":save pairs.scout", "E704")
    assert "k=0.3" not in (tmp_path / "pairs.scout").read_text(encoding="utf-8")
    assert feed(session, ":save! pairs.scout").ok
    assert "k=0.3" in (tmp_path / "pairs.scout").read_text(encoding="utf-8")
    refused(session, ":save nowhere/pairs.scout", "E704")


def test_load_takes_the_place_of_what_stands_and_can_be_undone(session: Session) -> None:
    talk(session, "system Fe-O")
    assert (
        "pair: CN(Cu-Cu) = 1"
        in feed(session, f":load {ROOT / 'examples' / 'copper_pairs.scout'}").text
    )
    assert session.program is not None
    assert session.program.system == ("Cu", "Si", "P", "Ca")
    assert feed(session, ":undo").text == "system Fe-O"
    refused(session, ":load nothing.scout", "E001")


def test_a_file_with_errors_is_not_loaded(session: Session, tmp_path: Path) -> None:
    (tmp_path / "bad one.scout").write_text("system Cu-P\nrequire CN(Cu-S) = 4\n", encoding="utf-8")
    said = refused(session, ':load "bad one.scout"', "E030")
    assert "bad one.scout: 1 error" in said


def test_values_from_outside(session: Session) -> None:
    talk(session, "system Cu-P", "guide k=0.8", ":set k=0.4")
    assert session.program is not None
    assert session.program.guide.k.start == 0.4
    assert feed(session, ":set").text == "k = 0.4"
    refused(session, ":set nothing=1", "E076")
    assert "scout run x.scout --set k=0.4" in feed(session, ":save x.scout").text
    talk(session, ":set k=")
    assert session.program.guide.k.start == 0.8


def test_measure_says_what_the_command_says(session: Session) -> None:
    refused(session, ":measure x.cif", "E703")
    talk(session, "system Cu-P", "require CN(Cu-P) = 4")
    cif = ROOT / "examples" / "structures" / "CuP2.cif"
    reply = feed(session, f":measure {cif} nothing.cif")
    assert "CuP2.cif: HIT" in reply.text
    assert re.search(r"error\[E2\d\d\]: nothing.cif", reply.text)
    assert not reply.ok


def test_measure_fits_the_terminal(session: Session) -> None:
    talk(
        session,
        "system Cu-P",
        "require apart: min_distance(Cu-P) > 2.1 Å and min_distance(Cu-Cu) > 2.3 Å"
        " and min_distance(P-P) > 2 Å",
    )
    [said] = talk(session, f":measure {ROOT / 'examples' / 'structures' / 'CuP2.cif'}")
    assert max(map(len, said.splitlines())) <= session.host.width


def test_pages(session: Session) -> None:
    assert feed(session, ":explain E030").text.startswith("E030: the element is not in the system")
    assert feed(session, ":doc CN").text.startswith("CN(A-B, r=…, r_min=…)")
    reply = feed(session, ":explain E999")
    assert not reply.ok
    assert "no code `E999`" in reply.text


def test_a_command_that_is_none(session: Session) -> None:
    assert "did you mean `:save`?" in refused(session, ":sav x", "E701")
    refused(session, ":", "E701")
    refused(session, ":ünïcödé", "E701")
    assert "it is called :load FILE.scout" in refused(session, ":load", "E702")
    refused(session, ':load "half', "E702")
    refused(session, ":sample many", "E703")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "quit"])
def test_every_command_answers_in_an_empty_session(session: Session, name: str) -> None:
    for line in (f":{name}", f":{name} x", f":{name} ))) ⚛ \x00"):
        reply = feed(session, line)
        assert not reply.quit
        assert reply.text or reply.ok


def test_nothing_to_look_at_before_a_sample(session: Session) -> None:
    for line in (":hits", ":view 1", ":plot a", ":report"):
        refused(session, line, "E703")


def test_help_is_the_table(session: Session) -> None:
    said = feed(session, ":help").text
    assert [line.split()[0] for line in said.splitlines()[1:] if line.startswith(":")] == [
        f":{name}" for name in COMMANDS
    ]
    assert all(len(line) <= 100 for line in said.splitlines())
    assert feed(session, ":help :sample").text.startswith(":sample [N]")


def test_history_is_what_replay_takes(session: Session, tmp_path: Path) -> None:
    talk(session, "system Cu-P", "require (CN(Cu-P) = 4\n  and CN(Cu-Cu) = 1)", ":show")
    assert (
        feed(session, ":history").text
        == "system Cu-P\nrequire (CN(Cu-P) = 4\n  and CN(Cu-Cu) = 1)\n:show"
    )
    assert "4 inputs in s.txt" in feed(session, ":history s.txt").text
    refused(session, ":history s.txt", "E704")
    assert (tmp_path / "s.txt").read_text(encoding="utf-8").startswith("system Cu-P\nrequire (CN")


def test_quit_ends_an_input(session: Session) -> None:
    assert feed(session, "system Cu-P\n:quit\nsystem Fe-O").quit
    assert session.program is not None
    assert session.program.system == ("Cu", "P")
