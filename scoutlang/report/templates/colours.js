"use strict";
// Colours as numbers.
let crayon = null;
const SIX_DIGITS = /^#[0-9a-f]{6}$/i;
const digits = (text) => [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16)).concat(1);

// [red, green, blue, opacity] of any colour that a browser knows; null for what is none.
function parsed(text) {
  if (SIX_DIGITS.test(text)) return digits(text); // most are, and this is fast
  if (!CSS.supports("color", text)) return null;
  crayon = crayon || document.createElement("canvas").getContext("2d");
  crayon.fillStyle = text;
  const found = crayon.fillStyle;
  if (found.startsWith("#")) return digits(found);
  return found.match(/[\d.]+/g).map(Number);
}

const two = (x) => Math.round(x).toString(16).padStart(2, "0");
const hex = (rgb) => `#${rgb.slice(0, 3).map(two).join("")}`;

function blend(one, other, share) {
  const [p, q] = [parsed(one), parsed(other)];
  return hex([0, 1, 2].map((k) => p[k] + share * (q[k] - p[k])));
}
