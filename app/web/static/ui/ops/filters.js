// Forms whose fields become the address, and are filled from it.

import { stamp } from '../build.js';
import { fill } from './names.js';
import { go } from './routes.js';

/** Put a form of filters into a place; sending it goes to the same part with what was chosen. */
export function filters(place, template, part, params, { without = [] } = {}) {
  const { element: form } = stamp(template);
  for (const name of without) form.elements[name]?.parentElement.remove();
  for (const select of form.querySelectorAll('select[data-names]')) fill(select);
  for (const field of form.elements) {
    if (field.name && params[field.name]) field.value = field.type === 'datetime-local' ? local(params[field.name]) : params[field.name];
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go(part, { params: chosen(form) });
  });
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    go(part);
  });
  place.replaceChildren(form);
}

function chosen(form) {
  const fields = [...form.elements].filter((field) => field.name && field.value.trim());
  return Object.fromEntries(fields.map((field) => [field.name, field.type === 'datetime-local' ? utc(field.value) : field.value.trim()]));
}

const utc = (text) => new Date(text).toISOString();

function local(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return '';
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
