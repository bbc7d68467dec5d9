// A list that comes in pages.

import { page } from '../api.js';
import { el } from '../build.js';
import { number } from '../formats.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { empty, fetched, row, table } from './parts.js';

/** Show a list of the API: `cells` makes a row of an item, `none` what is shown when there is nothing. */
export function listing(place, { path, params, label, heads, cells, none, signal }) {
  const from = (cursor) => page(path, { ...params, cursor, limit: 50 }, { signal });
  return fetched(place, () => from(), ({ body }) => {
    if (!body.items.length) return none?.() ?? empty(word('nothing'));
    const whole = table(label, heads, body.items.map(cells));
    return el('div', { className: 'card' }, whole, more(whole, body, from, cells));
  });
}

function more(whole, first, from, cells) {
  const count = el('span', { className: 'quiet', role: 'status' });
  const button = el('button', { type: 'button' }, word('more'));
  const rows = whole.querySelector('tbody');
  let next = first.next_cursor;
  const tell = () => {
    count.textContent = word('shown', { number: number(rows.children.length) });
    button.hidden = next === null;
  };
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const { body } = await from(next);
      const added = body.items.map((item) => row(cells(item)));
      rows.append(...added);
      next = body.next_cursor;
      tell();
      // Who reads on goes on at what is new, also when the button is gone.
      added[0]?.setAttribute('tabindex', '-1');
      added[0]?.focus();
    } catch (problem) {
      if (problem.name !== 'AbortError') toast(wrong(problem), { bad: true });
    } finally {
      button.disabled = false;
    }
  });
  tell();
  return el('div', { className: 'row below' }, button, count);
}
