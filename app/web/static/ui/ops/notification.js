// One notification: what it is, what happened to it, what it says, and what can be done.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { number, timeElement } from '../formats.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';
import { cancelButton } from './cancelling.js';
import { toTheSecond } from './clock.js';
import { content } from './content.js';
import { listing } from './listing.js';
import { badge, named } from './names.js';
import { english, facts, fetched, idLink, link, own, table } from './parts.js';
import { go } from './routes.js';
import { cells, heads } from './rows.js';
import { span } from './spans.js';
import { timeline } from './timeline.js';

const open = new Set(['pending', 'held', 'sending', 'retrying']);

/** Show it. */
export function show({ slots, id, signal }) {
  const path = `/notifications/${encodeURIComponent(id)}`;
  const load = () => fetched(slots.place, () => call('GET', path, { signal }), ({ body }) => {
    slots.actions.replaceChildren(open.has(body.status) ? cancelButton(path, 'notification', load) : replayButton(body));
    return drawn(body, signal);
  });
  load();
}

function drawn(item, signal) {
  const { element, slots } = stamp('notification');
  slots.badge.append(badge('status', item.status));
  slots.because.textContent = item.because;
  slots.facts.append(...facts(about(item)));
  if (item.type === 'digest') {
    slots.carried.hidden = false;
    listing(slots.members, { path: '/notifications', params: { digest_id: item.id }, label: word('list.carried'), heads: heads(), cells, signal });
  }
  slots.timeline.append(...timeline(item));
  slots.attempts.append(attempts(item.attempts));
  slots.content.append(...content(item.content));
  return element;
}

function about(item) {
  return [
    [word('fact.id'), own(item.id)],
    [word('head.reason'), named('reason', item.reason)],
    [word('fact.type'), named('type', item.type)],
    [word('fact.channel'), named('channel', item.channel)],
    [word('fact.user'), link('find', { params: { user_id: item.user_id } }, own(item.user_id))],
    [word('fact.subject'), item.subject_key && link('find', { params: { subject_key: item.subject_key } }, own(item.subject_key))],
    [word('fact.event'), item.event_id && idLink(item.event_id)],
    [word('fact.digest'), item.digest_id && idLink(item.digest_id)],
    [word('fact.replay_of'), item.replay_of && idLink(item.replay_of)],
    [word('fact.created'), timeElement(item.created_at)],
    [word('fact.next'), item.next_at && timeElement(item.next_at)],
    [word('fact.delivered'), item.delivered_at && timeElement(item.delivered_at)],
    [word('fact.duplicates'), item.duplicates ? number(item.duplicates) : null],
    [word('fact.doubt'), item.possible_duplicate ? word('yes') : null],
  ];
}

function attempts(items) {
  if (!items.length) return el('p', { className: 'quiet' }, word('attempts.none'));
  const names = ['attempt', 'time', 'took', 'outcome', 'answer', 'detail'].map((name) => word(`head.${name}`));
  return table(word('head.attempt'), names, items.map((one) => [
    number(one.number),
    timeElement(one.started_at, toTheSecond),
    one.ended_at ? span((new Date(one.ended_at) - new Date(one.started_at)) / 1000) : '',
    one.outcome ? badge('outcome', one.outcome) : word('attempt.running'),
    one.http_status === null ? '' : String(one.http_status),
    one.detail === null ? '' : english(one.detail),
  ]));
}

function replayButton(item) {
  const button = el('button', { type: 'button' }, word('replay'));
  button.addEventListener('click', async () => {
    if (!(await ask({ title: word('replay.title'), text: word('replay.text'), yes: word('replay') }))) return;
    try {
      const { body } = await call('POST', '/notifications/replay', { body: { id: item.id, status: item.status } });
      if (!body.created.length) return toast(word('replay.none'), { bad: true });
      toast(word('replay.done'));
      go('notification', { id: body.created[0].id });
    } catch (problem) {
      toast(wrong(problem), { bad: true });
    }
  });
  return button;
}
