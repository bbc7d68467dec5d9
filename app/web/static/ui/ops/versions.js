// What a template said before: each version, what it says otherwise, and taking it up again.

import { call, query } from '../api.js';
import { el } from '../build.js';
import { number, timeElement } from '../formats.js';
import { word } from '../words.js';
import { empty, fetched, own, table } from './parts.js';
import { pathOf } from './places.js';

/** List them in a place; `restore` takes one up again, and what one changed is shown in `difference`. */
export function versions(place, history, { id, difference, restore, signal }) {
  if (!history.length) return place.replaceChildren(empty(word('versions.none')));
  const heads = ['version', 'time', 'actor', 'action', 'actions'].map((name) => word(`head.${name}`));
  const rows = history.map((one, index) => [
    number(one.version),
    timeElement(one.at),
    own(one.by),
    word(`change.${one.change}`, { number: number(one.restores ?? 0) }),
    el('span', { className: 'row' }, compareButton(one.version, id, difference, signal), index && one.change !== 'removed' ? restoreButton(one.version, restore) : null),
  ]);
  return place.replaceChildren(table(document.getElementById('template-versions')?.textContent ?? word('head.version'), heads, rows));
}

function compareButton(version, id, place, signal) {
  const button = el('button', { type: 'button', 'aria-label': about('compare', version) }, word('compare'));
  button.addEventListener('click', async () => {
    const path = `${pathOf(id)}/diff${query({ from: version - 1, to: version })}`;
    await fetched(place, () => call('GET', path, { signal }), ({ body }) => drawn(version, body.pieces));
    place.querySelector('h4')?.focus();
  });
  return button;
}

function restoreButton(version, restore) {
  const button = el('button', { type: 'button', 'aria-label': about('restore', version) }, word('restore'));
  button.addEventListener('click', () => restore(version));
  return button;
}

/** What a button does, and to which version. */
const about = (act, version) => word('version.act', { act: word(act), number: number(version) });

function drawn(version, pieces) {
  const heading = el('h4', { tabIndex: -1 }, word('compare.title', { number: number(version) }));
  const parts = Object.entries(pieces).map(([name, text]) => [el('h5', {}, own(name)), el('pre', { className: 'difference', tabIndex: 0, dir: 'ltr' }, text.split('\n').flatMap(marked))]);
  return [heading, ...(parts.length ? parts.flat() : [el('p', {}, word('compare.same'))])];
}

/** A line with its sign, which says the same as its colour. */
function marked(text) {
  const kind = /^\+(?!\+\+ )/.test(text) ? 'ins' : /^-(?!-- )/.test(text) ? 'del' : 'span';
  return [el(kind, {}, text), '\n'];
}
