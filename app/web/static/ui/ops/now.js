// What goes on right now: numbers that move without being drawn anew.

import { address, call } from '../api.js';
import { el } from '../build.js';
import { number } from '../formats.js';
import { word, wrong } from '../words.js';
import { health } from './health.js';
import { counts, perChannel, perLane } from './now-tables.js';
import { polling } from './polling.js';
import { Course, Rates } from './rates.js';
import { tiles } from './tiles.js';

const EVERY_SECONDS = 3;
const clock = new Intl.DateTimeFormat(document.getElementById('main').dataset.locale, { timeStyle: 'medium' });
// They outlive a look at another part of the page.
const rates = new Rates();
const delivered = new Rates();
const queues = new Course();

/** Show it, and go on until the signal. */
export function show({ slots, signal }) {
  const draw = {
    tiles: tiles(slots.tiles),
    health: health(slots),
    reasons: counts(slots.reasons, { kind: 'reason', head: word('head.reason'), label: 'now-reasons', none: word('no-failures') }),
    open: counts(slots.open, { kind: 'status', head: word('head.status'), label: 'now-open' }),
    ended: counts(slots.ended, { kind: 'status', head: word('head.status'), label: 'now-ended' }),
    lanes: perLane(slots.lanes, 'now-lanes'),
    channels: perChannel(slots.channels, 'now-channels'),
  };
  polling(() => look(slots, draw, signal), EVERY_SECONDS, signal);
}

async function look(slots, draw, signal) {
  try {
    const [told, { body }] = await Promise.all([
      fetch(address('/health'), { signal }).then((answer) => answer.json()),
      call('GET', '/metrics/summary', { signal }),
    ]);
    paint(draw, told, body);
    slots.faults.replaceChildren();
    slots.asOf.textContent = word('as-of', { time: clock.format(new Date()) });
  } catch (problem) {
    if (problem.name === 'AbortError') return;
    const why = problem.status === undefined ? word('away') : wrong(problem);
    if (!slots.faults.hasChildNodes()) {
      slots.faults.replaceChildren(el('div', { className: 'notice bad', role: 'alert' }, `${why} `, word('numbers.away')));
    }
  }
}

function paint(draw, told, found) {
  const at = new Date(found.at).getTime();
  const totals = { accepted: found.accepted, delivered: found.ended.delivered, failed: found.ended.failed };
  rates.add(at, totals);
  delivered.add(at, Object.fromEntries(found.channels.map((channel) => [channel.name, channel.delivered])));
  queues.add(Object.fromEntries(found.lanes.map((lane) => [lane.name, lane.open.pending])));
  draw.tiles({ ...found, ...totals }, rates);
  draw.health(told);
  draw.reasons(Object.entries(found.failed).filter(([, value]) => value > 0));
  draw.open(Object.entries(found.open));
  draw.ended(Object.entries(found.ended));
  draw.lanes(found.lanes, queues);
  draw.channels(found.channels, told.channels ?? {}, delivered);
}
