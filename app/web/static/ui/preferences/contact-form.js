// The form of a contact. Secrets are never read: what is left empty stays what it is.

import { stamp } from '../build.js';
import { word } from '../words.js';
import { clearFaults, sayAt } from './faults.js';

const hint = ({ last4 }) => `····${last4}`;

/** Fills in what is there, and reads what is to be. */
export class ContactForm {
  #masks = new Map();
  #rows = 0;

  constructor(element) {
    this.element = element;
  }

  /** Show a contact, or none, and put the focus into the first field. */
  fill(contact) {
    clearFaults(this.element);
    for (const field of this.#fields()) {
      const value = typeof contact === 'string' ? contact : contact?.[field.name];
      const isMask = typeof value === 'object' && value !== null;
      field.value = isMask ? '' : value ?? '';
      field.placeholder = isMask ? hint(value) : '';
    }
    for (const box of this.element.querySelectorAll('[data-field=types] input')) box.checked = contact?.types?.includes(box.value) ?? false;
    this.#headers()?.replaceChildren();
    this.#masks = new Map(Object.entries(contact?.headers ?? {}));
    for (const [name, mask] of this.#masks) this.#addRow(name, mask);
    this.#fields()[0].focus();
  }

  /** Add an empty header, and put the focus there. */
  addHeader() {
    this.#addRow('', null).focus();
  }

  /** The contact as it is to be, for a merge patch; null after saying what is missing. */
  read(channel, before) {
    clearFaults(this.element);
    const value = {};
    for (const field of this.#fields()) {
      const given = field.value.trim();
      const isKept = !given && field.dataset.field === 'secret' && before !== undefined;
      if (!given && !isKept && !('optional' in field.dataset)) return missing(field);
      if (!isKept) value[field.name] = given || null;
    }
    const types = this.element.querySelector('[data-field=types]');
    if (types) {
      const chosen = [...types.querySelectorAll('input:checked')].map((box) => box.value);
      value.types = chosen.length ? chosen : null;
    }
    if (this.#headers() && !this.#readHeaders(value)) return null;
    return 'address' in value ? value.address : value;
  }

  #readHeaders(value) {
    value.headers = Object.fromEntries([...this.#masks.keys()].map((name) => [name, null]));
    for (const row of this.#headers().children) {
      const [name, secret] = row.querySelectorAll('input');
      if (!name.value.trim() && !secret.value) continue;
      const kept = this.#masks.get(name.value.trim());
      if (!name.value.trim()) return missing(name);
      if (!secret.value && !kept) return missing(secret);
      value.headers[name.value.trim()] = secret.value || kept;
    }
    return true;
  }

  #fields() {
    return [...this.element.querySelectorAll('input[data-field]')];
  }

  #headers() {
    return this.element.querySelector('[data-slot=headers]');
  }

  #addRow(name, mask) {
    const { element, slots } = stamp('header-row');
    this.#rows += 1;
    for (const part of ['name', 'value']) {
      slots[part].id = `${this.element.id}-${part}-${this.#rows}`;
      slots[`${part}-label`].htmlFor = slots[part].id;
    }
    slots.name.value = name;
    if (mask) slots.value.placeholder = hint(mask);
    slots.remove.addEventListener('click', () => {
      element.remove();
      this.element.querySelector('[data-do=add-header]').focus();
    });
    this.#headers().append(element);
    return slots.name;
  }
}

function missing(field) {
  sayAt(field, word('missing'));
  field.focus();
  return null;
}
