// The service's metrics, from the text that it shows to Prometheus.

const line = /^([a-z_:][\w:]*)(?:\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?)(?= |$)/i;
const label = /([a-z_]\w*)="((?:[^"\\]|\\.)*)"/gi;

/** Every series of the text, as `{name, labels, value}`. */
export function parse(text) {
  return text.split('\n').map((one) => line.exec(one)).filter(Boolean).map(([, name, labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(label)].map(([, key, raw]) => [key, plain(raw)])),
    value: Number(value),
  }));
}

/** The sum of a metric's series that have these labels. */
export function sum(series, name, labels = {}) {
  return matching(series, name, labels).reduce((total, one) => total + one.value, 0);
}

/** The sums of a metric by the values of one of its labels, as a Map. */
export function sumBy(series, name, key, labels = {}) {
  const sums = new Map();
  for (const one of matching(series, name, labels)) {
    sums.set(one.labels[key], (sums.get(one.labels[key]) ?? 0) + one.value);
  }
  return sums;
}

function matching(series, name, labels) {
  const wanted = Object.entries(labels);
  return series.filter((one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value));
}

const plain = (raw) => raw.replace(/\\(.)/g, (whole, letter) => (letter === 'n' ? '\n' : letter));
