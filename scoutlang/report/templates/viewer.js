"use strict";
// A crystal on a 2-D canvas: spheres, half bonds, cell edges and the faces of coordination
// polyhedra, painted from back to front. It needs no WebGL, prints, and follows the page's colours.

// From which side pictures are seen, and how near. Pictures that share a pose turn together and
// have one scale.
class Pose {
  constructor() {
    this.pictures = [];
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.turned = multiply(rotation(0, 0.35), rotation(1, -0.45));
    this.draw();
  }

  turn(x, y) {
    this.turned = multiply(multiply(rotation(1, x), rotation(0, y)), this.turned);
    this.draw();
  }

  scaleBy(factor) {
    this.zoom = Math.min(8, Math.max(0.3, this.zoom * factor));
    this.draw();
  }

  // Å: no picture reaches further from its middle.
  get extent() {
    const shown = this.pictures.filter((picture) => picture.crystal);
    return Math.max(...shown.map((picture) => picture.extent));
  }

  draw() {
    for (const picture of this.pictures) picture.draw();
  }
}

// A still picture.
class Picture {
  constructor(canvas, elements, pose = new Pose()) {
    this.canvas = canvas;
    this.elements = new Map(elements.map((e) => [e.symbol, e]));
    this.repeat = 1;
    this.symbols = false;
    this.polyhedra = true;
    this.pose = pose;
    pose.pictures.push(this);
  }

  // crystal: {cell: 9 numbers in Å, elements, frac: 1/10000 of the cell, bonds: centre, neighbour
  // and image, polyhedra: faces of each as numbers of the bonds that end at their corners}; null:
  // nothing is shown
  show(crystal) {
    this.crystal = crystal;
    if (crystal) this.build();
    this.pose.draw();
  }

  // What is drawn: sites of the cells and of their far faces, the neighbours of every centre even
  // outside of them, bonds, faces of polyhedra, edges.
  build() {
    const { cell, elements, frac, bonds, polyhedra } = this.crystal;
    const n = this.repeat;
    const along = (k, a, b, c) => a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
    const point = (a, b, c) => [0, 1, 2].map((k) => along(k, a, b, c));
    const middle = point(n / 2, n / 2, n / 2);
    const place = (a, b, c) => point(a, b, c).map((x, k) => x - middle[k]);
    const atoms = new Map();
    const add = (site, cellOf) => {
      const key = `${site},${cellOf}`;
      if (!atoms.has(key)) {
        const at = [0, 1, 2].map((k) => frac[3 * site + k] / 10000 + cellOf[k]);
        const outside = at.some((x, k) =>
          (cellOf[k] < 0 || cellOf[k] >= n) && (x < -0.001 || x > n + 0.001));
        const element = this.elements.get(elements[site]);
        atoms.set(key, { site, at: place(...at), outside, element });
      }
      return atoms.get(key);
    };
    this.bonds = [];
    this.faces = [];
    const seen = new Set();
    for (const image of cellsOf(n)) {
      for (let site = 0; site < elements.length; site++) {
        add(site, image);
        const low = (k) => frac[3 * site + k] <= 100 && image[k] === 0;
        const faces = [0, 1, 2].map((k) => (low(k) ? [0, n] : [0]));
        for (const x of faces[0]) for (const y of faces[1]) for (const z of faces[2]) {
          add(site, [image[0] + x, image[1] + y, image[2] + z]);
        }
      }
      const end = (k) => [0, 1, 2].map((m) => image[m] + bonds[k + 2 + m]);
      for (let k = 0; k < bonds.length; k += 5) {
        const there = end(k);
        const name = `${bonds[k]},${image}`, other = `${bonds[k + 1]},${there}`;
        if (seen.has(`${other}|${name}`)) continue;
        seen.add(`${name}|${other}`);
        this.bonds.push([add(bonds[k], image), add(bonds[k + 1], there)]);
      }
      for (const faces of polyhedra) {
        const { element } = add(bonds[5 * faces[0][0]], image);
        for (const face of faces) {
          const corners = face.map((bond) => add(bonds[5 * bond + 1], end(5 * bond)).at);
          this.faces.push({ corners, colour: element.colour });
        }
      }
    }
    this.atoms = [...atoms.values()];
    this.edges = [];
    for (const size of n > 1 ? [1, n] : [1]) {
      for (let axis = 0; axis < 3; axis++) {
        for (const [u, v] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
          const from = [0, 0, 0], to = [0, 0, 0];
          from[(axis + 1) % 3] = to[(axis + 1) % 3] = u * size;
          from[(axis + 2) % 3] = to[(axis + 2) % 3] = v * size;
          to[axis] = size;
          this.edges.push([place(...from), place(...to), size === 1]);
        }
      }
    }
    const end = (k) => place(...[0, 1, 2].map((m) => (m === k ? 1.12 : 0)));
    this.axes = ["a", "b", "c"].map((name, k) => [name, end(k)]);
    const reach = this.atoms.map((atom) => Math.hypot(...atom.at) + 0.5 * atom.element.radius);
    this.extent = Math.max(...reach, ...this.edges.map((edge) => Math.hypot(...edge[0])));
  }

  draw() {
    if (!this.crystal) return;
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const [paper, ink] = ["--card", "--ink"].map((name) => style.getPropertyValue(name).trim());
    const { zoom, turned, extent } = this.pose;
    const far = 4 * extent;
    const scale = (zoom * 0.46 * Math.min(width, height)) / extent;
    const project = (at) => {
      const [x, y, z] = apply(turned, at);
      const near = far / (far - z);
      const size = scale * near;
      return { at: [x, y, z], x: width / 2 + x * size, y: height / 2 - y * size, z, size };
    };
    const fog = (z) => Math.min(0.62, Math.max(0, 0.3 - (0.42 * z) / extent));
    // What cannot be seen through: where it is, how far it reaches from there and how large it is,
    // in pixels, and how it is painted.
    const painted = [];
    const between = (p, q) => ({
      at: p.at.map((x, k) => (x + q.at[k]) / 2),
      x: (p.x + q.x) / 2, y: (p.y + q.y) / 2, z: (p.z + q.z) / 2,
    });
    const stretch = (p, q, nearer, width, ...colours) => {
      const middle = between(p, q), reach = Math.hypot(p.x - q.x, p.y - q.y) / 2;
      const paint = () => line(context, p, q, width, ...colours);
      painted.push({ ...middle, z: middle.z - nearer, reach, area: reach * width, paint });
    };
    for (const [from, to, first] of this.edges) {
      for (let part = 0; part < 8; part++) {
        const at = (t) => project(from.map((x, k) => x + t * (to[k] - x)));
        const [p, q] = [at(part / 8), at((part + 1) / 8)];
        const colour = blend(ink, paper, first ? 0.25 + fog(p.z) / 2 : 0.55);
        stretch(p, q, 0, first ? 1.4 : 0.7, colour);
      }
    }
    for (const [one, other] of this.bonds) {
      const p = project(one.at), q = project(other.at);
      const half = between(p, q);
      const pale = one.outside || other.outside ? 0.35 : 0;
      for (const [end, atom] of [[p, one], [q, other]]) {
        const dark = blend(atom.element.colour, "black", 0.12);
        const colour = blend(dark, paper, Math.max(pale, fog(end.z)));
        const thick = Math.max(2, 0.2 * end.size), outline = blend(ink, paper, 0.45);
        stretch(end, half, 0.2, thick, colour, outline);
      }
    }
    for (const atom of this.atoms) {
      const p = project(atom.at);
      const radius = Math.max(2.5, 0.42 * atom.element.radius * p.size);
      const colour = blend(atom.element.colour, paper, Math.max(atom.outside ? 0.45 : 0, fog(p.z)));
      const symbol = this.symbols && !atom.outside ? atom.element.symbol : "";
      const outline = blend(ink, paper, 0.35);
      const paint = () => ball(context, p, radius, colour, outline, symbol);
      painted.push({ ...p, reach: radius, area: radius ** 2, paint });
    }
    painted.sort((one, other) => one.z - other.z);
    const faces = (this.polyhedra ? this.faces : []).map(({ corners, colour }) => {
      const face = flat(corners.map(project), far);
      const shade = blend(colour, face.light < 0.5 ? "black" : "white", Math.abs(face.light - 0.5));
      const fill = blend(shade, paper, fog(face.z) / 2);
      const edge = blend(blend(colour, ink, 0.45), paper, fog(face.z) / 2);
      const paint = () => polygon(context, face.corners, fill, edge);
      return { order: place(face, painted), z: face.z, paint };
    });
    const all = [...faces, ...painted.map((item, k) => ({ ...item, order: k + 0.5 }))];
    all.sort((one, other) => one.order - other.order || one.z - other.z);
    for (const item of all) item.paint();
    context.font = "italic 600 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = ink;
    for (const [name, at] of this.axes) {
      const p = project(at);
      context.fillText(name, p.x, p.y);
    }
  }
}

// A picture that mouse, fingers and keys turn.
class Viewer extends Picture {
  // describe(crystal, repeat): what is said of it to those who do not see it
  constructor(canvas, elements, describe, pose) {
    super(canvas, elements, pose);
    this.describe = describe;
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.listen();
  }

  show(crystal) {
    super.show(crystal);
    if (crystal) this.canvas.setAttribute("aria-label", this.describe(crystal, this.repeat));
  }

  turn(x, y) {
    this.pose.turn(x, y);
  }

  // Looks along a lattice vector, another one pointing up or to the right.
  along(axis) {
    const { cell } = this.crystal;
    const vector = (k) => cell.slice(3 * k, 3 * k + 3);
    const z = unit(vector("abc".indexOf(axis)));
    const side = vector(("abc".indexOf(axis) + 1) % 3);
    const x = unit(side.map((s, k) => s - dot(side, z) * z[k]));
    this.pose.turned = [x, cross(z, x), z];
    this.pose.draw();
  }

  set cells(n) {
    this.repeat = n;
    if (this.crystal) this.show(this.crystal);
  }

  listen() {
    const fingers = new Map();
    const { canvas, pose } = this;
    const spread = () => {
      const [one, other] = [...fingers.values()];
      return Math.hypot(one.x - other.x, one.y - other.y);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointermove", (event) => {
      const finger = fingers.get(event.pointerId);
      if (!finger) return;
      const before = fingers.size === 2 ? spread() : 0;
      const moved = [event.clientX - finger.x, event.clientY - finger.y];
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (fingers.size === 2) pose.scaleBy(spread() / Math.max(before, 1));
      else pose.turn(moved[0] * 0.01, moved[1] * 0.01);
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(kind, (event) => fingers.delete(event.pointerId));
    }
    // Only when it has the focus, so that the page can be scrolled over it.
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas) return;
      event.preventDefault();
      pose.scaleBy(Math.exp(-event.deltaY * 0.0015));
    }, { passive: false });
    const keys = {
      ArrowLeft: () => pose.turn(-0.15, 0), ArrowRight: () => pose.turn(0.15, 0),
      ArrowUp: () => pose.turn(0, -0.15), ArrowDown: () => pose.turn(0, 0.15),
      "+": () => pose.scaleBy(1.2), "=": () => pose.scaleBy(1.2), "-": () => pose.scaleBy(1 / 1.2),
      0: () => pose.reset(),
      a: () => this.along("a"), b: () => this.along("b"), c: () => this.along("c"),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  }
}

function cellsOf(n) {
  const along = [...Array(n).keys()];
  return along.flatMap((x) => along.flatMap((y) => along.map((z) => [x, y, z])));
}

const dot = (u, v) => u.reduce((sum, x, k) => sum + x * v[k], 0);
const minor = (u, v, k, m) => u[k] * v[m] - u[m] * v[k];
const cross = (u, v) => [minor(u, v, 1, 2), minor(u, v, 2, 0), minor(u, v, 0, 1)];
const minus = (u, v) => u.map((x, k) => x - v[k]);
const unit = (v) => v.map((x) => x / (Math.hypot(...v) || 1));
const apply = (rows, v) => rows.map((row) => dot(row, v));
const multiply = (a, b) => a.map((row) => [0, 1, 2].map((k) => dot(row, b.map((r) => r[k]))));

// A face as it is seen from (0, 0, eye): where it is and how far it reaches, how much light falls
// on it (0 to 1), how far a thing is in front of its plane, in Å, and how far inwards of each of
// its sides on the screen, in pixels.
function flat(corners, eye) {
  const next = (k) => corners[(k + 1) % corners.length];
  const mean = (of) => corners.reduce((sum, p) => sum + of(p), 0) / corners.length;
  const middle = [0, 1, 2].map((k) => mean((p) => p.at[k]));
  const areas = corners.map((p, k) => cross(minus(p.at, middle), minus(next(k).at, middle)));
  let normal = unit([0, 1, 2].map((k) => areas.reduce((sum, area) => sum + area[k], 0)));
  if (dot(normal, minus([0, 0, eye], middle)) < 0) normal = normal.map((x) => -x);
  const [a, b, c] = normal, d = dot(normal, middle);
  const x = mean((p) => p.x), y = mean((p) => p.y);
  const sides = corners.map((p, k) => {
    const [u, v] = unit([p.y - next(k).y, next(k).x - p.x]);
    const way = Math.sign(u * (x - p.x) + v * (y - p.y));
    return (thing) => way * (u * (thing.x - p.x) + v * (thing.y - p.y));
  });
  const inFront = ({ at }) => a * at[0] + b * at[1] + c * at[2] - d;
  const light = Math.max(0, dot(normal, unit([-0.35, 0.4, 1])));
  const reach = Math.max(...corners.map((p) => Math.hypot(p.x - x, p.y - y)));
  return { corners, x, y, z: middle[2], reach, light, inFront, sides };
}

// Where a face is painted among things that are in their order from back to front: after most of
// what is behind it, before most of what is in front of it. Only things that it overlaps on the
// screen count, by their areas. What lies in the face, as the atoms at its corners, should be in
// front, but counts less. Among equally good places it takes the one nearest to its own depth.
function place(face, things) {
  const { x, y, z, reach, sides } = face;
  const overlaps = (thing) =>
    (thing.x - x) ** 2 + (thing.y - y) ** 2 < (thing.reach + reach) ** 2
    && sides.every((inwards) => inwards(thing) > -thing.reach);
  let best = { score: -Infinity }, score = 0;
  things.forEach((thing, order) => {
    const apart = Math.abs(thing.z - z);
    if (score > best.score || (score === best.score && apart < best.apart)) {
      best = { score, apart, order };
    }
    if (!overlaps(thing)) return;
    const inFront = face.inFront(thing);
    const share = Math.abs(inFront) < IN_THE_FACE ? -COUNTS_LESS : -Math.sign(inFront);
    score += share * thing.area;
  });
  return score > best.score ? things.length : best.order;
}
const IN_THE_FACE = 0.15; // Å
const COUNTS_LESS = 0.1;

// About x (0) or y (1), by an angle in radians.
function rotation(axis, angle) {
  const c = Math.cos(angle), s = Math.sin(angle);
  return axis === 0 ? [[1, 0, 0], [0, c, -s], [0, s, c]] : [[c, 0, s], [0, 1, 0], [-s, 0, c]];
}

function line(context, from, to, width, colour, outline) {
  const under = outline ? [[outline, width + 1.2]] : [];
  for (const [stroke, thickness] of [...under, [colour, width]]) {
    context.strokeStyle = stroke;
    context.lineWidth = thickness;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
}

// Seen through, with edges.
function polygon(context, corners, fill, edge) {
  context.beginPath();
  for (const p of corners) context.lineTo(p.x, p.y);
  context.closePath();
  context.globalAlpha = 0.34;
  context.fillStyle = fill;
  context.fill();
  context.globalAlpha = 0.9;
  context.strokeStyle = edge;
  context.lineWidth = 1.1;
  context.lineJoin = "round";
  context.stroke();
  context.globalAlpha = 1;
}

function ball(context, at, radius, colour, outline, symbol) {
  const [x, y] = [at.x - 0.35 * radius, at.y - 0.4 * radius];
  const light = context.createRadialGradient(x, y, 0.08 * radius, at.x, at.y, radius);
  light.addColorStop(0, blend(colour, "white", 0.65));
  light.addColorStop(0.45, colour);
  light.addColorStop(1, blend(colour, "black", 0.38));
  context.fillStyle = light;
  context.strokeStyle = outline;
  context.lineWidth = 0.8;
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  if (symbol && radius > 5) {
    context.font = `600 ${Math.round(Math.max(9, radius))}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = "white";
    context.strokeText(symbol, at.x, at.y);
    context.fillStyle = "black";
    context.fillText(symbol, at.x, at.y);
  }
}
