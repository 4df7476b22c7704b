"use strict";
// The box of one structure: its picture with the tools that turn it, its elements and bonds, and
// what is known of it.
class View {
  // elements: symbol, colour and radius; pairs: centre, neighbour, and the distance of a bond
  constructor(elements, pairs) {
    this.elements = elements;
    this.pairs = pairs;
    const description = (crystal, repeat) => this.description(crystal, repeat);
    this.viewer = new Viewer(this.element("canvas"), elements, description);
    const { viewer } = this;
    for (const button of document.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => viewer.along(button.dataset.view));
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => viewer.scaleBy(Number(button.dataset.zoom)));
    }
    const toggle = (id, change) => this.element(id).addEventListener("click", (event) => {
      const pressed = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(pressed));
      change(pressed);
    });
    toggle("supercell", (on) => { viewer.cells = on ? 2 : 1; });
    toggle("labels", (on) => { viewer.symbols = on; viewer.draw(); });
    toggle("polyhedra", (on) => { viewer.polyhedra = on; viewer.draw(); });
    this.element("cif").addEventListener("click", () => this.download());
  }

  element(id) {
    return document.getElementById(id);
  }

  draw() {
    this.viewer.draw();
  }

  // tell(fact): says what is known beside the cell; fact(name, text) adds a line and gives the
  // place of its text
  show(id, name, crystal, tell) {
    this.id = id;
    this.crystal = crystal;
    this.header(name, false);
    this.legend(crystal);
    const list = this.element("facts");
    list.replaceChildren();
    const fact = (what, text) => {
      add(list, "dt", what);
      return add(list, "dd", text);
    };
    this.cell(crystal.cell, fact);
    tell(fact);
    this.viewer.show(crystal);
  }

  empty(name, reason) {
    this.header(name, true);
    this.element("view-empty").textContent = reason;
  }

  header(name, empty) {
    this.element("view-name").textContent = name;
    this.element("view-body").hidden = empty;
    this.element("view-empty").hidden = !empty;
  }

  legend(crystal) {
    const count = counted(crystal.elements);
    const present = this.elements.filter((one) => count.has(one.symbol));
    this.element("legend").replaceChildren(...present.map((one) => {
      const item = document.createElement("li");
      const mark = drawn("svg", { width: 14, height: 14, "aria-hidden": "true" });
      const look = { fill: one.colour, stroke: "currentColor" };
      mark.append(drawn("circle", { cx: 7, cy: 7, r: 6, ...look }));
      item.append(mark, `${one.symbol} × ${count.get(one.symbol)}`);
      return item;
    }));
    const pairs = this.pairs.filter(([a, b]) => count.has(a) && count.has(b));
    const seen = new Map(pairs.map(([a, b, radius]) => [[a, b].sort().join("–"), radius]));
    const bonds = [...seen].map(([pair, radius]) => `${pair} within ${radius.toFixed(2)} Å`);
    const solids = [...centres(crystal)].map(([symbol, number]) => `${number} around ${symbol}`);
    this.element("bonds").textContent = !bonds.length
      ? "None of the pairs of the hypothesis is in this structure."
      : `Bonds: ${bonds.join(", ")}.${solids.length ? ` Polyhedra: ${solids.join(", ")}.` : ""}`;
    this.element("polyhedra").disabled = !solids.length;
  }

  cell(cell, fact) {
    const lengths = [0, 1, 2].map((k) => Math.hypot(...cell.slice(3 * k, 3 * k + 3)));
    const angles = [[1, 2], [0, 2], [0, 1]].map(([p, q]) => {
      const [u, v] = [p, q].map((k) => cell.slice(3 * k, 3 * k + 3));
      return (Math.acos(dot(u, v) / (lengths[p] * lengths[q])) * 180) / Math.PI;
    });
    fact("a, b, c", `${lengths.map((x) => x.toFixed(3)).join(", ")} Å`);
    fact("α, β, γ", `${angles.map((x) => x.toFixed(1)).join(", ")}°`);
  }

  description(crystal, repeat) {
    const counts = [...counted(crystal.elements)];
    const cell = counts.map(([symbol, count]) => `${count} ${symbol}`).join(", ");
    const drawn = `${crystal.bonds.length / 5} neighbours drawn`;
    const cells = repeat > 1 ? ", two cells along each axis" : "";
    return `Crystal structure ${this.id}: ${cell} in the cell, ${drawn}${cells}`;
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.crystal.cif], { type: "chemical/x-cif" }));
    link.download = `${this.id.replace(/[^\w.-]+/g, "_")}.cif`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

// Colours follow the choice on the page, else the system.
function whenColoursChange(recolour) {
  document.getElementById("theme").addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
    recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
}

// symbol → how many polyhedra are around atoms of it
const centres = ({ polyhedra, bonds, elements }) =>
  counted(polyhedra.map((faces) => elements[bonds[5 * faces[0][0]]]));

// symbol → how many there are, in the order in which they come
function counted(symbols) {
  const counts = new Map();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) || 0) + 1);
  return counts;
}

function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function add(parent, tag, text) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
