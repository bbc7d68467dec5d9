// What several parts of the page are built of.

import { el } from '../build.js';
import { word, wrong } from '../words.js';
import { to } from './routes.js';

/** A link to a place on this page. */
export const link = (name, where, text) => el('a', { href: to(name, where) }, text);

/** An id as a link to what it names; plain text when it names nothing that can be shown. */
export function idLink(id) {
  const text = el('bdi', { className: 'mono' }, id);
  if (/^ntf_/.test(id)) return link('notification', { id }, text);
  if (/^evt_/.test(id)) return link('event', { id }, text);
  if (/^key_/.test(id)) return link('keys', { id }, text);
  if (/^itm_/.test(id)) return link('find', { params: { item_id: id } }, text);
  return text;
}

/** A text of somebody's, in its own direction. */
export const own = (text) => el('bdi', {}, text);

/** A text of the service's own, which is English. */
export const english = (text) => el('span', { lang: 'en', dir: 'ltr' }, text);

/** A table that scrolls by itself; rows are lists of cells, the first of which heads its row. */
export function table(label, heads, rows) {
  const head = el('tr', {}, heads.map((text) => el('th', { scope: 'col' }, text)));
  const body = el('tbody', {}, rows.map(row));
  const whole = el('table', { 'aria-label': label }, el('thead', {}, head), body);
  return el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': label }, whole);
}

/** A row of such a table. */
export function row([first, ...rest]) {
  return el('tr', {}, el('th', { scope: 'row' }, first), rest.map((cell) => el('td', {}, cell)));
}

/** Pairs for a list of facts; what has no value is left out. */
export function facts(pairs) {
  return pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
}

/** Say that nothing is there, and perhaps what to do. */
export const empty = (text, ...more) => el('div', { className: 'empty' }, el('p', {}, text), more);

/** Say what went wrong in a place, with a way to try again. */
export function fail(place, problem, again) {
  if (problem.name === 'AbortError') return;
  const text = problem.status === 404 ? word('missing') : wrong(problem);
  const retry = again && el('button', { type: 'button', onclick: again }, word('again'));
  place.replaceChildren(el('div', { className: 'notice bad', role: 'alert' }, el('p', {}, text), retry));
}

/** Fill a place with what is fetched; says so while it loads, and what to do when it fails. */
export async function fetched(place, load, build) {
  place.setAttribute('aria-busy', 'true');
  if (!place.hasChildNodes()) place.replaceChildren(el('p', { className: 'quiet' }, word('loading')));
  try {
    const found = await load();
    place.replaceChildren(...[build(found)].flat());
  } catch (problem) {
    fail(place, problem, () => fetched(place, load, build));
  } finally {
    place.removeAttribute('aria-busy');
  }
}
