// Tables whose cells are updated as numbers come.

import { el } from '../build.js';
import { number } from '../formats.js';
import { word } from '../words.js';
import { keep, set } from './live.js';
import { sum, sumBy } from './metrics.js';
import { named } from './names.js';
import { span } from './spans.js';

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

/** What each channel has done; gives what writes it. */
export function perChannel(place, label) {
  const body = el('tbody');
  const heads = ['channel', 'setup', 'delivered', 'failed', 'average'].map((name, index) =>
    el('th', { scope: 'col', className: index > 1 ? 'number' : '' }, word(`head.${name}`)),
  );
  const table = el('table', { 'aria-labelledby': label }, el('thead', {}, el('tr', {}, heads)), body);
  place.replaceChildren(el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-labelledby': label }, table));
  const make = (key) => el(
    'tr', {}, el('th', { scope: 'row' }, named('channel', key)), el('td'), el('td', { className: 'number' }),
    el('td', { className: 'number' }), el('td', { className: 'number' }),
  );
  return (series, setup) => {
    const delivered = sumBy(series, 'notifications_total', 'channel', { status: 'delivered' });
    const failed = sumBy(series, 'notifications_total', 'channel', { status: 'failed' });
    keep(body, Object.entries(setup ?? {}), make, (child, state) => {
      const channel = child.dataset.key;
      const count = sum(series, 'notification_delivery_seconds_count', { channel });
      const average = sum(series, 'notification_delivery_seconds_sum', { channel }) / count;
      const texts = [named('state', state), number(delivered.get(channel) ?? 0), number(failed.get(channel) ?? 0), count ? span(average) : '–'];
      texts.forEach((text, index) => set(child.children[index + 1], text));
    });
  };
}
