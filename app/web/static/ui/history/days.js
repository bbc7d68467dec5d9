// Days on the reader's own calendar, and back to the moments at which they begin.

const { locale, zone } = document.getElementById('main').dataset;
const days = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeZone: zone });
const clocks = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: zone });
const parts = new Intl.DateTimeFormat('en', {
  timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
  hour: 'numeric', minute: 'numeric', second: 'numeric',
});

/** The day of a moment, with its name. */
export const dayOf = (iso) => days.format(new Date(iso));

/** The time of day of a moment. */
export const clockOf = (iso) => clocks.format(new Date(iso));

/** When a day (`2026-11-22`), or the one so many days later, begins in the reader's zone; '' for what is no day. */
export function beginning(day, later = 0) {
  const wanted = Date.parse(`${day}T00:00:00Z`) + later * 86_400_000;
  if (Number.isNaN(wanted)) return '';
  // Twice, since the first guess may lie on the other side of a change of the clocks.
  const guess = wanted - ahead(wanted);
  return new Date(wanted - ahead(guess)).toISOString();
}

/** How far the wall clock is ahead of UTC at a moment, in milliseconds. */
function ahead(moment) {
  const said = Object.fromEntries(parts.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  const wall = Date.UTC(said.year, said.month - 1, said.day, said.hour, said.minute, said.second);
  return wall - Math.floor(moment / 1000) * 1000;
}
