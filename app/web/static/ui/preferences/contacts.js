// Where the person is reached: what is there, in which state, and what can be done with it.

import { moment } from '../formats.js';
import { toast } from '../toasts.js';
import { word } from '../words.js';
import { ContactForm } from './contact-form.js';
import { removal } from './removal.js';
import { mayReplace, replaces } from './replacing.js';
import { ask } from './saving.js';
import { tellSecret } from './secret.js';
import { trial } from './trial.js';

/** Show all contacts, and do what is asked for. */
export function contacts(store, saving) {
  const cards = [...document.querySelectorAll('.contact')].map((element) => new Card(element, store, saving));
  const opened = () => cards.find(({ element }) => `#${element.id}` === location.hash)?.open();
  addEventListener('hashchange', opened);
  document.getElementById('matrix').addEventListener('click', ({ target }) => {
    // The address may name it already.
    if (target.matches('a.state') && target.hash === location.hash) opened();
  });
  return opened;
}

class Card {
  #store;
  #saving;
  #form;
  #removal;
  #slots;

  constructor(element, store, saving) {
    this.element = element;
    this.channel = element.dataset.channel;
    this.#store = store;
    this.#saving = saving;
    this.#slots = Object.fromEntries([...element.querySelectorAll('[data-slot]')].map((slot) => [slot.dataset.slot, slot]));
    const form = element.querySelector('form');
    this.#form = form && new ContactForm(form);
    this.#removal = removal(this.#slots.going, (keepalive) => this.#remove(keepalive), () => this.#show());
    store.addEventListener('shown', () => this.#show());
    element.addEventListener('click', ({ target }) => this.#act(target.dataset.do, target));
    form?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save(event.submitter ?? form.querySelector('.main'));
    });
  }

  /** Bring it into view, ready to be filled in. */
  open() {
    if (this.#form) this.#edit(true);
    else this.element.focus();
  }

  get #contact() {
    return this.#store.shown.contacts[this.channel];
  }

  #button(name) {
    return this.element.querySelector(`[data-do="${name}"]`);
  }

  #act(name, control) {
    if (name === 'edit') this.#edit(this.#form.element.hidden);
    else if (name === 'cancel') this.#close();
    else if (name === 'add-header') this.#form.addHeader();
    else if (name === 'try') trial(this.#store, this.channel, control, this.#slots.tried);
    else if (name === 'verify') this.#verify(control);
    else if (name === 'rotate') this.#rotate(control);
    else if (name === 'enable') this.#enable(control);
    else if (name === 'remove') this.#removal.begin();
    else if (name === 'keep') this.#keep();
  }

  #edit(isOpen) {
    this.#form.element.hidden = !isOpen;
    this.#button('edit').setAttribute('aria-expanded', String(isOpen));
    if (isOpen) this.#form.fill(this.#contact);
  }

  #close() {
    this.#edit(false);
    this.#button('edit').focus();
  }

  async #save(control) {
    const value = this.#form.read(this.channel, this.#contact);
    if (value === null) return;
    if (replaces(this.#contact, value) && !(await mayReplace('verifies' in this.element.dataset))) {
      control.focus();
      return;
    }
    const what = this.element.querySelector('h3').textContent;
    const how = { control, what, scope: this.#form.element, undoable: false };
    const shown = await this.#saving.save({ contacts: { [this.channel]: value } }, how);
    if (!shown) return;
    this.#close();
    const { secret } = shown.contacts[this.channel] ?? {};
    if (typeof secret === 'string') await tellSecret(secret, { both: false });
  }

  async #verify(control) {
    if (await ask('POST', this.#store.path(`/verify/${this.channel}`), control)) toast(word('link-sent'));
  }

  async #rotate(control) {
    const answer = await ask('POST', this.#store.path(`/${this.channel}/rotate`), control);
    if (!answer) return;
    await tellSecret(answer.secret, { both: true });
    control.focus();
    await this.#store.load();
  }

  async #enable(control) {
    const patch = { contacts: { [this.channel]: { disabled: false } } };
    const what = `${this.element.querySelector('h3').textContent}: ${control.textContent}`;
    if (await this.#saving.save(patch, { control, what, undoable: false })) this.#button('try').focus();
  }

  async #remove(keepalive) {
    const patch = { contacts: { [this.channel]: null } };
    if (keepalive) {
      this.#store.change(patch, { keepalive }).catch(() => {});
      return;
    }
    const what = `${this.element.querySelector('h3').textContent}: ${this.#button('remove').textContent}`;
    const hadFocus = this.element.contains(document.activeElement);
    const saved = await this.#saving.save(patch, { what, undoable: false });
    if (hadFocus) (saved ? this.#button('edit') ?? this.element : this.#button('remove')).focus();
  }

  #keep() {
    this.#removal.end();
    this.#show();
    this.#button('remove').focus();
  }

  #show() {
    const contact = this.#contact;
    const isThere = contact !== undefined || 'always' in this.element.dataset;
    const isGoing = this.#removal.isUnderWay;
    const why = contact?.disabled ?? contact?.refused;
    const isUnverified = contact?.verified === false && !contact.disabled;
    const { state, is, trouble, unverified, actions, going } = this.#slots;
    const said = !isThere ? 'not-set-up' : contact?.disabled ? 'disabled' : contact?.refused ? 'refused' : isUnverified ? 'unverified' : 'ready';
    state.textContent = word(said);
    state.className = `badge ${{ 'not-set-up': 'plain', ready: 'good', unverified: 'warn' }[said] ?? 'bad'}`;
    is.hidden = !contact;
    is.firstElementChild.textContent = contact ? nameOf(contact) : '';
    trouble.hidden = !why;
    if (why) this.#slots.why.textContent = contact.disabled_at ? word('not-used-since', { time: moment(contact.disabled_at), why }) : why;
    this.#button('enable').hidden = !contact?.disabled;
    unverified.hidden = !isUnverified || isGoing;
    actions.hidden = isGoing;
    going.hidden = !isGoing;
    for (const name of ['try', 'rotate', 'remove']) {
      const button = this.#button(name);
      if (button) button.hidden = !isThere;
    }
    this.#button('try').hidden ||= Boolean(contact?.disabled) || isUnverified;
    if (contact?.from) this.#button('remove').hidden = true;
    const edit = this.#button('edit');
    if (!edit) return;
    edit.textContent = word(isThere ? 'change' : 'set-up');
    edit.classList.toggle('bare', isThere);
  }
}

function nameOf(contact) {
  if (typeof contact === 'string') return contact;
  const parts = [contact.address, contact.url, contact.routing_key, contact.api_key].filter(Boolean);
  const shown = parts.find((part) => typeof part === 'string') ?? parts[0];
  return typeof shown === 'string' ? shown : `····${shown?.last4 ?? ''}`;
}
