"""What is proposed for a file that is not there."""

from pathlib import Path

import scoutlang


def test_a_folder_is_not_proposed_for_itself(tmp_path: Path) -> None:
    (tmp_path / "host.cif").mkdir()
    program = tmp_path / "host.scout"
    program.write_text('system Cu-P\nkeep "host.cif"\n', encoding="utf-8")
    said = str(scoutlang.check(program))
    assert "no such file: `host.cif`" in said
    assert "did you mean `host.cif`" not in said
