// Quiet hours, the time of the daily summary, the time zone and the language.

import { word } from '../words.js';
import { sayAt } from './faults.js';
import { sameZone } from './zones.js';

const REFUSED = 'im2-zone-refused';
const byId = (id) => document.getElementById(id);

/** Show them, and save what is changed. */
export function times(store, saving) {
  const fields = { daily_at: byId('daily-at'), timezone: byId('zone'), locale: byId('language') };
  byId('zones').append(...zoneNames().map((name) => new Option(name, name)));
  quiet(store, saving);
  guess(store, saving);
  store.addEventListener('shown', () => {
    for (const [name, field] of Object.entries(fields)) {
      if (field.getAttribute('aria-invalid') === null && field.getAttribute('aria-busy') === null) show(field, store.shown[name]);
      document.querySelector(`[data-usual="${name}"]`).hidden = !store.shown.from_defaults.includes(name);
    }
  });
  for (const [name, field] of Object.entries(fields)) {
    field.addEventListener('change', () => {
      if (!field.value) {
        sayAt(field, word('missing'));
        return;
      }
      const said = field.selectedOptions?.[0].textContent ?? field.value;
      saving.save({ [name]: field.value.trim() }, { control: field, what: said, scope: field.closest('[data-group]') });
    });
  }
}

function show(field, value) {
  if (field.options && ![...field.options].some((option) => option.value === value)) field.add(new Option(spoken(value), value));
  field.value = value;
}

function spoken(tag) {
  return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
}

function zoneNames() {
  return ['UTC', ...(Intl.supportedValuesOf?.('timeZone') ?? [])];
}

function quiet(store, saving) {
  const [box, start, end] = ['quiet-on', 'quiet-start', 'quiet-end'].map(byId);
  const group = box.closest('fieldset');
  store.addEventListener('shown', () => {
    if (group.querySelector('[aria-busy], [aria-invalid]')) return;
    const hours = store.shown.quiet_hours;
    const isOn = hours !== null && hours.start !== hours.end;
    box.checked = isOn;
    if (isOn) [start.value, end.value] = [hours.start, hours.end];
  });
  group.addEventListener('change', ({ target }) => {
    if (target !== box && !box.checked) return;
    const empty = [start, end].find((field) => !field.value);
    if (box.checked && empty) {
      sayAt(empty, word('missing'));
      return;
    }
    // Who is to have none where everybody has some says so with an empty window.
    const none = group.dataset.usual === 'on' ? { start: '00:00', end: '00:00' } : null;
    const hours = box.checked ? { start: start.value, end: end.value } : none;
    const what = `${group.querySelector('legend').textContent}: ${box.checked ? `${start.value}–${end.value}` : word('off')}`;
    saving.save({ quiet_hours: hours }, { control: target, what, scope: group });
  });
}

function guess(store, saving) {
  const notice = byId('zone-guess');
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isOwn = byId('content').dataset.own === 'yes';
  store.addEventListener('shown', () => {
    notice.hidden = !isOwn || !here || sameZone(here, store.shown.timezone) || localStorage.getItem(REFUSED) === here;
    byId('zone-guess-text').textContent = word('zone-guess', { zone: here });
  });
  byId('zone-yes').addEventListener('click', async ({ target }) => {
    const saved = await saving.save({ timezone: here }, { control: target, what: here });
    if (saved) byId('zone').focus();
  });
  byId('zone-no').addEventListener('click', () => {
    localStorage.setItem(REFUSED, here);
    notice.hidden = true;
    byId('zone').focus();
  });
}
