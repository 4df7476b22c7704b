"""`scout lsp` in Neovim, without a window."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import LONG, run

from scoutlang.interfaces import api
from scoutlang.language.reading import read_source

EDITORS = Path(__file__).parents[3] / "grammar" / "editors"
MODULE = "motif four(A, B) = each CN(A-B) = 4 # Å 🧪\n"
PROGRAM = 'import "parts.scout" as m ; system   Cu-P # 🧪\nlet Å = 1;requre CN(Cu-P) >= Å and m.four(Cu, P)\n'


@pytest.mark.skipif(shutil.which("nvim") is None, reason="needs Neovim")
@pytest.mark.skipif(importlib.util.find_spec("pygls") is None, reason="needs pygls")
def test_neovim_works_with_the_server(tmp_path: Path) -> None:
    """Messages, a quick fix, hover, definition, rename in two files, formatting, completion,
    colours.
    """
    program, result = tmp_path / "my program.scout", tmp_path / "result.json"
    program.write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "parts.scout").write_text(MODULE, encoding="utf-8")
    settings = [
        f"let g:scout_server = {json.dumps([sys.executable, '-m', 'scoutlang', 'lsp'])}",
        f"let g:scout_result = {json.dumps(str(result))}",
        f"let g:scout_patience = {LONG * 1000:.0f}",
        "set hidden noswapfile virtualedit=onemore",
        f"set runtimepath^={EDITORS / 'vim'}",
        "filetype plugin on",
        f"edit {str(program).replace(' ', chr(92) + ' ')}",
    ]
    script = tmp_path / "settings.vim"
    script.write_text("\n".join(settings) + "\n", encoding="utf-8")
    driven = f"luafile {Path(__file__).with_name('neovim.lua')}"
    run(
        ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-S", str(script), "-c", driven],
        cwd=tmp_path,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    said = json.loads(result.read_text(encoding="utf-8"))
    assert "problem" not in said, said["problem"]
    assert said["filetype"] == "scout"
    # bytes, of which Å is two
    assert said["before"] == [[1, 11, "unknown statement `requre`: did you mean `require`?"]]
    assert said["after"] == []
    assert "Coordination number" in said["hover"]
    assert said["definition"]["uri"] == (tmp_path / "parts.scout").as_uri()
    assert (
        said["renamed"] == PROGRAM.replace("requre", "require").replace("four", "vier").splitlines()
    )
    assert said["formatted"][-1] == "require CN(Cu-P) >= Å and m.vier(Cu, P)"
    assert said["completion"][:2] == ["Cu", "P"]
    assert said["tokens"] % 5 == 0
    assert said["tokens"] > 50
    assert (tmp_path / "parts.scout").read_text(encoding="utf-8") == MODULE.replace("four", "vier")
    assert api.check_source(read_source(program)).ok
