"""One structure on a page of its own: it is drawn, it can be turned, and nothing breaks out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from crystals_by_hand import rock_salt
from hostile_salts import HOSTILE, TEXT, checked

from scoutlang.report.structure_page import write_structure_page

_PICTURE = "document.getElementById('canvas').toDataURL()"
_EMPTY = """() => {
  const {width, height} = document.getElementById("canvas");
  return Object.assign(document.createElement("canvas"), {width, height}).toDataURL();
}"""


def test_it_is_drawn_and_turns(tmp_path: Path, opened: Callable[[str], Any]) -> None:
    file = write_structure_page(
        tmp_path / "structure-3.html",
        f"NaCl {HOSTILE}",
        rock_salt(),
        checked(TEXT),
        {HOSTILE: f"1.000 {HOSTILE}"},
    )
    page = opened(file.read_text(encoding="utf-8"))
    assert page.inner_text("h1") == " ".join(f"NaCl {HOSTILE}".split())
    assert page.inner_text("#view-name") == "NaCl"
    assert "1.000" in page.inner_text("#facts")
    seen = [page.evaluate(_EMPTY), page.evaluate(_PICTURE)]
    for press in ("ArrowLeft", "a", "+"):
        page.press("#canvas", press)
        seen.append(page.evaluate(_PICTURE))
    page.click("#labels")
    seen.append(page.evaluate(_PICTURE))
    page.select_option("#theme", "dark")
    seen.append(page.evaluate(_PICTURE))
    assert len(set(seen)) == len(seen)
    with page.expect_download() as download:
        page.click("#cif")
    assert download.value.suggested_filename == "structure-3.cif"
    assert "_cell_length_a" in Path(download.value.path()).read_text(encoding="utf-8")
