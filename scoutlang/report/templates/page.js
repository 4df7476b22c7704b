"use strict";
// Ties the parts together: whatever selects a structure, in a figure or in the table, shows it
// everywhere.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const sampled = new Set(data.rows.map((row) => row[0]));
  const rows = new Map([...data.rows, ...data.known].map((row) => [row[0], row]));
  const geometries = data.geometries; // as sampled first
  const view = new View(data.elements, data.pairs);
  const found = new Found(data.columns, geometries);
  const table = new Table(data.columns, data.rows, geometries, (id) => select(id));
  const figures = new Figures(data.figures, selectInSight);
  const best = (id) => shapes(id).find((shape) => shape.name === data.candidates[id]);
  const gallery = new Gallery(data.elements, (id) => best(id)?.crystal, selectInSight);

  // The pictures of a structure, one for each of its geometries.
  function shapes(id) {
    const several = geometries.length > 1 && sampled.has(id);
    return geometries.flatMap(({ name, label }, k) => {
      const { structures, cifs } = k ? data.relaxed[name] : data;
      const file = k ? `relaxed-${name}` : "as-sampled";
      const said = several ? { name, label, file } : { name, label: "", file: "" };
      return structures[id] ? [{ ...said, crystal: structures[id], cifs }] : [];
    });
  }

  function select(id) {
    const crystals = shapes(id), row = rows.get(id) || [id];
    const formula = row[table.at("formula")] || "";
    const name = formula ? `${formula} · ${id}` : id;
    const missing = data.undrawn[id] || row[table.at("reason")] || "there is no structure";
    if (crystals.length) {
      view.show(id, name, crystals, data.candidates[id], (fact) => facts(row, fact));
      found.show(sampled.has(id) ? row : null, crystals);
    } else view.empty(name, `No picture: ${missing}.`);
    element("said").textContent = `${formula} ${id} selected`;
    table.choose(id);
    figures.choose(id);
    gallery.choose(id);
  }

  function selectInSight(id) {
    select(id);
    const shown = document.querySelector(".view");
    const box = shown.getBoundingClientRect();
    if (box.bottom < 80 || box.top > innerHeight - 80) shown.scrollIntoView();
  }

  // What is true in every geometry, and of a run that has only one, all.
  function facts(row, fact) {
    data.columns.forEach((column, k) => {
      if (k < 3 || isEmpty(row[k])) return;
      const alone = !column.geometry || !sampled.has(row[0]);
      if (alone) fill(fact(column.name, ""), column.kind, row[k]);
    });
  }

  whenColoursChange(() => { view.draw(); gallery.refresh(); figures.refresh(); });

  const PRINTED = 680; // pixels: 18 cm, the width of A4 between its margins
  // On paper everything is there, and in light colours.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    view.draw();
    gallery.drawAll();
    figures.drawAll(PRINTED);
    for (const more of document.querySelectorAll(".funnel details")) more.open = true;
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.theme = element("theme").value;
    view.draw();
    gallery.refresh();
    figures.drawAll(null);
  });

  // The best candidate stands first.
  const start = data.rows.find((row) => shapes(row[0]).length) || data.rows[0];
  if (start) select(start[0]);
  else {
    view.empty("–", "There is no structure yet.");
  }
}
