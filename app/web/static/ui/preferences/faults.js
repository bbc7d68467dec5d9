// What is wrong, next to where it is wrong.

import { word, wrong } from '../words.js';
import { at } from './patches.js';

let made = 0;

/** Take away what was said within an element. */
export function clearFaults(scope) {
  for (const fault of scope.querySelectorAll('[data-fault]')) {
    fault.hidden = true;
    fault.textContent = '';
  }
  for (const field of scope.querySelectorAll('[aria-invalid]')) {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
  }
}

/** Say next to its field what the answer says about it, and at the end of the scope what is about none of them. */
export function showFaults(scope, problem) {
  clearFaults(scope);
  const fields = [...scope.querySelectorAll('[data-path]')];
  const found = fields.map((field) => [field, lines(at(problem.errors?.json ?? {}, field.dataset.path))]);
  const said = found.filter(([, messages]) => messages.length);
  for (const [field, messages] of said) sayAt(field, messages.join(' '));
  if (!said.length) say(last(scope), word('not-saved', { what: wrong(problem) }));
  else said[0][0].focus();
}

/** Say something next to a field. */
export function sayAt(field, text) {
  const place = say(field.matches('fieldset') ? last(field) : last(field.closest('div:has(> [data-fault]), fieldset, .line, form, section')), text);
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', place.id);
}

function say(place, text) {
  place.id ||= `fault-${(made += 1)}`;
  place.setAttribute('role', 'alert');
  place.textContent = text;
  place.hidden = false;
  return place;
}

function last(scope) {
  return [...scope.querySelectorAll('[data-fault]')].at(-1);
}

function lines(value) {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(lines);
  return value && typeof value === 'object' ? Object.values(value).flatMap(lines) : [];
}
