// The operators' desk: the address after the # says which part is shown, so that going back works.

import { stamp } from '../build.js';
import { word } from '../words.js';
import * as audit from './audit.js';
import * as channels from './channels.js';
import * as dead from './dead.js';
import * as defaults from './defaults.js';
import * as event from './event.js';
import * as find from './find.js';
import * as keys from './keys.js';
import * as notification from './notification.js';
import * as now from './now.js';
import { here } from './routes.js';
import * as template from './template.js';
import * as templates from './templates.js';

const parts = { now, find, notification, event, channels, dead, templates, template, keys, audit, defaults };
const under = { notification: 'find', event: 'find', template: 'templates' };
const place = document.getElementById('part');
let leaving = new AbortController();
let shown = null;

function show() {
  leaving.abort();
  leaving = new AbortController();
  const route = here();
  const name = route.name in parts ? route.name : 'now';
  const focused = document.activeElement?.id;
  const { element, slots } = stamp(`part-${name}`);
  place.replaceChildren(element);
  mark(under[name] ?? name);
  document.title = word('title', { part: element.querySelector('h2').textContent });
  parts[name].show({ slots, id: route.id, params: route.params, signal: leaving.signal });
  if (shown !== null) takeFocus(name === shown ? focused : '', element);
  shown = name;
}

function mark(name) {
  for (const link of document.querySelectorAll('[data-part]')) {
    if (link.dataset.part === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function takeFocus(id, element) {
  const before = id ? document.getElementById(id) : null;
  (before && element.contains(before) ? before : element.querySelector('h2')).focus();
}

addEventListener('hashchange', show);
show();
