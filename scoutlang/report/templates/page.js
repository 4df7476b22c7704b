"use strict";
// Ties the parts together: whatever selects a structure, in a figure or in the table, shows it
// everywhere.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const rows = new Map([...data.rows, ...data.known].map((row) => [row[0], row]));
  const structures = new Map(Object.entries(data.structures));
  const view = new View(data.elements, data.pairs);
  const table = new Table(data.columns, data.rows, (id) => select(id));
  const figures = new Figures(data.figures, (id) => {
    select(id);
    const shown = document.querySelector(".view");
    const box = shown.getBoundingClientRect();
    if (box.bottom < 80 || box.top > innerHeight - 80) shown.scrollIntoView();
  });

  function select(id) {
    const crystal = structures.get(id), row = rows.get(id) || [id];
    const formula = row[table.at("formula")] || "";
    const name = formula ? `${formula} · ${id}` : id;
    const missing = data.undrawn[id] || row[table.at("reason")] || "there is no structure";
    if (crystal) view.show(id, name, crystal, (fact) => facts(row, fact));
    else view.empty(name, `No picture: ${missing}.`);
    element("said").textContent = `${formula} ${id} selected`;
    table.choose(id);
    figures.choose(id);
  }

  function facts(row, fact) {
    data.columns.forEach((column, k) => {
      if (k < 3 || row[k] === null || row[k] === undefined || row[k] === "") return;
      if (Array.isArray(row[k]) && row[k].every((part) => part === null)) return;
      fill(fact(column.name, ""), column.kind, row[k]);
    });
  }

  whenColoursChange(() => { view.draw(); figures.refresh(); });

  const PRINTED = 680; // pixels: 18 cm, the width of A4 between its margins
  // On paper everything is there, and in light colours.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    view.draw();
    figures.drawAll(PRINTED);
    for (const more of document.querySelectorAll(".funnel details")) more.open = true;
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.theme = element("theme").value;
    view.draw();
    figures.drawAll(null);
  });

  const start = data.rows.find((row) => structures.has(row[0])) || data.rows[0];
  if (start) select(start[0]);
  else {
    view.empty("–", "There is no structure yet.");
  }
}
