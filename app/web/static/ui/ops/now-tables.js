// Tables whose cells are updated as numbers come.

import { el } from '../build.js';
import { number } from '../formats.js';
import { word } from '../words.js';
import { keep, set } from './live.js';
import { named } from './names.js';
import { span } from './spans.js';
import { chart, draw } from './sparkline.js';

/** A table of numbers by name; gives what writes into it. */
export function counts(place, { kind, head, label, none = '' }) {
  const body = el('tbody');
  const heads = el('tr', {}, el('th', { scope: 'col' }, head), el('th', { scope: 'col', className: 'number' }, word('head.number')));
  const table = el('table', { 'aria-labelledby': label }, el('thead', {}, heads), body);
  const nothing = el('p', { className: 'quiet', hidden: true }, none);
  place.replaceChildren(table, nothing);
  const make = (key) => el('tr', {}, el('th', { scope: 'row' }, named(kind, key)), el('td', { className: 'number' }));
  return (entries) => {
    table.hidden = !entries.length;
    nothing.hidden = !table.hidden;
    keep(body, entries, make, (child, value) => set(child.lastElementChild, number(value)));
  };
}

/** What waits on each lane; gives what writes it, with the course of its queue. */
export function perLane(place, label) {
  const write = charted(place, label, ['lane', 'queued', 'sending', 'retrying', 'held', 'oldest'], laneName);
  return (lanes, courses) => write(lanes, (lane) => ({
    texts: [lane.open.pending, lane.open.sending, lane.open.retrying, lane.open.held].map(number).concat(since(lane)),
    course: courses.of(lane.name),
    said: 'chart.lane',
  }));
}

/** What each channel has done; gives what writes it, with how much it delivers. */
export function perChannel(place, label) {
  const heads = ['channel', 'setup', 'accepted', 'held', 'delivered', 'failed', 'average', 'oldest'];
  const write = charted(place, label, heads, (name) => named('channel', name));
  return (channels, setup, rates) => write(channels, (channel) => ({
    texts: [
      named('state', setup[channel.name]), number(channel.accepted), number(channel.open.held), number(channel.delivered),
      failures(channel.failed), channel.average_seconds === null ? '–' : span(channel.average_seconds), since(channel),
    ],
    course: rates.of(channel.name),
    said: 'chart',
  }));
}

/** A lane's name in words: those that are no channel's have their own. */
function laneName(name) {
  const own = named('lane', name);
  return own === name ? named('channel', name) : own;
}

function failures(reasons) {
  const found = Object.entries(reasons).filter(([, count]) => count);
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  if (!total) return number(0);
  return word('failed.why', { number: number(total), why: found.map(([reason, count]) => `${named('reason', reason)}: ${number(count)}`).join(', ') });
}

const since = ({ oldest_open_seconds: seconds }) => (seconds ? span(seconds) : '–');

function charted(place, label, names, called) {
  const body = el('tbody');
  const heads = [...names, 'course'].map((name) => el('th', { scope: 'col', className: kindOf(name) }, word(`head.${name}`)));
  const table = el('table', { 'aria-labelledby': label }, el('thead', {}, el('tr', {}, heads)), body);
  place.replaceChildren(el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-labelledby': label }, table));
  const make = (key) => el(
    'tr', { data: { name: key } }, el('th', { scope: 'row' }, called(key)),
    names.slice(1).map((name) => el('td', { className: kindOf(name) })), el('td', {}, chart()),
  );
  return (items, tell) => keep(body, items.map((item) => [item.name, item]), make, (child, item) => {
    const { texts, course, said } = tell(item);
    texts.forEach((text, index) => set(child.children[index + 1], text));
    const [last, most] = [course.at(-1) ?? 0, Math.max(0, ...course)].map((value) => number(Math.round(value)));
    draw(child.lastElementChild.firstElementChild, course, word(said, { name: called(item.name), now: last, most }));
  });
}

const kindOf = (name) => ({ lane: '', channel: '', setup: '', course: '', failed: 'number reasons' })[name] ?? 'number';
