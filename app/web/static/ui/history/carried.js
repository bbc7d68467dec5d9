// What a digest carries, as links to each.

import { call, query } from '../api.js';
import { el } from '../build.js';
import { timeElement } from '../formats.js';
import { word, wrong } from '../words.js';

/** List them in a place, page by page; `called` names a type. */
export async function carried(place, digest, called) {
  const list = el('ul', { className: 'members' });
  const said = el('p', { className: 'quiet', role: 'status' }, word('loading'));
  const more = el('button', { type: 'button', hidden: true }, word('more'));
  let cursor = null;
  const next = async () => {
    try {
      const { body } = await call('GET', `/history/${encodeURIComponent(digest.user_id)}${query({ digest_id: digest.id, cursor })}`);
      list.append(...body.items.map((one) => member(one, called(one.type))));
      cursor = body.next_cursor;
      more.hidden = cursor === null;
      said.textContent = list.childElementCount ? '' : word('no-members');
    } catch (problem) {
      said.textContent = wrong(problem);
      more.hidden = false;
    }
  };
  more.addEventListener('click', next);
  place.replaceChildren(list, said, more);
  await next();
}

function member(one, type) {
  // What went into a digest has seldom words of its own.
  const link = el('a', { href: `#${one.id}`, dir: 'auto' }, one.content?.subject ?? type);
  if (one.content?.locale) link.lang = one.content.locale;
  const subject = one.content || one.subject_key === null ? null : el('bdi', {}, one.subject_key);
  return el('li', { className: 'row' }, link, subject, timeElement(one.created_at));
}
