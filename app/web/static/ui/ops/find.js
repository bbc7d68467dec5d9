// Finding notifications: by an id that is pasted, or by what is known about them.

import { el } from '../build.js';
import { word } from '../words.js';
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
    look(slots, slots.ids.elements.text.value.trim());
  });
  filters(slots.filters, 'filters', 'find', params);
  listing(slots.list, {
    path: '/notifications', params, label: word('list.notifications'), heads: heads(), cells, signal, none: () => nothing(params),
  });
}

function look(slots, text) {
  if (!text) return;
  const ids = idsIn(text);
  if (!ids.length) go('find', { params: { user_id: text } });
  else if (ids.length > 1) tell(slots, word('ids.many'), el('ul', {}, ids.map((id) => el('li', {}, idLink(id)))));
  else if (placeOf(ids[0])) go(placeOf(ids[0]), { id: ids[0] });
  else tell(slots, word('ids.item', { id: ids[0] }));
}

function tell(slots, text, ...more) {
  slots.found.replaceChildren(el('p', {}, text), ...more);
}

function nothing(params) {
  const isUserAlone = params.user_id && Object.keys(params).length === 1;
  const instead = isUserAlone && link('find', { params: { subject_key: params.user_id } }, word('as-subject', { text: params.user_id }));
  return empty(word('nothing'), instead);
}
