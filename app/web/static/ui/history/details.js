// One notification with everything known about it, in a dialog; its id is in the address.

import { call } from '../api.js';
import { el } from '../build.js';
import { moment, number, timeElement } from '../formats.js';
import { word, wrong } from '../words.js';
import { carried } from './carried.js';
import { mark } from './marks.js';

const form = /^#ntf_[0-9a-f-]{36}$/;

/** Opens what the address names, closes when it names nothing, and takes it out of the address when it is closed. */
export class Details {
  constructor(dialog, filters) {
    this.dialog = dialog;
    this.filters = filters;
    this.title = dialog.querySelector('h2');
    this.slots = Object.fromEntries([...dialog.querySelectorAll('[data-slot]')].map((slot) => [slot.dataset.slot, slot]));
    dialog.addEventListener('close', () => {
      if (form.test(location.hash)) history.replaceState(null, '', location.pathname + location.search);
    });
    // The dialog fills its own box: a press beside it hits the dialog itself.
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog && !this.#isInside(event)) dialog.close();
    });
    addEventListener('hashchange', () => this.follow());
  }

  /** Do as the address says. */
  async follow() {
    if (!form.test(location.hash)) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const id = location.hash.slice(1);
    this.#say(word('loading'));
    if (!this.dialog.open) this.dialog.showModal();
    try {
      const { body } = await call('GET', `/notifications/${id}`);
      if (location.hash === `#${id}`) this.#show(body);
    } catch (problem) {
      this.#say(problem.status === 404 ? word('no-such') : wrong(problem));
    }
    this.title.focus();
  }

  #isInside({ clientX: x, clientY: y }) {
    const box = this.dialog.getBoundingClientRect();
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  }

  #say(text) {
    this.title.removeAttribute('lang');
    this.title.textContent = word('notification');
    this.slots.state.replaceChildren();
    this.slots.because.textContent = text;
    this.slots.twice.hidden = true;
    this.slots.rest.hidden = true;
  }

  #show(one) {
    const { slots } = this;
    const said = one.content;
    this.title.textContent = said?.subject ?? this.filters.called('type', one.type);
    if (said?.locale) this.title.lang = said.locale;
    slots.state.replaceChildren(mark(one.status));
    slots.because.textContent = one.because;
    slots.twice.hidden = !one.possible_duplicate;
    slots.facts.replaceChildren(...this.#facts(one));
    slots.text.textContent = said?.text ?? '';
    slots.text.lang = said?.locale ?? '';
    slots.text.hidden = !said;
    slots.unwritten.hidden = Boolean(said);
    slots.carried.hidden = one.type !== 'digest';
    if (one.type === 'digest') carried(slots.members, one, (type) => this.filters.called('type', type));
    slots.way.replaceChildren(...one.trace.map((step) => el('li', {}, timeElement(step.at), el('span', {}, step.because))));
    slots.tries.replaceChildren(...one.attempts.map(attempt));
    slots.attempts.hidden = one.attempts.length === 0;
    slots.rest.hidden = false;
  }

  #facts(one) {
    const subject = one.subject_key;
    const about = subject && el('a', { href: this.filters.address({ subject_key: subject }) }, el('bdi', {}, subject));
    return [
      fact('type', this.filters.called('type', one.type)),
      fact('channel', this.filters.called('channel', one.channel)),
      fact('subject', about),
      fact('created', timeElement(one.created_at)),
      fact('delivered', one.delivered_at && timeElement(one.delivered_at)),
      fact('next', one.next_at && timeElement(one.next_at)),
      fact('duplicates', one.duplicates ? number(one.duplicates) : null),
      fact('digest', one.digest_id && el('a', { href: `#${one.digest_id}` }, word('digest'))),
      fact('replay', one.replay_of && el('a', { href: `#${one.replay_of}` }, word('replay'))),
      fact('id', el('code', {}, one.id)),
    ].filter(Boolean);
  }
}

function fact(name, value) {
  return value ? el('div', {}, el('dt', {}, word(`fact-${name}`)), el('dd', {}, value)) : null;
}

function attempt({ number: count, started_at: at, outcome, http_status: status, detail }) {
  const answered = [status && el('code', {}, String(status)), detail && el('bdi', {}, detail)].filter(Boolean);
  return el(
    'tr',
    {},
    el('td', {}, number(count)),
    el('td', {}, timeElement(at, moment)),
    el('td', {}, word(`outcome-${outcome ?? 'open'}`)),
    el('td', { className: 'answered' }, ...answered),
  );
}
