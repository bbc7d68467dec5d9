// What the API calls things, in words: `named('status', 'held')`.

import { el } from '../build.js';
import { word } from '../words.js';

const kinds = {
  delivered: 'good', failed: 'bad', expired: 'bad', retrying: 'warn', held: 'warn', ok: 'good', failing: 'bad',
  transient: 'warn', permanent: 'bad', unknown: 'warn', off: 'plain',
};

/** The word for a value; the value itself where there is none. */
export function named(kind, value) {
  if (value === null || value === undefined || value === '') return '';
  const name = `${kind}.${value}`;
  const found = /^[\w.-]+$/.test(name) ? word(name) : name;
  return found === name ? String(value) : found;
}

/** Every value of a kind that has a word, with that word. */
export function all(kind) {
  const source = document.getElementById('words').content;
  return [...source.querySelectorAll(`[data-word^="${kind}."]`)]
    .map((entry) => [entry.dataset.word.slice(kind.length + 1), entry.textContent.trim()]);
}

/** A badge with a word, coloured by what the value means. */
export function badge(kind, value, text = named(kind, value)) {
  return el('span', { className: `badge ${kinds[value] ?? 'plain'}` }, text);
}

/** Fill a select that says with `data-names` what it offers; with `data-whole`, without an empty choice. */
export function fill(select) {
  const choices = all(select.dataset.names).map(([value, text]) => el('option', { value }, text));
  const any = 'whole' in select.dataset ? [] : [el('option', { value: '' }, word('any'))];
  select.replaceChildren(...any, ...choices);
}
