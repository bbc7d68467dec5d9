// The page of a person's history.

import { page } from '../api.js';
import { el } from '../build.js';
import { word, wrong } from '../words.js';
import { Details } from './details.js';
import { saveFrom } from './files.js';
import { Filters } from './filters.js';
import { List } from './list.js';
import { answerFrom } from './missing.js';

const { user } = document.getElementById('main').dataset;
const path = `/history/${encodeURIComponent(user)}`;
const place = document.getElementById('list');
const said = document.getElementById('said');
const more = document.getElementById('more');
const files = document.getElementById('files');
const box = document.getElementById('filter-box');

const filters = new Filters(document.getElementById('filters'), load);
const list = new List(place, filters);
const details = new Details(document.getElementById('details'), filters);
let cursor = null;
let asked = null;

async function load() {
  list.clear();
  cursor = null;
  await next();
}

/** The next page of the list; gives the link of its first one. */
async function next() {
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  place.setAttribute('aria-busy', 'true');
  said.replaceChildren(el('p', { className: 'empty' }, word('loading')));
  more.hidden = true;
  try {
    const { body } = await page(path, { ...filters.query, cursor }, { signal: mine.signal });
    cursor = body.next_cursor;
    const first = list.add(body.items);
    said.replaceChildren(...(first || place.childElementCount ? [] : [empty()]));
    more.hidden = cursor === null;
    files.hidden = place.childElementCount === 0;
    return first;
  } catch (problem) {
    if (problem.name !== 'AbortError') said.replaceChildren(fault(problem));
    return null;
  } finally {
    if (asked === mine) place.setAttribute('aria-busy', 'false');
  }
}

function empty() {
  return el('p', { className: 'card empty' }, word(filters.count ? 'no-match' : 'nothing'));
}

function fault(problem) {
  const again = el('button', { type: 'button', onclick: () => next() }, word('again'));
  return el('div', { className: 'notice bad row spread' }, el('span', {}, wrong(problem)), again);
}

more.addEventListener('click', async () => (await next())?.focus());
addEventListener('popstate', () => {
  const before = filters.kept;
  filters.recall();
  if (filters.kept !== before) load();
});
box.open = filters.count > 0 || matchMedia('(min-width: 48rem)').matches;
saveFrom(files, path, filters);
answerFrom(document.getElementById('missing'), document.getElementById('answer'), user);
load();
details.follow();
