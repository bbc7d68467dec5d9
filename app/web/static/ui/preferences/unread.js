// What goes on to another channel while it stays unread in the inbox.

import { word } from '../words.js';
import { sayAt } from './faults.js';

// Nowhere, whatever the operators say; an empty choice leaves it to them.
const NONE = 'none';

/** Show what is to happen for each type, and save what is changed. */
export function unread(store, saving) {
  const lines = [...document.querySelectorAll('#unread .line')];
  store.addEventListener('shown', () => lines.forEach((line) => show(line, store.shown.escalate[line.dataset.type])));
  document.getElementById('unread').addEventListener('change', ({ target }) => {
    const line = target.closest('.line');
    const to = line.querySelector('[data-part=to]');
    const after = line.querySelector('[data-part=after]');
    const { type } = line.dataset;
    const isList = to.value !== '' && to.value !== NONE;
    if (target === after && !isList) return;
    if (isList && !after.value) {
      sayAt(after, word('missing'));
      return;
    }
    const wanted = isList ? { after_minutes: Number(after.value), to: to.value.split(' ') } : to.value === NONE ? false : null;
    const what = `${line.querySelector('.what').textContent}: ${to.selectedOptions[0].textContent.trim()}`;
    saving.save({ escalate: { [type]: wanted } }, { control: target, what, scope: line });
  });
}

function show(line, own) {
  const to = line.querySelector('[data-part=to]');
  const after = line.querySelector('[data-part=after]');
  if (to.getAttribute('aria-busy') !== null || after.getAttribute('aria-busy') !== null) return;
  const value = own === false ? noneOf(to) : own?.to.join(' ') ?? '';
  if (![...to.options].some((option) => option.value === value)) to.add(severalOf(own.to, to));
  to.value = value;
  // What was refused stays to be corrected.
  if (after.getAttribute('aria-invalid') === null) after.value = (own || {}).after_minutes ?? (line.dataset.usualMinutes || 15);
  after.closest('div').hidden = !own;
}

function severalOf(channels, select) {
  const names = channels.map((name) => [...select.options].find((option) => option.value === name)?.textContent ?? name);
  return new Option(names.join(' → '), channels.join(' '));
}

/** Where nothing is usual, none is the same as that. */
function noneOf(select) {
  return [...select.options].some((option) => option.value === NONE) ? NONE : '';
}
