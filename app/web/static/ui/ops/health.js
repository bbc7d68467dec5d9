// How the parts of the service are.

import { el } from '../build.js';
import { word } from '../words.js';
import { keep, set } from './live.js';
import { badge, named } from './names.js';

/** Gives what writes the answer of /health; who listens is told when it changes, and not every few seconds. */
export function health(slots) {
  let last = null;
  return ({ status, checks = {} }) => {
    keep(slots.checks, Object.entries(checks), line, (child, check) => {
      const mark = child.querySelector('.badge');
      if (mark.dataset.status !== check.status) {
        const made = badge('health', check.status);
        made.dataset.status = check.status;
        mark.replaceWith(made);
      }
      set(child.lastElementChild, check.detail);
    });
    const failing = Object.entries(checks).filter(([, check]) => check.status === 'failing').map(([name]) => named('check', name));
    const said = status === 'ok' ? word('health.well') : word('health.unwell', { names: failing.join(', ') });
    if (said === last) return;
    last = said;
    slots.health.replaceChildren(badge('health', status));
    slots.said.textContent = said;
  };
}

function line(name) {
  return el('li', {}, el('span', { className: 'badge' }), el('strong', {}, named('check', name)), el('span', { className: 'quiet', lang: 'en', dir: 'ltr' }));
}
