// Subjects about which nothing is sent.

import { stamp } from '../build.js';
import { word } from '../words.js';
import { clearFaults, sayAt } from './faults.js';

/** Show the list, and save what is added and removed. */
export function muted(store, saving) {
  const scope = document.getElementById('muted');
  const list = document.getElementById('muted-list');
  const field = document.getElementById('muted-new');
  const subjects = () => store.shown.muted_subjects;

  function save(wanted, control, what) {
    return saving.save({ muted_subjects: wanted }, { control, what, scope });
  }

  let drawn = null;
  store.addEventListener('shown', () => {
    if (drawn === JSON.stringify(subjects())) return;
    drawn = JSON.stringify(subjects());
    list.replaceChildren(...subjects().map((subject, number) => entry(subject, number, async (button) => {
      const place = subjects().indexOf(subject);
      const saved = await save(subjects().filter((other) => other !== subject), button, subject);
      if (saved) (list.querySelectorAll('button')[Math.min(place, list.children.length - 1)] ?? field).focus();
    })));
    document.getElementById('muted-none').hidden = subjects().length > 0;
    list.hidden = subjects().length === 0;
  });
  document.getElementById('muted-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    clearFaults(scope);
    const subject = field.value.trim();
    if (!subject) {
      sayAt(field, word('missing'));
      field.focus();
      return;
    }
    if (await save([...subjects(), subject], field, subject)) field.value = '';
  });
}

function entry(subject, number, remove) {
  const { element, slots } = stamp('muted-entry');
  slots.subject.textContent = subject;
  slots.subject.id = `muted-${number}`;
  slots.remove.setAttribute('aria-describedby', slots.subject.id);
  slots.remove.addEventListener('click', () => remove(slots.remove));
  return element;
}
