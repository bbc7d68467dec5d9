// A pause for everything, and its end.

import { word } from '../words.js';
import { sayAt } from './faults.js';
import { momentAt, wallAt } from './zones.js';

/** Show whether there is a pause, and begin and end it. */
export function pause(store, saving) {
  const scope = document.getElementById('pause');
  const banner = document.getElementById('paused');
  const field = document.getElementById('pause-until');
  const resume = document.getElementById('resume');
  const form = document.getElementById('pause-form');
  let isPaused = false;

  function show() {
    const { muted_until: until, timezone } = store.shown;
    isPaused = until !== null && new Date(until) > new Date();
    banner.hidden = !isPaused;
    if (isPaused) document.getElementById('paused-until').textContent = said(until, timezone);
    field.min = wallAt(new Date(), timezone);
  }

  async function until(moment, control) {
    const what = moment === null ? resume.textContent : said(moment.toISOString(), store.shown.timezone);
    const saved = await saving.save({ muted_until: moment?.toISOString() ?? null }, { control, what, scope });
    // The button that was pressed is gone now.
    if (saved && moment === null) document.getElementById('pause-hour').focus();
  }

  store.addEventListener('shown', show);
  setInterval(() => { if (store.shown && isPaused) show(); }, 30000);
  resume.addEventListener('click', () => until(null, resume));
  document.getElementById('pause-hour').addEventListener('click', ({ target }) => until(new Date(Date.now() + 3600000), target));
  document.getElementById('pause-day').addEventListener('click', ({ target }) => {
    const { timezone, daily_at: time } = store.shown;
    const day = new Date(Date.parse(`${wallAt(new Date(), timezone).slice(0, 10)}T00:00Z`) + 86400000);
    until(momentAt(`${day.toISOString().slice(0, 10)}T${time}`, timezone), target);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!field.value) {
      sayAt(field, word('missing'));
      field.focus();
      return;
    }
    until(momentAt(field.value, store.shown.timezone), event.submitter ?? field);
  });
}

function said(moment, zone) {
  const { locale } = document.getElementById('main').dataset;
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short', timeZone: zone });
  return word('paused-until', { time: format.format(new Date(moment)) });
}
