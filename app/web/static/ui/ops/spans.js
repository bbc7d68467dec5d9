// Lengths of time in the reader's language: `1.2 sec`, `3 hr`.

const { locale } = document.getElementById('main').dataset;
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const forms = new Map();

/** A number of seconds, in the largest unit that fits. */
export function span(seconds) {
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['millisecond', 0.001];
  return form(unit).format(seconds / size);
}

function form(unit) {
  if (!forms.has(unit)) {
    const maximumFractionDigits = unit === 'millisecond' ? 0 : 1;
    forms.set(unit, new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits }));
  }
  return forms.get(unit);
}
