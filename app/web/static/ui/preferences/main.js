// The preference centre: reads what there is, and hands it to the parts of the page.

import { word, wrong } from '../words.js';
import { contacts } from './contacts.js';
import { matrix } from './matrix.js';
import { muted } from './muted.js';
import { pause } from './pause.js';
import { Saving } from './saving.js';
import { Store } from './store.js';
import { times } from './times.js';
import { unread } from './unread.js';

const content = document.getElementById('content');
const missing = document.getElementById('missing');
const store = new Store(document.getElementById('main').dataset.user);
const saving = new Saving(store);

for (const part of [pause, matrix, unread, times, muted]) part(store, saving);
const openAsked = contacts(store, saving);

async function load() {
  try {
    await store.load();
  } catch (problem) {
    if (!('status' in problem)) throw problem;
    document.getElementById('missing-why').textContent = problem.status >= 500 ? word('away') : wrong(problem);
    missing.hidden = false;
    return;
  }
  missing.hidden = true;
  content.hidden = false;
  document.getElementById('main').dataset.wanted = store.shown.locale;
  saving.greet();
  openAsked();
}

document.getElementById('load-again').addEventListener('click', load);
load();
