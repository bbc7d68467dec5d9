// The person's preferences as they are at the service, and the only way by which they change.

import { call } from '../api.js';
import { inverse } from './patches.js';

/** Tells `shown` whenever there is something new to show. Changes are made one after the other. */
export class Store extends EventTarget {
  #path;
  #etag = null;
  #last = Promise.resolve();

  /** What the service answered last. */
  shown = null;

  constructor(user) {
    super();
    this.#path = `/preferences/${encodeURIComponent(user)}`;
  }

  /** The address of something that belongs to them, such as `/test/email`. */
  path(under) {
    return `${this.#path}${under}`;
  }

  /** Read them anew. Throws Problem. */
  async load() {
    this.#take(await call('GET', this.#path));
  }

  /**
   * Change them, if nobody else has meanwhile. Gives `{shown, undo}`, with the patch that takes it back. Throws Problem.
   * With `keepalive` it is finished even when the page is being left.
   */
  change(patch, { keepalive = false } = {}) {
    const done = keepalive ? this.#send(patch, true) : this.#last.then(() => this.#send(patch, false));
    this.#last = done.catch(() => {});
    return done;
  }

  async #send(patch, keepalive) {
    const undo = inverse(patch, this.shown);
    const answer = await call('PATCH', this.#path, { body: patch, merge: true, etag: this.#etag, keepalive });
    this.#take(answer);
    return { shown: answer.body, undo };
  }

  #take({ body, etag }) {
    this.shown = body;
    this.#etag = etag;
    this.dispatchEvent(new Event('shown'));
  }
}
