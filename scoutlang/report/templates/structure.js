"use strict";
// A page with one structure.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = new View(data.elements, data.pairs);
  const facts = (fact) => data.facts.forEach(([name, text]) => fact(name, text));
  view.show(data.id, data.formula, data.structures[data.id], facts);
  whenColoursChange(() => view.draw());
}
