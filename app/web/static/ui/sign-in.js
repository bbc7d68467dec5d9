// The door: a token from the address (`#token=…`) or from the form becomes a session.

import { address } from './api.js';
import { word } from './words.js';

const form = document.getElementById('sign-in');
const field = form.elements.token;
const fault = document.getElementById('fault');

function say(name) {
  fault.textContent = word(name);
  fault.hidden = false;
  field.setAttribute('aria-invalid', 'true');
  field.focus();
}

async function enter(token) {
  let answer;
  try {
    answer = await fetch(address('/ui/session'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
  } catch {
    return say('away');
  }
  if (answer.ok) location.reload();
  else say(answer.status === 503 ? 'away' : 'refused');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token) enter(token);
  else say('missing');
});

const brought = new URLSearchParams(location.hash.slice(1)).get('token');
if (brought) {
  // It stays neither in the address nor in the history.
  history.replaceState(null, '', location.pathname + location.search);
  enter(brought);
}
