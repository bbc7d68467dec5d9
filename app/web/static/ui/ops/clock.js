// Moments to the second, where a minute is a long time.

const form = new Intl.DateTimeFormat(document.getElementById('main').dataset.locale, { dateStyle: 'medium', timeStyle: 'medium' });

/** A moment, as `22 Nov 2026, 12:00:05`. */
export const toTheSecond = (moment) => form.format(new Date(moment));
