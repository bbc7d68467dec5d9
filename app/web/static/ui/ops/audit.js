// Who did what.

import { el } from '../build.js';
import { timeElement } from '../formats.js';
import { word } from '../words.js';
import { toTheSecond } from './clock.js';
import { filters } from './filters.js';
import { listing } from './listing.js';
import { idLink, link, own } from './parts.js';

/** Show it. */
export function show({ slots, params, signal }) {
  filters(slots.filters, 'audit-filters', 'audit', params);
  const heads = ['time', 'actor', 'action', 'object', 'detail'].map((name) => word(`head.${name}`));
  const label = document.getElementById('heading').textContent;
  listing(slots.list, { path: '/audit', params, label, heads, cells, signal });
}

function cells(entry) {
  const detail = Object.keys(entry.detail).length ? el('code', { dir: 'ltr' }, JSON.stringify(entry.detail)) : '';
  return [
    timeElement(entry.at, toTheSecond),
    link('audit', { params: { actor: entry.actor } }, own(entry.actor)),
    link('audit', { params: { action: entry.action } }, own(entry.action)),
    idLink(entry.object),
    detail,
  ];
}
