// What goes on right now: numbers that move without being drawn anew.

import { address, call } from '../api.js';
import { el } from '../build.js';
import { number } from '../formats.js';
import { word, wrong } from '../words.js';
import { health } from './health.js';
import { parse, sum, sumBy } from './metrics.js';
import { counts, perChannel } from './now-tables.js';
import { polling } from './polling.js';
import { Rates } from './rates.js';
import { tiles } from './tiles.js';

const EVERY_SECONDS = 3;
const clock = new Intl.DateTimeFormat(document.getElementById('main').dataset.locale, { timeStyle: 'medium' });
// They outlive a look at another part of the page.
const rates = new Rates();

/** Show it, and go on until the signal. */
export function show({ slots, signal }) {
  const draw = {
    tiles: tiles(slots.tiles),
    health: health(slots),
    reasons: counts(slots.reasons, { kind: 'reason', head: word('head.reason'), label: 'now-reasons', none: word('no-failures') }),
    open: counts(slots.open, { kind: 'status', head: word('head.status'), label: 'now-open' }),
    ended: counts(slots.ended, { kind: 'status', head: word('head.status'), label: 'now-ended' }),
    channels: perChannel(slots.channels, 'now-channels'),
  };
  polling(() => look(slots, draw, signal), EVERY_SECONDS, signal);
}

async function look(slots, draw, signal) {
  try {
    const [told, text] = await Promise.all([
      fetch(address('/health'), { signal }).then((answer) => answer.json()),
      call('GET', '/metrics', { accept: 'text/plain', signal }),
    ]);
    paint(draw, told, numbers(parse(text.body)));
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

function numbers(series) {
  const ended = sumBy(series, 'notifications_total', 'status');
  return {
    series,
    accepted: sum(series, 'notifications_accepted_total'),
    delivered: ended.get('delivered') ?? 0,
    failed: ended.get('failed') ?? 0,
    open: sumBy(series, 'notifications_open', 'status'),
    ended,
    oldest: sum(series, 'notifications_oldest_open_seconds'),
    unaccounted: sum(series, 'notifications_unaccounted'),
    reasons: sumBy(series, 'notifications_total', 'reason', { status: 'failed' }),
  };
}

function paint(draw, told, found) {
  const { accepted, delivered, failed } = found;
  rates.add(Date.now(), { accepted, delivered, failed });
  draw.tiles(found, rates);
  draw.health(told);
  draw.reasons([...found.reasons].filter(([, value]) => value > 0), number);
  draw.open([...found.open], number);
  draw.ended([...found.ended], number);
  draw.channels(found.series, told.channels);
}
