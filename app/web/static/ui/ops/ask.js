// A question before something is done that others notice.

import { el } from '../build.js';
import { word } from '../words.js';

/**
 * Ask; true when the answer was yes. Escape, and the button that comes first, leave everything as it is.
 * `more` stands between the question and the buttons.
 */
export function ask({ title, text, yes, danger = false, more = null }) {
  const leave = el('button', { type: 'submit', value: 'leave', autofocus: true }, word('leave'));
  const doIt = el('button', { type: 'submit', value: 'yes', className: danger ? 'danger' : 'main' }, yes);
  const dialog = el(
    'dialog',
    { 'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-text' },
    el('h2', { id: 'ask-title' }, title),
    el('p', { id: 'ask-text' }, text),
    more,
    el('form', { method: 'dialog', className: 'row' }, leave, doIt),
  );
  document.getElementById('main').append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    dialog.showModal();
  });
}
