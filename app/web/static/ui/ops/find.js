// Finding notifications: by an id that is pasted, or by what is known about them.

import { call, query } from '../api.js';
import { el } from '../build.js';
import { word, wrong } from '../words.js';
import { filters } from './filters.js';
import { idsIn, placeOf } from './ids.js';
import { listing } from './listing.js';
import { empty, idLink, link } from './parts.js';
import { go } from './routes.js';
import { cells, heads } from './rows.js';

/** Show it. */
export function show({ slots, params, signal }) {
  slots.ids.addEventListener('submit', (event) => {
    event.preventDefault();
    look(slots, slots.ids.elements.text.value.trim(), signal);
  });
  filters(slots.filters, 'filters', 'find', params);
  listing(slots.list, {
    path: '/notifications', params, label: word('list.notifications'), heads: heads(), cells, signal, none: () => nothing(params),
  });
}

function look(slots, text, signal) {
  if (!text) return;
  const ids = idsIn(text);
  if (!ids.length) go('find', { params: { user_id: text } });
  else if (ids.length > 1) tell(slots, word('ids.many'), el('ul', {}, ids.map((id) => el('li', {}, idLink(id)))));
  else if (placeOf(ids[0])) go(placeOf(ids[0]), { id: ids[0] });
  else behind(slots, ids[0], signal);
}

/** Go to the notification that an item of an inbox shows. */
async function behind(slots, item, signal) {
  try {
    const { body } = await call('GET', `/notifications${query({ item_id: item })}`, { signal });
    if (body.items.length) go('notification', { id: body.items[0].id });
    else tell(slots, word('ids.item', { id: item }));
  } catch (problem) {
    if (problem.name !== 'AbortError') tell(slots, wrong(problem));
  }
}

function tell(slots, text, ...more) {
  slots.found.replaceChildren(el('p', {}, text), ...more);
}

function nothing(params) {
  const isUserAlone = params.user_id && Object.keys(params).length === 1;
  const instead = isUserAlone && link('find', { params: { subject_key: params.user_id } }, word('as-subject', { text: params.user_id }));
  return empty(word('nothing'), instead);
}
