// The pieces of a template, each of which may be worded otherwise or left as it comes along.

import { stamp } from '../build.js';
import { word } from '../words.js';
import { named } from './names.js';

const line = /, line (\d+):/;

/** The fields of a template's pieces. */
export class Pieces {
  #fields = new Map();

  /** Put them into a place, filled with what is in force. */
  constructor(place, { pieces, type, channel, locale, template_version: version }) {
    const isOwn = version !== null && version.startsWith(`${type}/${channel}/${locale}@`);
    place.replaceChildren(...Object.entries(pieces).map(([name, piece]) => this.#field(name, piece, isOwn && piece.origin === 'database')));
  }

  /** What is worded otherwise, by piece; null when nothing is. */
  chosen() {
    const taken = [...this.#fields].filter(([, { box }]) => box.checked);
    return taken.length ? Object.fromEntries(taken.map(([name, { source }]) => [name, source.value])) : null;
  }

  /** Say what is wrong with each piece, and go to the first; gives what is wrong with none of them. */
  blame(faults) {
    let first = null;
    for (const [name, slots] of this.#fields) {
      const texts = [faults[name] ?? []].flat();
      slots.fault.textContent = texts.join(' ');
      slots.fault.hidden = !texts.length;
      if (!texts.length) slots.source.removeAttribute('aria-invalid');
      else {
        slots.source.setAttribute('aria-invalid', 'true');
        first ??= { source: slots.source, text: texts[0] };
      }
    }
    if (first) goTo(first.source, Number(line.exec(first.text)?.[1] ?? 1));
    return Object.entries(faults).filter(([name]) => !this.#fields.has(name)).flatMap(([, texts]) => texts);
  }

  #field(name, { source, origin }, isOwn) {
    const { element, slots } = stamp('piece');
    const id = `piece-${name.replace('.', '-')}`;
    slots.label.textContent = word('template.piece', { name, origin: named('origin', origin) });
    Object.assign(slots.box, { id: `${id}-box`, checked: isOwn });
    slots.label.htmlFor = slots.box.id;
    Object.assign(slots.source, { id, value: source, readOnly: !isOwn, rows: name === 'subject.txt' ? 3 : 10 });
    slots.source.setAttribute('aria-label', name);
    slots.source.setAttribute('aria-describedby', `${id}-fault`);
    slots.fault.id = `${id}-fault`;
    slots.box.addEventListener('change', () => { slots.source.readOnly = !slots.box.checked; });
    this.#fields.set(name, slots);
    return element;
  }
}

/** Choose a line of a text, so that it is seen and heard. */
function goTo(field, number) {
  const lines = field.value.split('\n');
  const start = lines.slice(0, number - 1).reduce((sum, text) => sum + text.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[number - 1]?.length ?? 0));
}
