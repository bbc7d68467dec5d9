// The matrix: how often each type of event goes to each channel, and the switch of each channel.

import { el } from '../build.js';
import { word } from '../words.js';

/** Show the matrix, and save what is changed in it. */
export function matrix(store, saving) {
  const table = document.getElementById('matrix');
  const heads = new Map([...table.querySelectorAll('thead th')].map((head) => [head.dataset.channel, head]));
  store.addEventListener('shown', () => {
    const states = new Map([...heads].map(([name, head]) => [name, stateOf(store.shown, name, head)]));
    for (const [name, head] of heads) showHead(head, states.get(name));
    for (const cell of table.querySelectorAll('tbody td')) showCell(cell, store.shown, states.get(cell.dataset.channel));
  });
  table.addEventListener('change', ({ target }) => {
    const { channel } = target.closest('[data-channel]').dataset;
    if (target.matches('[role=switch]')) {
      const what = `${labelOf(target)}: ${word(target.checked ? 'on' : 'off')}`;
      saving.save({ channels: { [channel]: target.checked } }, { control: target, what });
      return;
    }
    const { type } = target.closest('tr').dataset;
    const what = `${labelOf(target)}: ${target.selectedOptions[0].textContent.trim()}`;
    saving.save({ events: { [type]: { [channel]: target.value } } }, { control: target, what });
  });
  table.addEventListener('click', ({ target }) => {
    if (!target.matches('.reset')) return;
    const { channel } = target.closest('[data-channel]').dataset;
    const { type } = target.closest('tr').dataset;
    const select = target.closest('td').querySelector('select');
    // The button goes away with what it takes back.
    select.focus();
    saving.save({ events: { [type]: { [channel]: null } } }, { control: select, what: `${labelOf(select)}: ${target.textContent}` });
  });
}

function stateOf(shown, name, head) {
  const contact = shown.contacts[name];
  const needed = head.querySelector('.state') !== null;
  return {
    isOn: shown.channels[name] ?? head.dataset.usual === 'on',
    missing: needed && contact === undefined ? 'not-set-up' : null,
    waits: contact?.disabled ? 'disabled' : contact?.verified === false ? 'unverified' : null,
    types: contact?.types ?? null,
  };
}

function showHead(head, { isOn, missing, waits }) {
  const control = head.querySelector('input');
  if (control.getAttribute('aria-busy') === null) control.checked = isOn;
  head.querySelector('.switch').hidden = missing !== null;
  const link = head.querySelector('.state');
  if (!link) return;
  const said = missing ?? waits;
  link.hidden = said === null;
  link.textContent = said ? word(said) : '';
}

function showCell(cell, shown, { isOn, missing, waits, types }) {
  const select = cell.querySelector('select');
  if (!select) return;
  const { channel } = cell.dataset;
  const { type } = cell.closest('tr').dataset;
  const leftOut = types !== null && !types.includes(type);
  const none = cell.querySelector('.none');
  const hidden = missing !== null || leftOut;
  cell.querySelector('.choice').hidden = hidden;
  none.hidden = !hidden;
  none.replaceChildren(...(missing ? nothing(word(missing)) : leftOut ? [word('left-out')] : []));
  cell.classList.toggle('absent', missing !== null);
  cell.classList.toggle('asleep', !hidden && (!isOn || waits !== null));
  if (select.getAttribute('aria-busy') !== null) return;
  const own = shown.events[type]?.[channel];
  select.value = own ?? cell.dataset.usual;
  cell.classList.toggle('own', own !== undefined);
  cell.querySelector('.reset').hidden = own === undefined;
  cell.querySelector('.whose-choice').textContent = word(own ? 'yours' : 'usual');
}

function nothing(said) {
  return [el('span', { 'aria-hidden': 'true' }, '–'), el('span', { className: 'unseen' }, said)];
}

function labelOf(control) {
  const ids = control.getAttribute('aria-labelledby').split(' ');
  return ids.map((id) => document.getElementById(id).textContent.trim()).join(' · ');
}
