// What every page has: the way out.

import { address, call } from './api.js';

document.getElementById('sign-out').addEventListener('click', async () => {
  try {
    await call('DELETE', '/ui/session');
  } finally {
    location.assign(address('/ui/inbox'));
  }
});
