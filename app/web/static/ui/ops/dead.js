// Dead letters: counted first, then sent again, and followed until they have arrived or not.

import { call } from '../api.js';
import { number } from '../formats.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';
import { filters } from './filters.js';
import { follow } from './followed.js';
import { madeAt } from './ids.js';
import { listing } from './listing.js';
import { cells, heads } from './rows.js';

const AT_A_TIME = 200;

/** Show them. */
export function show({ slots, params, signal }) {
  const wanted = { ...params, status: 'failed' };
  filters(slots.filters, 'filters', 'dead', params, { without: ['status'] });
  const list = () => listing(slots.list, { path: '/notifications', params: wanted, label: word('list.failed'), heads: heads(), cells, signal });
  slots.try.addEventListener('click', () => count(slots, wanted, signal));
  slots.send.addEventListener('click', () => sendAgain(slots, wanted, signal, list));
  list();
}

async function count(slots, wanted, signal) {
  slots.try.disabled = true;
  try {
    const matched = await dryRun(wanted, signal);
    slots.send.disabled = matched === 0;
    slots.said.textContent = matched === 0 ? word('dead.none') : asked(matched);
    if (matched && Object.keys(wanted).length === 1) slots.said.append(` ${word('dead.filter')}`);
  } catch (problem) {
    if (problem.name !== 'AbortError') slots.said.textContent = wrong(problem);
  } finally {
    slots.try.disabled = false;
  }
}

async function sendAgain(slots, wanted, signal, list) {
  const question = { title: word('dead.title'), text: slots.said.textContent, yes: word('replay') };
  if (!(await ask(question))) return;
  slots.send.disabled = slots.try.disabled = true;
  slots.progress.hidden = false;
  slots.progress.removeAttribute('value');
  const created = [];
  try {
    await inSlices(wanted, created, slots, signal);
    slots.said.textContent = word('dead.done', { number: number(created.length) });
  } catch (problem) {
    if (problem.name === 'AbortError') return;
    slots.said.textContent = word('dead.broken', { number: number(created.length), why: wrong(problem) });
  } finally {
    slots.progress.hidden = true;
    slots.try.disabled = false;
  }
  slots.try.focus();
  if (created.length) follow(slots.results, created, signal);
  list();
}

/** What fails again meanwhile is not taken up once more: nothing that was made since the first slice is asked for. */
async function inSlices(wanted, created, slots, signal) {
  let { until } = wanted;
  let last;
  do {
    const body = { ...wanted, limit: AT_A_TIME, ...(until && { until }) };
    last = (await call('POST', '/notifications/replay', { body, signal })).body.created;
    if (last.length) until ??= madeAt(last[0].id);
    created.push(...last);
    slots.said.textContent = word('dead.sent', { number: number(created.length) });
  } while (last.length === AT_A_TIME);
}

async function dryRun(wanted, signal) {
  const body = { ...wanted, dry_run: true, limit: AT_A_TIME };
  return (await call('POST', '/notifications/replay', { body, signal })).body.matched;
}

function asked(matched) {
  return word(matched < AT_A_TIME ? 'dead.would' : 'dead.would-more', { number: number(matched) });
}
