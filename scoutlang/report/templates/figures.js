"use strict";
// Figures by plotly, drawn anew from what they are made of whenever the colours of the page or the
// selection change.
const CLEAR = "rgba(0,0,0,0)";

class Figures {
  constructor(figures, select) {
    this.figures = figures;
    this.select = select;
    this.chosen = null;
    this.given = null;
    for (const figure of figures) {
      figure.element = document.querySelector(`[data-figure="${CSS.escape(figure.name)}"]`);
      figure.places = places(figure.data);
      figure.ready = false;
    }
    const soon = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) {
        if (isIntersecting) this.draw(figures.find((figure) => figure.element === target));
      }
    }, { rootMargin: "600px" });
    for (const figure of figures) soon.observe(figure.element);
    new ResizeObserver(() => this.refresh()).observe(document.body);
  }

  // All figures, of a width in pixels; null: as wide as the page lets them be.
  drawAll(width) {
    this.given = width;
    this.figures.forEach((figure) => this.draw(figure));
  }

  choose(id) {
    const before = this.chosen;
    this.chosen = id;
    for (const figure of this.figures) {
      const touched = figure.places.has(id) || figure.places.has(before);
      if (figure.ready && touched) this.draw(figure);
    }
  }

  refresh() {
    const width = document.body.clientWidth;
    if (width === this.width && this.ink === colour("--ink")) return;
    for (const figure of this.figures) if (figure.ready) this.draw(figure);
    this.width = width;
    this.ink = colour("--ink");
  }

  draw(figure) {
    const data = figure.data.map(readable);
    const place = figure.places.get(this.chosen);
    if (place) data.push(ring(figure.data[place.trace], place.point));
    const width = this.given || figure.element.parentElement.clientWidth;
    Plotly.react(figure.element, data, themed(figure.layout, width), {
      displaylogo: false,
      responsive: false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    });
    if (!figure.ready) {
      figure.ready = true;
      // The caption says what is seen; the letters of the axes one by one would not.
      for (const svg of figure.element.querySelectorAll("svg.main-svg")) svg.ariaHidden = "true";
      figure.element.on("plotly_click", (event) => {
        const id = event.points.map((point) => first(point.customdata)).find(isText);
        if (id !== undefined) this.select(id);
      });
    }
  }
}

const first = (value) => (Array.isArray(value) ? value[0] : value);
const isText = (value) => typeof value === "string";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// id → where it is drawn
function places(traces) {
  const found = new Map();
  traces.forEach((trace, number) => {
    if (!Array.isArray(trace.customdata)) return;
    trace.customdata.forEach((value, point) => {
      const id = first(value);
      if (isText(id) && !found.has(id)) found.set(id, { trace: number, point });
    });
  });
  return found;
}

// A ring around the selected point.
function ring(trace, point) {
  return {
    type: "scatter",
    mode: "markers",
    x: [trace.x[point]],
    y: [trace.y[point]],
    xaxis: trace.xaxis,
    yaxis: trace.yaxis,
    showlegend: false,
    hoverinfo: "skip",
    marker: { symbol: "circle-open", size: 18, color: colour("--ink"), line: { width: 2.5 } },
  };
}

function themed(layout, width) {
  const [ink, soft, grid, card] = ["--ink", "--soft", "--line", "--card"].map(colour);
  const made = structuredClone(layout);
  // Panels side by side cannot be read on a phone: those scroll in their frame.
  const inside = (key) => /^xaxis\d+$/.test(key) && made[key].domain && made[key].domain[0] > 0;
  const panels = Object.keys(made).some(inside);
  const narrow = width < 560 && !panels;
  width = Math.max(width, panels ? 600 : 300);
  Object.assign(made, { paper_bgcolor: CLEAR, plot_bgcolor: CLEAR, width });
  Object.assign(made, { uirevision: "kept", title: { text: "" } });
  made.modebar = { bgcolor: CLEAR, color: soft, activecolor: colour("--accent") };
  made.font = { ...made.font, color: ink, family: "system-ui, sans-serif" };
  made.hoverlabel = { ...made.hoverlabel, bgcolor: card, bordercolor: grid, font: { color: ink } };
  made.legend = { ...made.legend, bgcolor: CLEAR, font: { color: ink } };
  const named = Object.keys(made).filter((key) => /^[xy]axis\d*$/.test(key));
  const axes = new Set(["xaxis", "yaxis", ...named]);
  for (const key of axes) {
    Object.assign(made[key] ??= {}, { gridcolor: grid, linecolor: soft, zerolinecolor: grid });
    Object.assign(made[key], { tickcolor: soft, automargin: true });
  }
  for (const note of made.annotations || []) note.font = { ...note.font, color: ink };
  for (const shape of made.shapes || []) {
    if (shape.line && shape.line.color) shape.line.color = legible(shape.line.color);
  }
  if (narrow) {
    const below = { orientation: "h", x: 0, xanchor: "left", y: -0.24, yanchor: "top" };
    made.legend = { ...made.legend, ...below };
    made.margin = { ...made.margin, l: 10, r: 8, t: 40 };
  }
  return made;
}

// A trace whose colours can be told from the page.
function readable(trace) {
  const made = { ...trace };
  for (const part of ["marker", "line"]) {
    if (!made[part]) continue;
    made[part] = { ...made[part] };
    const shown = (one) => (isText(one) ? legible(one) : one);
    const given = made[part].color;
    made[part].color = Array.isArray(given) ? given.map(shown) : shown(given);
  }
  if (made.textfont) made.textfont = { ...made.textfont, color: colour("--ink") };
  return made;
}

// The colour, moved towards the ink until it has a contrast of 3 to the page (WCAG 2.2, 1.4.11).
// One that is see-through stays as it is.
function legible(text) {
  const made = parsed(text);
  if (!made || made[3] < 0.5) return text;
  const paper = colour("--card"), ink = colour("--ink");
  const opaque = hex(made);
  for (let share = 0; share <= 1; share += 0.1) {
    const mixed = blend(opaque, ink, share);
    if (contrast(mixed, paper) < 3) continue;
    return share === 0 ? text : `rgba(${parsed(mixed).slice(0, 3)},${made[3]})`;
  }
  return ink;
}

function luminance(text) {
  const linear = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = parsed(text).slice(0, 3).map((x) => linear(x / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
