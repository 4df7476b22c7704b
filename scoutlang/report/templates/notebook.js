"use strict";
// A structure, or the structures of a table, in the frame of a notebook.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = new View(data.elements, data.pairs);
  const buttons = [...document.querySelectorAll("[data-row]")];

  function select(number) {
    const row = data.rows[number];
    const crystal = data.structures[row.key];
    const facts = (fact) => row.facts.forEach(([name, text]) => fact(name, text));
    const shape = { name: "", crystal, cifs: data.cifs };
    if (crystal) view.show(row.key, row.title, [shape], "", facts);
    else view.empty(row.title, `No picture: ${row.missing}.`);
    for (const button of buttons) {
      const row = button.closest("tr");
      if (button.dataset.row === String(number)) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  for (const button of buttons) {
    button.addEventListener("click", () => select(Number(button.dataset.row)));
  }
  select(0);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.draw());
}
