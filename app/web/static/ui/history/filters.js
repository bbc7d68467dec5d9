// What is looked for: the form says it, the address keeps it, the API is asked for it.

import { beginning } from './days.js';

const names = ['type', 'channel', 'status', 'subject_key', 'since', 'until'];

/** What a form with these filters looks for. `changed` is called when that is something else. */
export class Filters {
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    this.recall();
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#keep();
    });
    form.addEventListener('change', () => this.#keep());
    form.addEventListener('reset', () => setTimeout(() => this.#keep()));
  }

  /** How many filters are set. */
  get count() {
    return names.filter((name) => this.form.elements[name].value.trim()).length;
  }

  /** The parameters for the API. */
  get query() {
    const { type, channel, status, subject_key: subject, since, until } = this.form.elements;
    return {
      type: type.value,
      channel: channel.value,
      status: status.value,
      subject_key: subject.value.trim(),
      since: beginning(since.value),
      until: beginning(until.value, 1),
    };
  }

  /** What a value of a filter is called; the value itself if it is none of those to choose from. */
  called(name, value) {
    return [...this.form.elements[name].options].find((option) => option.value === value)?.textContent ?? value;
  }

  /** Take from the address what is looked for. */
  recall() {
    const asked = new URLSearchParams(location.search);
    for (const name of names) this.form.elements[name].value = asked.get(name) ?? '';
    // A list knows only its own values.
    for (const field of this.form.querySelectorAll('select')) if (field.selectedIndex < 0) field.value = '';
    this.kept = JSON.stringify(this.query);
  }

  /** The address of this page with only this looked for. */
  address(only) {
    const search = new URLSearchParams(location.search);
    for (const name of names) search.delete(name);
    for (const [name, value] of Object.entries(only)) search.set(name, value);
    return search.size ? `?${search}` : location.pathname;
  }

  #keep() {
    const now = JSON.stringify(this.query);
    if (now === this.kept) return;
    this.kept = now;
    const set = names.map((name) => [name, this.form.elements[name].value.trim()]).filter(([, value]) => value);
    history.pushState(null, '', this.address(Object.fromEntries(set)));
    this.changed();
  }
}
