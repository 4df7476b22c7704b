"use strict";
// A page with one structure.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = new View(data.elements, data.pairs);
  const facts = (fact) => data.facts.forEach(([name, text]) => fact(name, text));
  const shape = { name: "", crystal: data.structures[data.id], cifs: data.cifs };
  view.show(data.id, data.formula, [shape], "", facts);
  whenColoursChange(() => view.draw());
}
