// What becomes of notifications that were just sent again.

import { call, query } from '../api.js';
import { el } from '../build.js';
import { word } from '../words.js';
import { keep } from './live.js';
import { badge } from './names.js';
import { idLink, row, table } from './parts.js';
import { polling } from './polling.js';

const MOST_SHOWN = 50;
const EVERY_SECONDS = 2;
const ended = new Set(['delivered', 'suppressed', 'digested', 'failed', 'expired', 'cancelled']);

/** List them with their state, until all of those that are shown have ended. */
export function follow(place, created, signal) {
  const shown = created.slice(0, MOST_SHOWN);
  const heads = ['notification', 'status'].map((name) => word(`head.${name}`));
  const whole = table(word('list.replayed'), heads, []);
  const body = whole.querySelector('tbody');
  keep(body, shown.map((one) => [one.id, 'pending']), line, write);
  const rest = created.length > shown.length ? el('p', { className: 'quiet' }, word('dead.rest')) : null;
  place.replaceChildren(...[whole, rest].filter(Boolean));
  const done = new AbortController();
  signal.addEventListener('abort', () => done.abort());
  const open = new Set(shown.map((one) => one.id));
  polling(async () => {
    for (const id of [...open]) {
      const found = await status(id, done.signal);
      if (!found) return;
      write(body.querySelector(`[data-key="${CSS.escape(id)}"]`), found);
      if (ended.has(found)) open.delete(id);
    }
    if (!open.size) done.abort();
  }, EVERY_SECONDS, done.signal);
}

/** The state of one of them; nothing when it cannot be had now. */
async function status(id, signal) {
  try {
    return (await call('GET', `/notifications${query({ id })}`, { signal })).body.items[0]?.status;
  } catch {
    return undefined;
  }
}

const line = (id) => row([idLink(id), '']);

function write(child, status) {
  if (child.dataset.status === status) return;
  child.dataset.status = status;
  child.lastElementChild.replaceChildren(badge('status', status));
}
