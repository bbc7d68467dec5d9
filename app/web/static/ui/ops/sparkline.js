// A small chart: a line, and what it shows in words for who does not see it.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 120;
const HEIGHT = 32;
const EDGE = 2;

/** An empty chart. */
export function chart() {
  const svg = node('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', class: 'sparkline' });
  svg.append(node('path', { class: 'area' }), node('path', { class: 'line', 'vector-effect': 'non-scaling-stroke' }));
  return svg;
}

/** Draw values into a chart; `text` says what they are. */
export function draw(svg, values, text) {
  const [area, line] = svg.children;
  const path = points(values).map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
  line.setAttribute('d', path ? `M${path}` : '');
  area.setAttribute('d', path ? `M0 ${HEIGHT}L${path}L${WIDTH} ${HEIGHT}Z` : '');
  svg.setAttribute('aria-label', text);
}

function points(values) {
  if (!values.length) return [];
  const shown = values.length === 1 ? [values[0], values[0]] : values;
  const most = Math.max(...shown, 1);
  const height = (value) => HEIGHT - EDGE - (value / most) * (HEIGHT - 2 * EDGE);
  return shown.map((value, place) => [(place / (shown.length - 1)) * WIDTH, height(value)]);
}

function node(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
