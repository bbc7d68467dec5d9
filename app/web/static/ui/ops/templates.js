// Templates: what would be sent, and what was worded otherwise.

import { call } from '../api.js';
import { el } from '../build.js';
import { word } from '../words.js';
import { content } from './content.js';
import { badge, fill, named } from './names.js';
import { empty, english, fail, fetched, link, own, table } from './parts.js';
import { called, isPlace } from './places.js';
import { go } from './routes.js';

/** Show them. */
export function show({ slots, signal }) {
  const form = slots.form;
  for (const select of form.querySelectorAll('select[data-names]')) fill(select);
  form.elements.channel.value = 'email';
  languages(form.elements.locale);
  samples(form, signal);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    preview(form, slots.preview, signal);
  });
  fetched(slots.own, () => call('GET', '/templates', { signal }), ({ body }) => overrides(body, slots));
}

function languages(select) {
  const { locale } = document.getElementById('main').dataset;
  const known = new Intl.DisplayNames(locale, { type: 'language' });
  for (const option of select.options) option.textContent = `${known.of(option.value)} (${option.value})`;
}

async function samples(form, signal) {
  const { type, data } = form.elements;
  try {
    const { body } = await call('GET', '/event-types', { signal });
    const known = new Map(body.items.map((item) => [item.name, item.sample]));
    for (const name of known.keys()) {
      if (![...type.options].some((option) => option.value === name)) type.append(el('option', { value: name }, name));
    }
    const write = () => { data.value = JSON.stringify(known.get(type.value) ?? {}, null, 2); };
    type.addEventListener('change', write);
    write();
  } catch {
    // Without it a preview is of the sample that the service has; whoever wants other data writes them.
  }
}

async function preview(form, place, signal) {
  const body = asked(form);
  if (body === null) return;
  try {
    const { body: made } = await call('POST', '/templates/preview', { body, signal });
    const parts = content({ ...made, template_version: null });
    place.replaceChildren(el('div', { className: 'card' }, parts));
  } catch (problem) {
    fail(place, problem);
  }
}

function asked(form) {
  const { type, channel, locale, resolved, data } = form.elements;
  const fault = document.getElementById('preview-fault');
  const body = { type: type.value, channel: channel.value, locale: locale.value };
  if (resolved.checked) body.resolved = true;
  let text = '';
  try {
    if (data.value.trim()) body.data = JSON.parse(data.value);
    if (body.data !== undefined && (typeof body.data !== 'object' || body.data === null || Array.isArray(body.data))) text = word('templates.object');
  } catch (error) {
    text = word('templates.json', { why: error.message });
  }
  fault.textContent = text;
  fault.hidden = !text;
  data.toggleAttribute('aria-invalid', false);
  if (!text) return body;
  data.setAttribute('aria-invalid', 'true');
  data.focus();
  return null;
}

function overrides(body, slots) {
  places(slots.choose, body);
  if (!body.items.length) return empty(word('templates.none'));
  const heads = ['template', 'origin', 'state', 'pieces'].map((name) => word(`head.${name}`));
  return table(word('head.template'), heads, body.items.map((item) => [
    isPlace(item.template) ? link('template', { id: item.template }, own(item.template)) : own(item.template),
    named('origin', item.origin),
    [badge('health', item.in_force ? 'ok' : 'failing', word(item.in_force ? 'templates.in-force' : 'templates.refused')), faults(item.errors)].filter(Boolean),
    item.pieces.join(', '),
  ]));
}

/** Choose a place, and go there. */
function places(form, { types, channels, locales }) {
  const offered = { type: types, channel: Object.keys(channels), locale: locales };
  for (const [kind, values] of Object.entries(offered)) {
    form.elements[kind].replaceChildren(...values.map((value) => el('option', { value }, called(kind, value))));
  }
  form.elements.channel.value = 'email';
  form.elements.locale.value = document.documentElement.lang;
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go('template', { id: Object.keys(offered).map((kind) => form.elements[kind].value).join('/') });
  });
}

function faults(errors) {
  const lines = Object.entries(errors).flatMap(([piece, texts]) => texts.map((text) => el('li', {}, english(`${piece}: ${text}`))));
  return lines.length ? el('ul', { className: 'unmarked' }, lines) : null;
}
