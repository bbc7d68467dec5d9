// What every page has: the way out, and the way in when the session is over.

import { address, call } from './api.js';

document.getElementById('sign-out').addEventListener('click', async () => {
  try {
    await call('DELETE', '/ui/session');
  } finally {
    location.assign(address('/ui/inbox'));
  }
});

addEventListener('im2-signed-out', () => location.reload());
