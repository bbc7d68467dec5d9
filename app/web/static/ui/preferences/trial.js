// A test of a channel, and what became of it.

import { el } from '../build.js';
import { call } from '../api.js';
import { word } from '../words.js';
import { ask } from './saving.js';

const ENDED = new Set(['delivered', 'failed', 'suppressed', 'digested', 'expired', 'cancelled']);
const POLL_MS = 600;
const PATIENCE_MS = 20000;

/** Send a test, and tell in `place` how it goes until it has ended, or for a while. */
export async function trial(store, channel, control, place) {
  place.replaceChildren();
  const accepted = await ask('POST', store.path(`/test/${channel}`), control);
  if (!accepted) return;
  tell(place, word('trying'), '', '');
  const until = Date.now() + PATIENCE_MS;
  let found = null;
  while (!ENDED.has(found?.status) && Date.now() < until) {
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    found = await look(accepted.id) ?? found;
    if (found) show(place, found);
  }
  // A receiver that refuses for good has turned its contact off by that.
  if (found?.status === 'failed') await store.load().catch(() => {});
}

async function look(id) {
  try {
    return (await call('GET', `/notifications/${id}`)).body;
  } catch (problem) {
    if (!('status' in problem)) throw problem;
    return null;
  }
}

function show(place, { status, because, attempts }) {
  const looks = { delivered: 'good', failed: 'bad' }[status] ?? '';
  tell(place, because, status === 'delivered' ? '' : attempts?.at(-1)?.detail ?? '', looks);
}

function tell(place, text, detail, looks) {
  if (place.textContent === text + detail) return;
  place.className = `tried ${looks}`;
  place.replaceChildren(el('span', {}, text), ...(detail ? [el('span', { className: 'quiet', dir: 'auto' }, detail)] : []));
}
