// Templates: what would be sent, and what was worded otherwise.

import { call } from '../api.js';
import { el } from '../build.js';
import { word, wrong } from '../words.js';
import { content } from './content.js';
import { badge, fill, named } from './names.js';
import { empty, english, fail, fetched, own, table } from './parts.js';

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
  fetched(slots.own, () => call('GET', '/templates', { signal }), ({ body }) => overrides(body.items, slots.sources, signal));
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

function overrides(items, sources, signal) {
  if (!items.length) return empty(word('templates.none'));
  const heads = ['template', 'origin', 'state', 'pieces', 'actions'].map((name) => word(`head.${name}`));
  return table(word('head.template'), heads, items.map((item) => [
    own(item.template),
    named('origin', item.origin),
    [badge('health', item.in_force ? 'ok' : 'failing', word(item.in_force ? 'templates.in-force' : 'templates.refused')), faults(item.errors)].filter(Boolean),
    item.pieces.join(', '),
    see(item, sources, signal),
  ]));
}

function faults(errors) {
  const lines = Object.entries(errors).flatMap(([piece, texts]) => texts.map((text) => el('li', {}, english(`${piece}: ${text}`))));
  return lines.length ? el('ul', { className: 'unmarked' }, lines) : null;
}

function see(item, sources, signal) {
  if (!/^[^/]+\/[^/]+\/[^/]+$/.test(item.template)) return '';
  const path = `/templates/${item.template.split('/').map(encodeURIComponent).join('/')}`;
  const button = el('button', { type: 'button' }, word('templates.see'));
  button.addEventListener('click', async () => {
    try {
      const { body } = await call('GET', path, { signal });
      const pieces = Object.entries(body.pieces).flatMap(([name, piece]) => [
        el('h5', {}, own(name), ' ', el('span', { className: 'quiet' }, named('origin', piece.origin))),
        el('pre', { tabIndex: 0, dir: 'ltr' }, piece.source),
      ]);
      const heading = el('h4', { tabIndex: -1 }, own(item.template));
      sources.replaceChildren(heading, ...pieces);
      heading.focus();
    } catch (problem) {
      fail(sources, problem.status === undefined ? problem : Object.assign(problem, { detail: wrong(problem) }));
    }
  });
  return button;
}
