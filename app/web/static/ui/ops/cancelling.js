// Taking back what has not been sent, after a question.

import { call } from '../api.js';
import { el } from '../build.js';
import { toast } from '../toasts.js';
import { word, wrong } from '../words.js';
import { ask } from './ask.js';

/** A button that cancels what is at a path, an `event` or a `notification`, and then has it loaded again. */
export function cancelButton(path, what, load) {
  const button = el('button', { type: 'button', className: 'danger' }, word('cancel'));
  button.addEventListener('click', async () => {
    const [title, text, yes] = ['title', 'text', 'yes'].map((part) => word(`cancel.${what}.${part}`));
    if (!(await ask({ title, text, yes, danger: true }))) return;
    try {
      await call('DELETE', path);
      toast(word('cancel.done'));
    } catch (problem) {
      toast(wrong(problem), { bad: true });
    }
    await load();
    document.getElementById('heading')?.focus();
  });
  return button;
}
