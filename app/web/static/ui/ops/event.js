// One event: what was submitted, and what became of it.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { number, timeElement } from '../formats.js';
import { word } from '../words.js';
import { cancelButton } from './cancelling.js';
import { badge, named } from './names.js';
import { empty, facts, fetched, link, own, table } from './parts.js';

const open = ['pending', 'held', 'sending', 'retrying'];

/** Show it. */
export function show({ slots, id, signal }) {
  const path = `/events/${encodeURIComponent(id)}`;
  const load = () => fetched(slots.place, () => call('GET', path, { signal }), ({ body }) => {
    slots.actions.replaceChildren(...(open.some((status) => body.counts[status]) ? [cancelButton(path, 'event', load)] : []));
    return drawn(body);
  });
  load();
}

function drawn(event) {
  const { element, slots } = stamp('event');
  const counts = Object.entries(event.counts);
  slots.counts.append(...counts.map(([status, count]) => badge('status', status, `${named('status', status)}: ${number(count)}`)));
  if (!counts.length) slots.counts.remove();
  slots.facts.append(...facts([
    [word('fact.id'), own(event.id)],
    [word('fact.type'), named('type', event.type)],
    [word('fact.priority'), named('priority', event.priority)],
    [word('fact.subject'), event.subject_key && link('find', { params: { subject_key: event.subject_key } }, own(event.subject_key))],
    [word('fact.source'), event.source && own(event.source)],
    [word('fact.created'), timeElement(event.created_at)],
    [word('fact.recipients'), recipients(event.recipients)],
  ]));
  slots.data.textContent = JSON.stringify(event.data, null, 2);
  slots.notifications.append(notifications(event.notifications));
  return element;
}

function recipients(ids) {
  return (ids ?? []).flatMap((id, place) => [place ? ', ' : '', link('find', { params: { user_id: id } }, own(id))]);
}

function notifications(items) {
  if (!items.length) return empty(word('nothing'));
  const heads = ['user', 'channel', 'status', 'notification'].map((name) => word(`head.${name}`));
  return table(word('list.notifications'), heads, items.map((one) => [
    own(one.user_id),
    named('channel', one.channel),
    [badge('status', one.status), one.reason ? ` ${named('reason', one.reason)}` : ''],
    link('notification', { id: one.id }, el('bdi', { className: 'mono' }, one.id)),
  ]));
}
