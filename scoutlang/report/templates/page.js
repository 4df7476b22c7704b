"use strict";
// Ties the parts together: whatever selects a structure, in a figure or in the table, shows it everywhere.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const rows = new Map([...data.rows, ...data.known].map((row) => [row[0], row]));
  const structures = new Map(Object.entries(data.structures));
  const viewer = new Viewer(element("canvas"), data.elements, description);
  let chosen = null;
  const table = new Table(data.columns, data.rows, (id) => select(id));
  const figures = new Figures(data.figures, (id) => {
    select(id);
    const box = document.querySelector(".view").getBoundingClientRect();
    if (box.bottom < 80 || box.top > innerHeight - 80) document.querySelector(".view").scrollIntoView();
  });

  function select(id) {
    chosen = id;
    const crystal = structures.get(id), row = rows.get(id);
    const formula = row ? row[table.at("formula")] : "";
    element("view-name").textContent = formula ? `${formula} · ${id}` : id;
    element("view-body").hidden = !crystal;
    element("view-empty").hidden = Boolean(crystal);
    if (crystal) {
      legend(crystal);
      facts(row || [id], crystal);
      viewer.show(crystal);
    } else {
      element("view-empty").textContent = `No picture: ${data.undrawn[id] || (row && row[table.at("reason")]) || "there is no structure"}.`;
    }
    element("said").textContent = `${formula} ${id} selected`;
    table.choose(id);
    figures.choose(id);
  }

  function legend(crystal) {
    const present = data.elements.filter((one) => crystal.elements.includes(one.symbol));
    element("legend").replaceChildren(...present.map((one) => {
      const item = document.createElement("li");
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      for (const [name, value] of [["width", 14], ["height", 14], ["aria-hidden", "true"]]) mark.setAttribute(name, value);
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of [["cx", 7], ["cy", 7], ["r", 6], ["fill", one.colour], ["stroke", "currentColor"]]) dot.setAttribute(name, value);
      mark.append(dot);
      item.append(mark, `${one.symbol} × ${crystal.elements.filter((symbol) => symbol === one.symbol).length}`);
      return item;
    }));
    const pairs = data.pairs.filter(([a, b]) => crystal.elements.includes(a) && crystal.elements.includes(b));
    const seen = new Map(pairs.map(([a, b, radius]) => [[a, b].sort().join("–"), radius]));
    element("bonds").textContent = seen.size ? `Bonds: ${[...seen].map(([pair, radius]) => `${pair} within ${radius.toFixed(2)} Å`).join(", ")}.`
      : "None of the pairs of the hypothesis is in this structure.";
  }

  function facts(row, crystal) {
    const list = element("facts");
    list.replaceChildren();
    const show = (name, value) => {
      add(list, "dt", name);
      return add(list, "dd", value);
    };
    const lengths = [0, 1, 2].map((k) => Math.hypot(...crystal.cell.slice(3 * k, 3 * k + 3)));
    const angles = [[1, 2], [0, 2], [0, 1]].map(([p, q]) => {
      const [u, v] = [p, q].map((k) => crystal.cell.slice(3 * k, 3 * k + 3));
      return (Math.acos(dot(u, v) / (lengths[p] * lengths[q])) * 180) / Math.PI;
    });
    show("a, b, c", `${lengths.map((x) => x.toFixed(3)).join(", ")} Å`);
    show("α, β, γ", `${angles.map((x) => x.toFixed(1)).join(", ")}°`);
    data.columns.forEach((column, k) => {
      if (k < 3 || row[k] === null || row[k] === undefined || row[k] === "") return;
      if (Array.isArray(row[k]) && row[k].every((part) => part === null)) return;
      fill(show(column.name, ""), column.kind, row[k]);
    });
  }

  function description(crystal, repeat) {
    const counts = new Map();
    for (const symbol of crystal.elements) counts.set(symbol, (counts.get(symbol) || 0) + 1);
    const cell = [...counts].map(([symbol, count]) => `${count} ${symbol}`).join(", ");
    return `Crystal structure ${chosen}: ${cell} in the cell, ${crystal.bonds.length / 5} neighbours drawn${repeat > 1 ? ", two cells along each axis" : ""}`;
  }

  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => viewer.along(button.dataset.view));
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => viewer.scaleBy(Number(button.dataset.zoom)));
  const toggle = (id, change) => element(id).addEventListener("click", (event) => {
    const pressed = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(pressed));
    change(pressed);
  });
  toggle("supercell", (on) => { viewer.cells = on ? 2 : 1; });
  toggle("labels", (on) => { viewer.symbols = on; viewer.draw(); });
  element("cif").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([structures.get(chosen).cif], { type: "chemical/x-cif" }));
    link.download = `${chosen.replace(/[^\w.-]+/g, "_")}.cif`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  const recolour = () => { viewer.draw(); figures.refresh(); };
  element("theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
    recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

  const PRINTED = 680; // pixels: 18 cm, the width of A4 between its margins
  // On paper everything is there, and in light colours.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    viewer.draw();
    figures.drawAll(PRINTED);
  });
  addEventListener("afterprint", () => {
    document.documentElement.dataset.theme = element("theme").value;
    viewer.draw();
    figures.drawAll(null);
  });

  const start = data.rows.find((row) => structures.has(row[0])) || data.rows[0];
  if (start) select(start[0]);
  else {
    element("view-empty").hidden = false;
    element("view-empty").textContent = "There is no structure yet.";
  }
}
