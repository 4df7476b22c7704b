"use strict";
// The box of one structure: its picture with the tools that turn it, its elements and bonds, and
// what is known of it. A structure may have several geometries: as sampled, and relaxed.
class View {
  // elements: symbol, colour and radius; pairs: centre, neighbour, and the distance of a bond
  constructor(elements, pairs) {
    this.elements = elements;
    this.pairs = pairs;
    this.comparing = false;
    const pose = new Pose();
    const viewer = (id, shape) => new Viewer(
      this.element(id), elements, (...shown) => this.description(shape(), ...shown), pose,
    );
    this.viewer = viewer("canvas", () => this.shape);
    this.before = viewer("canvas-before", () => this.shapes[0]);
    for (const button of document.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.viewer.along(button.dataset.view));
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => pose.scaleBy(Number(button.dataset.zoom)));
    }
    const toggle = (id, change) => this.element(id).addEventListener("click", (event) => {
      const pressed = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(pressed));
      for (const one of [this.viewer, this.before]) change(one, pressed);
      pose.draw();
    });
    toggle("supercell", (one, on) => { one.cells = on ? 2 : 1; });
    toggle("labels", (one, on) => { one.symbols = on; });
    toggle("polyhedra", (one, on) => { one.polyhedra = on; });
    this.element("cif").addEventListener("click", () => this.download());
  }

  element(id) {
    return document.getElementById(id);
  }

  draw() {
    this.viewer.pose.draw();
  }

  // shapes: the geometries, each {name, label, file, crystal, cifs}, the one as sampled first;
  // chosen: the name of the one to show; tell(fact): says what else is known, fact(name, text) adds
  // a line and gives the place of its text
  show(id, name, shapes, chosen, tell) {
    this.id = id;
    this.shapes = shapes;
    this.header(name, false);
    const list = this.element("facts");
    list.replaceChildren();
    const fact = (what, text) => entry(list, what, text);
    if (shapes.length === 1) {
      for (const [what, text] of measures(shapes[0].crystal)) fact(what, text);
    }
    tell(fact);
    this.choose(chosen);
  }

  // Shows the geometry of that name. A comparison needs a relaxed one.
  choose(name) {
    this.shape = this.shapes.find((shape) => shape.name === name) || this.shapes[0];
    const [first, second] = this.shapes;
    if (this.comparing && second && this.shape === first) this.shape = second;
    const compared = this.comparing && Boolean(second);
    this.element("before").hidden = this.element("canvas-label").hidden = !compared;
    this.element("before-label").textContent = first.label;
    this.element("canvas-label").textContent = this.shape.label;
    this.buttons();
    this.legend(this.shape.crystal);
    this.before.show(compared ? first.crystal : null);
    this.viewer.show(this.shape.crystal);
  }

  // One for each geometry, and one that compares; made anew where there are others than before.
  buttons() {
    const group = this.element("shapes");
    const names = this.shapes.map((shape) => shape.name);
    group.hidden = names.length < 2;
    if (group.hidden) return;
    if (group.dataset.names !== String(names)) {
      group.dataset.names = names;
      const made = (label, press) => {
        const button = add(group, "button", label);
        button.type = "button";
        button.addEventListener("click", press);
      };
      group.replaceChildren();
      for (const { name, label } of this.shapes) {
        made(label, () => {
          if (name === this.shapes[0].name) this.comparing = false;
          this.choose(name);
        });
      }
      made("compare", () => {
        this.comparing = !this.comparing;
        this.choose(this.shape.name);
      });
    }
    const pressed = [...this.shapes.map((shape) => shape === this.shape), this.comparing];
    [...group.children].forEach((button, k) => button.setAttribute("aria-pressed", pressed[k]));
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

  description(shape, crystal, repeat) {
    const counts = [...counted(crystal.elements)];
    const cell = counts.map(([symbol, count]) => `${count} ${symbol}`).join(", ");
    const drawn = `${crystal.bonds.length / 5} neighbours drawn`;
    const cells = repeat > 1 ? ", two cells along each axis" : "";
    const name = shape.label ? `${this.id}, ${shape.label}` : this.id;
    return `Crystal structure ${name}: ${cell} in the cell, ${drawn}${cells}`;
  }

  // The geometry that is shown; beside another one, the relaxed one.
  async download() {
    const { id, shape } = this;
    const name = [id, shape.file].filter(Boolean).join("-");
    const text = (await unpacked(shape.cifs))[id];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "chemical/x-cif" }));
    link.download = `${name.replace(/[^\w.-]+/g, "_")}.cif`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

// Of data that was compressed by gzip, in base64.
async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// What is said of a cell: names and texts.
function measures({ cell }) {
  const lengths = [0, 1, 2].map((k) => Math.hypot(...cell.slice(3 * k, 3 * k + 3)));
  const angles = [[1, 2], [0, 2], [0, 1]].map(([p, q]) => {
    const [u, v] = [p, q].map((k) => cell.slice(3 * k, 3 * k + 3));
    return (Math.acos(dot(u, v) / (lengths[p] * lengths[q])) * 180) / Math.PI;
  });
  return [
    ["a, b, c", `${lengths.map((x) => x.toFixed(3)).join(", ")} Å`],
    ["α, β, γ", `${angles.map((x) => x.toFixed(1)).join(", ")}°`],
  ];
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

// A line of a list of terms: gives the place of its text.
function entry(list, what, text) {
  add(list, "dt", what);
  return add(list, "dd", text);
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
