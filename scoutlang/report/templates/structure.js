"use strict";
// A page with one structure.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = new View(data.elements, data.pairs);
  view.show(data.id, data.formula, data.structure, (fact) => data.facts.forEach(([name, text]) => fact(name, text)));
  whenColoursChange(() => view.draw());
}
