// The large numbers, with small charts.

import { el, stamp } from '../build.js';
import { number } from '../formats.js';
import { word } from '../words.js';
import { set } from './live.js';
import { to } from './routes.js';
import { span } from './spans.js';
import { chart, draw } from './sparkline.js';

const counted = ['accepted', 'delivered', 'failed'];
const waiting = ['pending', 'held', 'retrying'];
const leads = {
  failed: to('dead'),
  ...Object.fromEntries(waiting.map((status) => [status, to('find', { params: { status } })])),
};

/** Make the tiles; gives what writes numbers into them. */
export function tiles(place) {
  const made = Object.fromEntries([...counted, ...waiting, 'oldest', 'unaccounted'].map((name) => [name, tile(name)]));
  place.replaceChildren(...Object.values(made).map((one) => one.tile));
  return (found, rates) => {
    for (const name of counted) writeCounted(made[name], name, found[name], rates.of(name));
    for (const name of waiting) set(made[name].value, number(found.open[name]));
    set(made.oldest.value, found.oldest_open_seconds ? span(found.oldest_open_seconds) : '–');
    set(made.oldest.note, found.oldest_open_seconds ? '' : word('oldest.none'));
    const isGood = found.unaccounted === 0;
    set(made.unaccounted.value, number(found.unaccounted));
    set(made.unaccounted.note, word(isGood ? 'unaccounted.good' : 'unaccounted.bad'));
    made.unaccounted.tile.classList.toggle('bad', !isGood);
    made.unaccounted.tile.classList.toggle('good', isGood);
  };
}

function tile(name) {
  const { slots } = stamp('tile');
  const text = word(`tile.${name}`);
  slots.label.append(leads[name] ? el('a', { href: leads[name] }, text) : text);
  slots.tile.dataset.name = name;
  slots.value.textContent = '–';
  if (counted.includes(name)) slots.chart.append(chart());
  else slots.chart.remove();
  return slots;
}

function writeCounted(slots, name, value, rates) {
  set(slots.value, number(value));
  if (!rates.length) {
    set(slots.note, word('rate.unknown'));
    draw(slots.chart.firstElementChild, [], word('rate.unknown'));
    return;
  }
  // Over the last looks: a single one would jump between nothing and a lot.
  const last = rates.slice(-5);
  const rate = number(Math.round(last.reduce((total, one) => total + one, 0) / last.length));
  set(slots.note, word('rate', { number: rate }));
  const most = number(Math.round(Math.max(...rates)));
  draw(slots.chart.firstElementChild, rates, word('chart', { name: word(`tile.${name}`), now: rate, most }));
}
