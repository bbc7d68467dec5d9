// What holds for everybody who has not chosen otherwise.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { all, named } from './names.js';
import { fetched, table } from './parts.js';

const path = '/preferences/_defaults';

/** Show it. */
export function show({ slots, signal }) {
  const load = () => fetched(slots.place, () => call('GET', path, { signal }), ({ body, etag }) => drawn(body, etag, load));
  load();
}

function drawn(body, etag, load) {
  const { element: form, slots } = stamp('defaults');
  languages(form.elements.locale, body.locale);
  slots.zones.append(...Intl.supportedValuesOf('timeZone').map((zone) => el('option', { value: zone })));
  form.elements.timezone.value = body.timezone ?? '';
  form.elements.start.value = body.quiet_hours?.start ?? '';
  form.elements.end.value = body.quiet_hours?.end ?? '';
  form.elements.daily_at.value = body.daily_at ?? '';
  slots.matrix.append(matrix(body.effective));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    save(form, slots.fault, body, etag, load);
  });
  return form;
}

function languages(select, chosen) {
  const known = new Intl.DisplayNames(document.getElementById('main').dataset.locale, { type: 'language' });
  const tags = [...document.getElementById('part-templates').content.querySelectorAll('[name="locale"] option')].map((option) => option.value);
  const offered = tags.includes(chosen) ? tags : [chosen, ...tags];
  select.append(...offered.map((value) => el('option', { value }, `${known.of(value)} (${value})`)));
  select.value = chosen;
}

function matrix(effective) {
  const channels = Object.keys(Object.values(effective)[0] ?? {});
  const heads = [word('head.type'), ...channels.map((channel) => named('channel', channel))];
  return table(word('defaults.cells'), heads, Object.entries(effective).map(([type, cells]) => [
    named('type', type),
    ...channels.map((channel) => cell(type, channel, cells[channel])),
  ]));
}

function cell(type, channel, { rhythm, locked }) {
  if (locked) return [named('rhythm', rhythm), ' ', el('span', { className: 'quiet' }, `(${word('defaults.locked')})`)];
  const label = word('defaults.cell', { type: named('type', type), channel: named('channel', channel) });
  const options = all('rhythm').map(([value, text]) => el('option', { value }, text));
  const select = el('select', { 'aria-label': label, data: { type, channel, was: rhythm } }, options);
  select.value = rhythm;
  return select;
}

/** What was changed, as a merge patch. */
function changes(form, body) {
  const patch = {};
  for (const name of ['locale', 'timezone', 'daily_at']) {
    const value = form.elements[name].value.trim();
    if (value && value !== body[name]) patch[name] = value;
  }
  const { start, end } = form.elements;
  const quiet = start.value ? { start: start.value, end: end.value } : null;
  if (quiet?.start !== body.quiet_hours?.start || quiet?.end !== body.quiet_hours?.end) patch.quiet_hours = quiet;
  for (const select of form.querySelectorAll('select[data-was]')) {
    const { type, channel, was } = select.dataset;
    if (select.value === was) continue;
    patch.events ??= {};
    patch.events[type] ??= {};
    patch.events[type][channel] = select.value;
  }
  return patch;
}

async function save(form, fault, body, etag, load) {
  const tell = (text) => {
    fault.textContent = text;
    fault.hidden = !text;
  };
  tell('');
  const { start, end } = form.elements;
  if (Boolean(start.value) !== Boolean(end.value)) {
    tell(word('defaults.quiet'));
    (start.value ? end : start).focus();
    return;
  }
  const patch = changes(form, body);
  if (!Object.keys(patch).length) return toast(word('defaults.same'));
  try {
    await call('PATCH', path, { body: patch, merge: true, etag });
    toast(word('defaults.saved'));
  } catch (problem) {
    if (problem.status !== 412) return tell(wrong(problem));
    toast(word('defaults.conflict'), { bad: true });
  }
  await load();
  document.getElementById('heading')?.focus();
}
