// The history as a file: all that match, not only what is shown.

import { call, query } from '../api.js';
import { el } from '../build.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';

/** Lets each button of a place with `data-type` and `data-file` save what `path` and `filters` find. */
export function saveFrom(place, path, filters) {
  for (const button of place.querySelectorAll('button')) {
    button.addEventListener('click', () => save(button, path + query(filters.query)));
  }
}

async function save(button, path) {
  const { type, file } = button.dataset;
  button.disabled = true;
  try {
    const { body } = await call('GET', path, { accept: type });
    const url = URL.createObjectURL(new Blob([body], { type }));
    el('a', { href: url, download: file }).click();
    URL.revokeObjectURL(url);
    toast(word('saved'));
  } catch (problem) {
    toast(wrong(problem), { bad: true });
  } finally {
    button.disabled = false;
    button.focus();
  }
}
