"use strict";
// The table of all structures: sorted, filtered and shown a page at a time. Text enters as text,
// never as markup.
const ROWS_ON_A_PAGE = 25;

class Table {
  // geometries: {name, label}, the one as sampled first
  constructor(columns, rows, geometries, select) {
    this.columns = columns;
    this.rows = rows;
    this.geometries = geometries;
    this.select = select;
    this.chosen = null;
    this.page = 0;
    this.sorted = null;
    this.prefix = common(rows.map((row) => row[0]));
    const text = (row) => row.filter((cell) => typeof cell === "string").join(" ").toLowerCase();
    this.words = new Map(rows.map((row) => [row, text(row)]));
    this.body = document.querySelector("#candidates tbody");
    this.head();
    const form = document.getElementById("filters");
    form.addEventListener("input", () => this.filter());
    form.addEventListener("reset", () => setTimeout(() => this.filter()));
    form.addEventListener("submit", (event) => event.preventDefault());
    const ways = {
      first: () => 0, back: () => this.page - 1, on: () => this.page + 1, last: () => Infinity,
    };
    for (const [id, to] of Object.entries(ways)) {
      document.getElementById(`page-${id}`).addEventListener("click", () => this.turn(to()));
    }
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) this.select(row.dataset.id);
    });
    this.body.addEventListener("keydown", (event) => this.step(event));
    this.filter();
  }

  // Of a name that columns of several geometries have, the one as sampled.
  at(name) {
    const own = ["", this.geometries[0].name];
    return this.columns.findIndex((c) => c.name === name && own.includes(c.geometry));
  }

  head() {
    if (this.geometries.length > 1) this.groups();
    const row = document.createElement("tr");
    this.columns.forEach((column, index) => {
      const cell = add(row, "th");
      cell.scope = "col";
      cell.setAttribute("aria-sort", "none");
      if (column.kind !== "text") cell.className = "numeric";
      const button = add(cell, "button", column.name);
      button.type = "button";
      button.title = column.about;
      button.addEventListener("click", () => this.sort(index));
    });
    document.querySelector("#candidates thead").append(row);
  }

  // Above the headings, the geometry in which columns side by side are true.
  groups() {
    const row = add(document.querySelector("#candidates thead"), "tr");
    row.className = "groups";
    const labels = new Map(this.geometries.map(({ name, label }) => [name, label]));
    let last = null;
    for (const { geometry } of this.columns) {
      if (last && last.geometry === geometry) last.cell.colSpan += 1;
      else {
        last = { geometry, cell: add(row, geometry ? "th" : "td", labels.get(geometry)) };
        if (geometry) last.cell.scope = "colgroup";
      }
    }
  }

  sort(index) {
    const down = this.sorted && this.sorted.index === index ? !this.sorted.down : false;
    this.sorted = { index, down };
    document.querySelectorAll("#candidates thead th[aria-sort]").forEach((cell, k) => {
      cell.setAttribute("aria-sort", k === index ? (down ? "descending" : "ascending") : "none");
    });
    this.filter();
  }

  filter() {
    const read = (id) => document.getElementById(`filter-${id}`);
    const words = read("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const arm = read("arm").value, limit = read("hull").value;
    const below = limit === "" ? null : Number(limit);
    const truths = ["hit", "unique", "candidate"]
      .filter((name) => read(name).checked && this.at(name) >= 0)
      .map((name) => this.at(name));
    const hull = this.at("e_above_hull"), armAt = this.at("arm");
    this.shown = this.rows.filter((row) =>
      words.every((word) => this.words.get(row).includes(word))
      && (!arm || row[armAt] === arm)
      && truths.every((k) => row[k] === true)
      && (below === null || (typeof row[hull] === "number" && row[hull] < below)));
    if (this.sorted) {
      const { index, down } = this.sorted;
      this.shown.sort((one, other) => compare(key(one[index]), key(other[index]), down));
    }
    const count = `${this.shown.length} of ${this.rows.length} structures`;
    const prefix = this.prefix ? `; every id begins with ${this.prefix}` : "";
    document.getElementById("count").textContent = count + prefix;
    this.turn(0);
  }

  turn(page) {
    const last = Math.max(0, Math.ceil(this.shown.length / ROWS_ON_A_PAGE) - 1);
    this.page = Math.min(last, Math.max(0, page));
    const from = this.page * ROWS_ON_A_PAGE;
    const rows = this.shown.slice(from, from + ROWS_ON_A_PAGE);
    this.body.replaceChildren(...rows.map((row) => this.row(row)));
    document.getElementById("page-which").textContent = `page ${this.page + 1} of ${last + 1}`;
    for (const [id, end] of [["first", 0], ["back", 0], ["on", last], ["last", last]]) {
      document.getElementById(`page-${id}`).disabled = this.page === end;
    }
    this.mark();
  }

  row(cells) {
    const row = document.createElement("tr");
    row.dataset.id = cells[0];
    const head = add(row, "th");
    head.scope = "row";
    const button = add(head, "button", cells[0].slice(this.prefix.length));
    button.type = "button";
    button.setAttribute("aria-label", `show ${cells[0]}`);
    this.columns.forEach((column, k) => {
      if (k > 0) fill(add(row, "td"), column.kind, cells[k]);
    });
    return row;
  }

  // Arrow keys select the row below or above, on the next page too.
  step(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("tr");
    if (!way || !row) return;
    event.preventDefault();
    const next = this.shown[this.shown.findIndex((cells) => cells[0] === row.dataset.id) + way];
    if (!next) return;
    this.select(next[0]);
    this.body.querySelector("tr[aria-current] button").focus();
  }

  // Shows the page with this row, where the filters let it through.
  choose(id) {
    this.chosen = id;
    const index = this.shown.findIndex((row) => row[0] === id);
    const page = Math.floor(index / ROWS_ON_A_PAGE);
    if (index >= 0 && page !== this.page) this.turn(page);
    else this.mark();
  }

  mark() {
    for (const row of this.body.rows) {
      if (row.dataset.id === this.chosen) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }
}

function fill(cell, kind, value) {
  if (kind === "text") {
    cell.textContent = value === null ? "–" : value;
    return;
  }
  cell.className = `numeric ${kind}`;
  const both = { value: value || [null, null], truth: [null, value], number: [value, null] };
  const [number, truth] = both[kind];
  const parts = [];
  if (typeof number === "number") parts.push(written(number));
  if (truth !== null && truth !== undefined) parts.push(truth ? "✓" : "✗");
  cell.textContent = parts.join(" ") || "–";
  if (truth === true || truth === false) cell.classList.add(truth ? "yes" : "no");
}

function written(number) {
  if (Number.isInteger(number)) return String(number);
  return Math.abs(number) >= 1000 ? number.toPrecision(4) : number.toFixed(3);
}

// Of a value with its truth, the value counts; where it has none, the truth.
function key(cell) {
  const value = Array.isArray(cell) ? (cell[0] === null ? cell[1] : cell[0]) : cell;
  return typeof value === "boolean" ? Number(value) : value;
}

// What has no value stands last, whichever way is sorted.
function compare(one, other, down) {
  const none = (value) => value === null || value === undefined;
  if (none(one) || none(other)) return Number(none(one)) - Number(none(other));
  const text = typeof one === "string";
  const order = text ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return down ? -order : order;
}

// What all ids begin with, up to a hyphen.
function common(ids) {
  const start = ids.length > 1 ? ids[0].slice(0, ids[0].indexOf("-") + 1) : "";
  return ids.every((id) => id.startsWith(start)) ? start : "";
}
