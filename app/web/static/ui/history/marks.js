// What became of a notification, as a sign and a word.

import { el } from '../build.js';

const marks = document.getElementById('marks').content;

/** The badge of a status. */
export function mark(status) {
  const known = marks.querySelector(`[data-status="${CSS.escape(status)}"]`);
  return known ? known.cloneNode(true) : el('span', { className: 'badge plain' }, status);
}
