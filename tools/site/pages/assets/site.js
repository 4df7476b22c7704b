// A table that is wider than the page scrolls in a box: by keyboard, too.
function reachable() {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap"))
    box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
