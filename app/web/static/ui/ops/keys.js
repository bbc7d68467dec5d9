// Keys of services: listed, made, revoked.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { moment, timeElement } from '../formats.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';
import { badge } from './names.js';
import { empty, fetched, own, table } from './parts.js';

/** Show them; the one with this id stands out. */
export function show({ slots, id, signal }) {
  const load = () => fetched(slots.list, () => call('GET', '/keys', { signal }), ({ body }) => list(body.items, id, load));
  slots.form.addEventListener('submit', (event) => {
    event.preventDefault();
    make(slots.form, load);
  });
  load().then(() => document.getElementById(`row-${id}`)?.scrollIntoView({ block: 'center' }));
}

function list(items, id, load) {
  if (!items.length) return empty(word('keys.none'));
  const heads = ['name', 'scopes', 'created', 'state', 'actions'].map((name) => word(`head.${name}`));
  const newest = [...items].reverse();
  const whole = table(word('head.name'), heads, newest.map((key) => [
    [own(key.name), el('br'), el('bdi', { className: 'mono quiet' }, key.id)],
    key.scopes.join(', '),
    timeElement(key.created_at),
    key.revoked_at ? badge('health', 'off', word('keys.revoked', { time: moment(key.revoked_at) })) : badge('health', 'ok', word('keys.in-use')),
    key.revoked_at ? '' : revokeButton(key, load),
  ]));
  [...whole.querySelectorAll('tbody tr')].forEach((line, place) => {
    line.id = `row-${newest[place].id}`;
    if (newest[place].id === id) line.setAttribute('aria-current', 'true');
  });
  return el('div', { className: 'card' }, whole);
}

function revokeButton(key, load) {
  const label = word('keys.revoke.label', { name: key.name });
  const button = el('button', { type: 'button', className: 'danger', 'aria-label': label }, word('keys.revoke'));
  button.addEventListener('click', async () => {
    const question = { title: word('keys.revoke.title', { name: key.name }), text: word('keys.revoke.text'), yes: word('keys.revoke'), danger: true };
    if (!(await ask(question))) return;
    try {
      await call('DELETE', `/keys/${encodeURIComponent(key.id)}`);
      toast(word('keys.revoke.done'));
    } catch (problem) {
      toast(wrong(problem), { bad: true });
    }
    await load();
    document.getElementById('heading')?.focus();
  });
  return button;
}

async function make(form, load) {
  const name = form.elements.name.value.trim();
  const scopes = [...form.querySelectorAll('[name="scopes"]:checked')].map((box) => box.value);
  if (!name) return refuse(form.elements.name, word('keys.name'));
  if (!scopes.length) return refuse(form.querySelector('[name="scopes"]'), word('keys.scope'));
  try {
    const { body } = await call('POST', '/keys', { body: { name, scopes } });
    refuse(null, '');
    form.reset();
    load();
    hand(body.key);
  } catch (problem) {
    refuse(form.elements.name, wrong(problem));
  }
}

function refuse(field, text) {
  const fault = document.getElementById('key-fault');
  fault.textContent = text;
  fault.hidden = !text;
  document.getElementById('key-name').removeAttribute('aria-invalid');
  if (!field) return;
  field.setAttribute('aria-invalid', 'true');
  field.focus();
}

/** Show the key this once. */
function hand(text) {
  const { element: dialog, slots } = stamp('new-key');
  slots.text.value = text;
  slots.copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      slots.said.textContent = word('keys.copied');
    } catch {
      slots.text.select();
      slots.said.textContent = word('keys.by-hand');
    }
  });
  slots.close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    dialog.remove();
    document.getElementById('key-name')?.focus();
  });
  document.getElementById('main').append(dialog);
  dialog.showModal();
}
