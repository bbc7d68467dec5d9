// The way of a notification: each step with its time, and how long after the one before.

import { el } from '../build.js';
import { word } from '../words.js';
import { toTheSecond } from './clock.js';
import { badge, named } from './names.js';
import { english } from './parts.js';
import { span } from './spans.js';

const said = new Set(['decision.rendered']);

/** The entries of the list. */
export function timeline(item) {
  const steps = merged(item);
  return steps.map((step, place) => entry(step, place ? (step.at - steps[place - 1].at) / 1000 : 0));
}

function merged(item) {
  const steps = [
    { at: item.created_at, title: named('step', 'accepted') },
    ...item.trace.map((step) => ({ at: step.at, title: named('step', step.step), more: decided(step) })),
    ...item.attempts.map((one) => ({ at: one.started_at, title: word('attempt', { number: one.number }), more: outcome(one) })),
  ];
  // Sorting keeps the order of what has the same time.
  return steps.map((step) => ({ ...step, at: new Date(step.at) })).sort((one, other) => one.at - other.at);
}

function decided({ decision, reason }) {
  if (!decision || said.has(`decision.${decision}`)) return [];
  const kind = named('decision', decision) === decision ? 'status' : 'decision';
  return [badge(kind, decision), reason ? ` ${named('reason', reason)}` : ''];
}

function outcome(one) {
  const ended = one.outcome ? badge('outcome', one.outcome) : word('attempt.running');
  return [ended, one.http_status === null ? '' : ` ${one.http_status}`, one.detail === null ? '' : ' ', one.detail === null ? null : english(one.detail)];
}

function entry({ at, title, more = [] }, gap) {
  const time = el('time', { dateTime: at.toISOString() }, toTheSecond(at));
  const later = gap > 0 ? el('span', { className: 'quiet' }, word('gap', { time: span(gap) })) : null;
  return el('li', {}, el('p', { className: 'row' }, el('strong', {}, title), more), el('p', { className: 'row quiet' }, time, later));
}
