"use strict";
// What was found of one structure in each of its geometries, side by side, and what else is known
// of it as it was sampled.
class Found {
  // geometries: {name, label}, the one as sampled first
  constructor(columns, geometries) {
    this.columns = columns;
    this.geometries = geometries;
    const of = (geometry) => columns.filter((column) => column.geometry === geometry.name);
    const relaxed = geometries.slice(1).flatMap(of);
    this.names = [...new Set(relaxed.map((column) => column.name))];
    for (const part of ["found", "rest-title", "rest"]) this[part] = document.getElementById(part);
  }

  // row: of the table of structures; null for what was not sampled. shapes: as View.show has them.
  show(row, shapes) {
    const there = this.geometries.length > 1 && Boolean(row);
    this.found.hidden = this["rest-title"].hidden = !there;
    this.rest.replaceChildren();
    if (!there) return;
    this.found.querySelector("table").replaceChildren(this.head(), this.body(row, shapes));
    const sampled = this.geometries[0].name;
    this.columns.forEach(({ name, kind, geometry }, k) => {
      const apart = geometry === sampled && !this.names.includes(name);
      if (apart && !isEmpty(row[k])) fill(entry(this.rest, name), kind, row[k]);
    });
  }

  head() {
    const head = document.createElement("thead");
    const row = add(head, "tr");
    add(row, "td");
    for (const { label } of this.geometries) add(row, "th", label).scope = "col";
    return head;
  }

  body(row, shapes) {
    const body = document.createElement("tbody");
    const line = (name, write) => {
      const made = add(body, "tr");
      add(made, "th", name).scope = "row";
      for (const geometry of this.geometries) write(add(made, "td"), geometry);
    };
    for (const name of this.names) {
      line(name, (cell, geometry) => {
        const k = this.columns.findIndex((c) => c.name === name && c.geometry === geometry.name);
        fill(cell, k < 0 ? "text" : this.columns[k].kind, k < 0 ? null : row[k]);
      });
    }
    const cells = new Map(shapes.map((shape) => [shape.name, new Map(measures(shape.crystal))]));
    for (const name of shapes.length ? cells.get(shapes[0].name).keys() : []) {
      line(name, (cell, geometry) => {
        const known = cells.get(geometry.name);
        cell.textContent = known ? known.get(name) : "–";
      });
    }
    return body;
  }
}

const isEmpty = (cell) =>
  cell === "" || [cell].flat().every((part) => part === null || part === undefined);
