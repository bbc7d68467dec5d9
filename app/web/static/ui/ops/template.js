// One place that can be worded otherwise: what is said there, its versions, and changing it.

import { call } from '../api.js';
import { el, stamp } from '../build.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';
import { content } from './content.js';
import { named } from './names.js';
import { english, facts, fail, fetched, own } from './parts.js';
import { Pieces } from './pieces.js';
import { called, pathOf } from './places.js';
import { versions } from './versions.js';

/** Show it; `id` is type, channel and language with slashes between. */
export function show({ slots, id, signal }) {
  const load = () => fetched(slots.place, () => call('GET', pathOf(id), { signal }), (answer) => new Desk(slots, id, answer, load, signal).element);
  load();
}

class Desk {
  constructor(slots, id, answer, load, signal) {
    Object.assign(this, { id, load, signal, etag: answer.etag, body: answer.body });
    const { element, slots: parts } = stamp('template');
    Object.assign(this, { element, parts });
    this.pieces = new Pieces(parts.pieces, this.body);
    slots.actions.replaceChildren(...(this.#isOwn ? [this.#removeButton()] : []));
    this.#draw();
    parts.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
    if (this.body.type === 'digest') parts.look.remove();
    else parts.look.addEventListener('click', () => this.#look());
  }

  get #isOwn() {
    return this.body.history.length > 0 && this.body.history[0].change !== 'removed';
  }

  #draw() {
    const { body, parts } = this;
    parts.facts.replaceChildren(...facts([
      [word('head.template'), own(this.id)],
      [word('head.type'), called('type', body.type)],
      [word('head.channel'), called('channel', body.channel)],
      [word('fact.language'), called('locale', body.locale)],
      [word('head.origin'), named('origin', body.origin)],
      [word('templates.in-force'), body.template_version && own(body.template_version)],
    ]));
    const refused = Object.values(body.errors).flat();
    if (refused.length) parts.errors.replaceChildren(el('div', { className: 'notice bad' }, el('p', {}, word('templates.refused')), refused.map((text) => el('p', {}, english(text)))));
    versions(parts.versions, body.history, { id: this.id, difference: parts.difference, restore: (version) => this.#restore(version), signal: this.signal });
  }

  async #save() {
    const sources = this.pieces.chosen();
    if (!sources) return this.#say(word('template.none'));
    await this.#change(() => call('PUT', pathOf(this.id), { body: sources, etag: this.etag }), 'template.saved');
    return undefined;
  }

  async #restore(version) {
    await this.#change(() => call('POST', `${pathOf(this.id)}/rollback`, { body: { version }, etag: this.etag }), 'template.saved');
  }

  #removeButton() {
    const button = el('button', { type: 'button', className: 'danger' }, word('template.remove'));
    button.addEventListener('click', async () => {
      const question = { title: word('template.remove.title'), text: word('template.remove.text'), yes: word('template.remove'), danger: true };
      if (await ask(question)) await this.#change(() => call('DELETE', pathOf(this.id), { etag: this.etag }), 'template.removed');
    });
    return button;
  }

  /** Do it; afterwards all is shown anew. When somebody was faster, what was written stays, and the next try is meant. */
  async #change(act, done) {
    this.#say('');
    try {
      await act();
    } catch (problem) {
      if (problem.status === 412) return this.#catchUp();
      return this.#refused(problem);
    }
    toast(word(done));
    await this.load();
    document.getElementById('heading')?.focus();
    return undefined;
  }

  async #catchUp() {
    try {
      ({ etag: this.etag, body: this.body } = await call('GET', pathOf(this.id), { signal: this.signal }));
      this.#draw();
      this.#say(word('template.conflict'));
    } catch (problem) {
      this.#refused(problem);
    }
  }

  async #look() {
    const pieces = this.pieces.chosen();
    if (!pieces) return this.#say(word('template.none'));
    this.#say('');
    try {
      const { body: made } = await call('POST', '/templates/preview', { body: this.#asked(pieces), signal: this.signal });
      this.parts.preview.replaceChildren(el('div', { className: 'card' }, content({ ...made, template_version: null })));
    } catch (problem) {
      if (problem.name !== 'AbortError') this.#refused(problem);
    }
    return undefined;
  }

  /** What is for every channel is shown on one that has the pieces; what is for every language, in the page's own. */
  #asked(pieces) {
    const { type, channel, locale } = this.body;
    const language = locale === '_any' ? document.documentElement.lang : locale;
    if (channel !== '_any') return { type, channel, locale: language, pieces };
    const isMail = Object.keys(pieces).some((name) => name.startsWith('body.'));
    const fitting = Object.entries(pieces).filter(([name]) => name === 'subject.txt' || name.startsWith('body.') === isMail);
    return { type, channel: isMail ? 'email' : 'inapp', locale: language, pieces: Object.fromEntries(fitting) };
  }

  /** Faults stand at their pieces, with the line chosen; whatever else is wrong stands at the buttons. */
  #refused(problem) {
    const { json = {} } = problem.errors ?? {};
    const rest = this.pieces.blame(json.pieces ?? json);
    if (problem.status === undefined) fail(this.parts.preview, problem);
    else if (rest.length || !Object.keys(json).length) this.#say(rest.join(' ') || wrong(problem));
  }

  #say(text) {
    this.pieces.blame({});
    this.parts.fault.textContent = text;
    this.parts.fault.hidden = !text;
  }
}
