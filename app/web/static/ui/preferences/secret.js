// A secret that is shown this once.

import { word } from '../words.js';

/** Show it until it is closed; `both` says that the one before goes on working for a while. */
export function tellSecret(secret, { both }) {
  const dialog = document.getElementById('secret');
  const field = document.getElementById('secret-value');
  const copied = document.getElementById('secret-copied');
  const copy = document.getElementById('secret-copy');
  field.value = secret;
  copied.textContent = '';
  document.getElementById('secret-both').hidden = !both;
  const put = async () => {
    field.select();
    // Without HTTPS there is no clipboard: it is selected, and can be copied by hand.
    await navigator.clipboard?.writeText(secret).then(() => { copied.textContent = word('copied'); }, () => {});
  };
  copy.addEventListener('click', put);
  dialog.showModal();
  copy.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      copy.removeEventListener('click', put);
      field.value = '';
      resolve();
    }, { once: true });
  });
}
