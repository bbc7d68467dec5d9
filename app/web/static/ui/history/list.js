// The notifications, by day, the newest first.

import { stamp } from '../build.js';
import { clockOf, dayOf } from './days.js';
import { mark } from './marks.js';

/** A list in an element; names of types and channels come from the filters. */
export class List {
  #day = null;

  constructor(place, filters) {
    this.place = place;
    this.filters = filters;
  }

  /** Take everything out. */
  clear() {
    this.#day = null;
    this.place.replaceChildren();
  }

  /** Put more at the end; gives the link of the first of them. */
  add(items) {
    let first = null;
    for (const item of items) {
      const { element, slots } = this.#row(item);
      this.#rowsOf(item).append(element);
      first ??= slots.link;
    }
    return first;
  }

  #rowsOf(item) {
    const title = dayOf(item.created_at);
    if (this.#day?.title !== title) {
      const { element, slots } = stamp('day');
      slots.title.textContent = title;
      this.place.append(element);
      this.#day = { title, rows: slots.rows };
    }
    return this.#day.rows;
  }

  #row(item) {
    const made = stamp('row');
    const { slots } = made;
    const type = this.filters.called('type', item.type);
    slots.link.href = `#${item.id}`;
    slots.state.append(mark(item.status));
    slots.title.textContent = item.content?.subject ?? type;
    if (item.content?.locale) slots.title.lang = item.content.locale;
    // That it arrived is said by its badge.
    slots.because.textContent = item.status === 'delivered' ? '' : item.because;
    slots.channel.textContent = this.filters.called('channel', item.channel);
    slots.type.textContent = item.content?.subject ? type : '';
    slots.subject.textContent = item.subject_key ?? '';
    slots.time.dateTime = item.created_at;
    slots.time.textContent = clockOf(item.created_at);
    return made;
  }
}
