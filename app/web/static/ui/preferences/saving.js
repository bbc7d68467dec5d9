// Saving a change: the control is busy but keeps the focus, and what became of it is said.

import { call } from '../api.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { clearFaults, showFaults } from './faults.js';

const KEPT = 'im2-preferences-undo';

/** Saves changes of the store. What is shown always is what is saved, so what failed is shown as it was. */
export class Saving {
  #store;

  constructor(store) {
    this.#store = store;
  }

  /**
   * Save a change that a control stands for. Gives the preferences as they are then, or null when nothing was saved.
   * `what` names the change in words; faults are said within `scope`; what cannot be taken back is not `undoable`.
   */
  async save(patch, { control, what = '', scope = null, undoable = true } = {}) {
    if (scope) clearFaults(scope);
    let done;
    try {
      done = await this.#changed(patch, control);
    } catch (problem) {
      return this.#failed(problem, patch, { control, what, scope, undoable });
    }
    if (this.#speaksAnother(done.shown)) return this.#reload(done.undo);
    this.#said(undoable ? done.undo : null, control);
    return done.shown;
  }

  async #changed(patch, control) {
    control?.setAttribute('aria-busy', 'true');
    try {
      return await this.#store.change(patch);
    } finally {
      control?.removeAttribute('aria-busy');
      // Also when nothing was saved: the control shows what is.
      this.#store.dispatchEvent(new Event('shown'));
    }
  }

  /** After the page was loaded again for another language: say that it is saved, and offer to take it back. */
  greet() {
    const kept = sessionStorage.getItem(KEPT);
    if (!kept) return;
    sessionStorage.removeItem(KEPT);
    this.#said(JSON.parse(kept), document.getElementById('language'));
  }

  #said(undo, control) {
    const action = undo && { label: word('undo'), run: () => this.#undo(undo, control) };
    toast(word('saved'), { action });
  }

  async #undo(patch, control) {
    control?.focus();
    try {
      const { shown } = await this.#changed(patch, control);
      if (this.#speaksAnother(shown)) location.replace(inNoLanguage());
      else toast(word('undone'));
    } catch (problem) {
      await this.#failed(problem, patch, { control, undoable: true });
    }
  }

  /** Say why; gives what `save` gives, as the change may be made again. */
  async #failed(problem, patch, how) {
    if (!('status' in problem)) throw problem;
    if (problem.status === 412) return this.#conflict(patch, how);
    if (how.scope && problem.status === 422) {
      showFaults(how.scope, problem);
      return null;
    }
    const again = problem.status === 0 || problem.status >= 500;
    const action = again && { label: word('again'), run: () => { how.control?.focus(); this.save(patch, how); } };
    toast(word('not-saved', { what: again ? word('away') : wrong(problem) }), { bad: true, action });
    return null;
  }

  async #conflict(patch, how) {
    try {
      await this.#store.load();
    } catch (problem) {
      toast(word('not-saved', { what: wrong(problem) }), { bad: true });
      return null;
    }
    const dialog = document.getElementById('conflict');
    document.getElementById('conflict-what').textContent = how.what;
    dialog.returnValue = '';
    dialog.showModal();
    await new Promise((resolve) => { dialog.addEventListener('close', resolve, { once: true }); });
    how.control?.focus();
    return dialog.returnValue === 'again' ? this.save(patch, how) : null;
  }

  #speaksAnother(shown) {
    const main = document.getElementById('main');
    return main.dataset.wanted !== undefined && shown.locale !== main.dataset.wanted;
  }

  #reload(undo) {
    sessionStorage.setItem(KEPT, JSON.stringify(undo));
    location.replace(inNoLanguage());
    return null;
  }
}

/** Ask the service to do something; gives its answer, or null after saying what is wrong. */
export async function ask(method, path, control) {
  control.setAttribute('aria-busy', 'true');
  try {
    return (await call(method, path)).body;
  } catch (problem) {
    if (!('status' in problem)) throw problem;
    toast(problem.status >= 500 ? word('away') : wrong(problem), { bad: true });
    return null;
  } finally {
    control.removeAttribute('aria-busy');
  }
}

function inNoLanguage() {
  const here = new URL(location.href);
  here.searchParams.delete('lang');
  return here;
}
