// The channels: how each is, and its switch.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { number, timeElement } from '../formats.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';
import { badge, named } from './names.js';
import { english, facts, fetched, link, own } from './parts.js';

/** Show them. */
export function show({ slots, signal }) {
  fetched(slots.cards, () => call('GET', '/channels', { signal }), ({ body }) => body.items.map(card));
}

function card(channel) {
  const { element, slots } = stamp('channel');
  const name = named('channel', channel.name);
  element.dataset.name = channel.name;
  slots.name.textContent = name;
  if (channel.paused) slots.badges.append(badge('status', 'held', word('paused')));
  if (channel.breaker !== 'closed') slots.badges.append(badge('breaker', 'failing', named('breaker', channel.breaker)));
  slots.facts.append(...facts([
    [word('channel.setup'), named('state', channel.state)],
    [word('channel.breaker'), named('breaker', channel.breaker)],
    [word('channel.open'), channel.open_targets && number(channel.open_targets)],
    [word('channel.half'), channel.half_open_targets && number(channel.half_open_targets)],
    [word('channel.parked'), channel.parked_targets && number(channel.parked_targets)],
    [word('channel.trouble'), channel.trouble && [english(channel.trouble.detail), ' ', timeElement(channel.trouble.at)]],
    [word('channel.operators'), [named('operators', channel.operators), channel.operators_detail ? ': ' : '', channel.operators_detail ? english(channel.operators_detail) : null].filter(Boolean)],
    [word('channel.since'), channel.paused_at && timeElement(channel.paused_at)],
    [word('channel.by'), channel.paused_by && own(channel.paused_by)],
    [word('channel.reason'), channel.paused_reason && own(channel.paused_reason)],
  ].filter(([, value]) => value !== 0)));
  const does = channel.paused ? 'resume' : 'pause';
  if (channel.paused) slots.switch.after(link('find', { params: { status: 'held', channel: channel.name } }, word('channel.held')));
  slots.switch.textContent = word(does);
  slots.switch.setAttribute('aria-label', word(`${does}.label`, { channel: name }));
  slots.switch.addEventListener('click', () => flip(element, channel.name, name, does));
  return element;
}

async function flip(element, id, name, does) {
  const why = does === 'pause' ? reasonField() : null;
  const question = { title: word(`${does}.title`, { channel: name }), text: word(`${does}.text`), yes: word(does), danger: does === 'pause', more: why };
  if (!(await ask(question))) return;
  const reason = why?.querySelector('textarea').value.trim();
  try {
    const { body } = await call('POST', `/channels/${encodeURIComponent(id)}/${does}`, reason ? { body: { reason } } : {});
    const fresh = card(body);
    element.replaceWith(fresh);
    fresh.querySelector('button').focus();
    toast(word(`${does}.done`, { channel: name }));
  } catch (problem) {
    toast(wrong(problem), { bad: true });
  }
}

/** Of more than one line, because Enter in a line alone would press the first button. */
function reasonField() {
  return el(
    'div', { className: 'asked' }, el('label', { htmlFor: 'pause-reason' }, word('pause.reason')),
    el('textarea', { id: 'pause-reason', rows: 2, maxLength: 200, dir: 'auto' }),
  );
}
