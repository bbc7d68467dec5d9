// Moments and numbers as the reader writes them, on the clock on their wall.

// A page that is nobody's own goes by the clock of its browser.
const { locale, zone = '' } = document.getElementById('main').dataset;
const timeZone = zone || undefined;
const spans = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const moments = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long', timeZone });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
const numbers = new Intl.NumberFormat(locale);

/** A moment, as `22 Nov 2026, 12:00`. */
export const moment = (iso) => moments.format(new Date(iso));

/** A number with its separators. */
export const number = (value) => numbers.format(value);

/** How long ago, or until, a moment is: `5 minutes ago`. */
export function ago(iso, now = Date.now()) {
  const seconds = Math.round((new Date(iso).getTime() - now) / 1000);
  const [unit, size] = spans.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** A <time> that says how long ago a moment is, and exactly when in its title. */
export function timeElement(iso, write = moment) {
  const element = document.createElement('time');
  element.dateTime = iso;
  element.title = exact.format(new Date(iso));
  element.textContent = write(iso);
  return element;
}
